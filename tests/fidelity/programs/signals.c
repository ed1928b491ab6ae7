/* What signals do to a program, and what they tell it: signals WAY. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t count, *shared;
static volatile int sent[64], values[64], senders[64], kinds[64];

static void take(int number, siginfo_t *info, void *context) {
    (void)context;
    if (count < 64) {
        sent[count] = number;
        kinds[count] = info->si_code;
        senders[count] = info->si_pid;
        values[count] = info->si_code == SI_QUEUE ? info->si_value.sival_int : info->si_status;
    }
    count++;
    if (shared)
        *shared = count;
}

static void handle(int number, int flags) {
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, 0);
}

static void every(int microseconds) {
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &often, 0);
}

/* Many system calls on files while a timer interrupts them: none may fail for that. */
static void storm(int flags) {
    int failures = 0, wrong = 0;
    handle(SIGALRM, flags);
    every(150);
    for (int i = 0; i < 1500; i++) {
        int out = open("made", O_WRONLY | O_CREAT | O_TRUNC, 0600), in = open("README", O_RDONLY), none = open("none/x", O_RDONLY);
        if (out < 0 || in < 0)
            failures++;
        if (none >= 0 || errno != ENOENT)
            wrong++;
        close(out);
        close(in);
        if (rename("made", "other") || link("other", "third") || unlink("other") || unlink("third"))
            failures++;
    }
    for (int i = 0; i < 20; i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            execl("/bin/true", "true", (char *)0);
            _exit(9);
        }
        while (waitpid(pid, &status, 0) < 0)
            ;
        failures += status != 0;
    }
    every(0);
    printf("%d failures, %d with another error, interrupted: %d\n", failures, wrong, count > 0);
}

/* An open that waits, of a FIFO without a writer: a signal ends it; or doesn't, and a writer comes when there were some. */
static void fifo(int flags) {
    mkfifo("fifo", 0600);
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    handle(SIGALRM, flags);
    pid_t writer = flags ? fork() : -1;
    if (!writer) {
        while (*shared < 5)
            poll(0, 0, 5);
        close(open("fifo", O_WRONLY));
        _exit(0);
    }
    every(50000);
    int fd = open("fifo", O_RDONLY), error = fd < 0 ? errno : 0;
    every(0);
    printf("%d %s, signals: %d\n", fd >= 0, strerror(error), count > 0);
    waitpid(writer, 0, 0);
    unlink("fifo");
}

static void tell(pid_t child) {
    for (int i = 0; i < count; i++)
        printf("signal %d code %d value %d from %s\n", sent[i], kinds[i], values[i],
            senders[i] == getpid() ? "itself" : senders[i] == child ? "child" : senders[i] ? "another" : "nobody");
}

/* Who sent it, and with which value. */
static void info(void) {
    sigset_t all, none;
    sigemptyset(&none);
    sigfillset(&all);
    for (int number = 1; number <= SIGRTMAX; number++)
        handle(number, 0);
    sigprocmask(SIG_SETMASK, &all, 0);
    pid_t self = getpid(), child = fork();
    if (!child) {
        kill(self, SIGUSR1);
        for (int i = 1; i <= 5; i++)
            sigqueue(self, SIGRTMIN + 1, (union sigval){.sival_int = i});
        sigqueue(self, SIGUSR2, (union sigval){.sival_int = 77});
        close(open("README", O_RDONLY));
        _exit(3);
    }
    siginfo_t ended;
    waitid(P_PID, child, &ended, WEXITED | WNOWAIT);
    printf("waitid: signal %d code %d status %d\n", ended.si_signo, ended.si_code, ended.si_status);
    sigprocmask(SIG_SETMASK, &none, 0);
    raise(SIGHUP);
    tell(child);
    count = 0;
    sigprocmask(SIG_SETMASK, &all, 0);
    int fd = signalfd(-1, &all, 0);
    struct signalfd_siginfo read_;
    raise(SIGTERM);
    while (waitpid(child, 0, 0) > 0)
        ;
    ssize_t n = read(fd, &read_, sizeof read_);
    printf("signalfd: %ld bytes, signal %u, itself: %d\n", (long)n, read_.ssi_signo, (int)read_.ssi_pid == getpid());
    /* one that stops, goes on and is killed; it stops again only when its going on has been told, which a stop would undo */
    int gate[2];
    handle(SIGCHLD, 0);
    if (pipe(gate))
        return;
    child = fork();
    if (!child) {
        char opened;
        sigprocmask(SIG_SETMASK, &none, 0);
        raise(SIGSTOP);
        while (read(gate[0], &opened, 1) != 1)
            ;
        for (;;)
            raise(SIGSTOP);
    }
    static const int wanted[] = {WSTOPPED, WCONTINUED, WSTOPPED, WEXITED}, next[] = {SIGCONT, 0, SIGKILL, 0};
    for (int i = 0; i < 4; i++) {
        waitid(P_PID, child, &ended, wanted[i]);
        printf("child: code %d status %d\n", ended.si_code, ended.si_status);
        if (next[i])
            kill(child, next[i]);
        if (wanted[i] == WCONTINUED && write(gate[1], "", 1) != 1)
            return;
    }
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(way, "storm"))
        storm(SA_RESTART);
    else if (!strcmp(way, "bare storm"))
        storm(0);
    else if (!strcmp(way, "fifo"))
        fifo(0);
    else if (!strcmp(way, "restarted"))
        fifo(SA_RESTART);
    else if (!strcmp(way, "info"))
        info();
    return 0;
}
