/* Processes that start others in every way, and what they share: processes WAY. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int ended(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int wrong_start(int i) {
    char *words[] = {"true", 0}, *missing = "./missing-interpreter";
    pid_t pid;
    switch (i % 4) {
    case 0:
        if (!(pid = vfork())) {
            execve("/bin/true", words, environ);
            _exit(9);
        }
        return ended(pid) != 0;
    case 1:
        return posix_spawn(&pid, "/bin/true", 0, 0, words, environ) || ended(pid);
    case 2:
        if (!(pid = vfork())) {
            execve(missing, words, environ);
            _exit(errno == ENOENT ? 8 : 9);
        }
        return ended(pid) != 8;
    default:
        return posix_spawnp(&pid, "no-such-program", 0, 0, words, environ) != ENOENT;
    }
}

static int fork_and_open(int i) {
    char name[32];
    pid_t pid = fork();
    if (!pid) {
        snprintf(name, sizeof name, "made.%d", i);
        int out = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600), in = open("README", O_RDONLY);
        _exit(out < 0 || in < 0 || unlink(name) ? 1 : i % 256);
    }
    return pid;
}

static int deep(int levels) {
    pid_t pid = levels ? fork() : -1;
    if (!levels)
        return open("README", O_RDONLY) < 0;
    if (!pid)
        _exit(deep(levels - 1));
    return ended(pid);
}

/* Who an orphan belongs to: the same as ever, and still there when it opens files. */
static void orphan(void) {
    int ends[2], sum = 0;
    char text[64] = "";
    pid_t self = getpid(), middle;
    pipe(ends);
    if (!(middle = fork())) {
        middle = getpid();
        if (!fork()) {
            while (getppid() == middle)
                poll(0, 0, 1);
            int in = open("README", O_RDONLY);
            dprintf(ends[1], "adopted by %d, %s", getppid(), in < 0 ? "blind" : "can read");
            _exit(0);
        }
        _exit(0);
    }
    ended(middle);
    close(ends[1]);
    read(ends[0], text, sizeof text - 1);
    puts(text);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!(middle = fork())) {
        middle = getpid();
        if (!fork()) {
            while (getppid() == middle)
                poll(0, 0, 1);
            _exit(getppid() == self ? 6 : 7);
        }
        _exit(50);
    }
    sum = ended(-1);
    sum += ended(-1);
    printf("%d, then none: %d\n", sum, wait(0));
}

/* A lock that a process holds is lost when it closes any descriptor of the file: nobody else may do so in its name. */
static void locks(void) {
    struct flock lock = {.l_type = F_WRLCK}, seen = {.l_type = F_WRLCK};
    int fd = open("locked", O_RDWR | O_CREAT, 0600), status = 0, other = open("README", O_RDONLY);
    fcntl(fd, F_SETLK, &lock);
    flock(other, LOCK_EX);
    struct stat s;
    stat("locked", &s);
    rename("locked", "moved");
    rename("moved", "locked");
    access("locked", R_OK);
    close(open("README", O_RDONLY));
    if (!fork()) {
        int again = open("locked", O_RDWR), mine = open("README", O_RDONLY);
        fcntl(again, F_GETLK, &seen);
        printf("held by the parent: %d, shared: %d\n", seen.l_pid == getppid(), flock(mine, LOCK_SH | LOCK_NB) ? errno : 0);
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    fcntl(fd, F_SETLEASE, F_WRLCK);
    printf("lease: %d\n", fcntl(fd, F_GETLEASE));
    close(open("README", O_RDONLY));
    rename("locked", "moved");
    printf("lease: %d\n", fcntl(fd, F_GETLEASE));
}

/* Who else opens a file that a program watches?  Only those that it started. */
static void watched(void) {
    char room[4096];
    int fd = inotify_init1(IN_NONBLOCK), count[3] = {0};
    inotify_add_watch(fd, "README", IN_OPEN | IN_ACCESS | IN_CLOSE);
    pid_t pid = fork();
    if (!pid) {
        int in = open("README", O_RDONLY);
        char c;
        read(in, &c, 1);
        execl("/bin/cat", "cat", "README", (char *)0);
    }
    ended(pid);
    poll(0, 0, 50);
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;)
        for (char *at = room; at < room + n; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len) {
            int mask = ((struct inotify_event *)at)->mask;
            count[0] += !!(mask & IN_OPEN);
            count[1] += !!(mask & IN_CLOSE);
        }
    printf("opened %d, closed %d\n", count[0], count[1]);
}

/* Made in odd ways: CLONE_FILES | CLONE_FS | CLONE_VM without threads, CLONE_PARENT, clone3. */
static int in_clone(void *unused) {
    int fd = open("README", O_RDONLY);
    chdir("folder");
    (void)unused;
    return fd < 0;
}

static void clones(void) {
    static char stack[65536] __attribute__((aligned(16)));
    int before = open("/dev/null", O_RDONLY);
    close(before);
    pid_t pid = clone(in_clone, stack + sizeof stack, CLONE_FILES | CLONE_FS | CLONE_VM | SIGCHLD, 0);
    int code = ended(pid);
    printf("shared: code %d, descriptor %d, directory %d\n", code, fcntl(before, F_GETFD) >= 0, access("file", F_OK));
    chdir("..");
    pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (!pid)
        _exit(open("README", O_RDONLY) < 0);
    printf("a sibling is no child: %d\n", waitpid(pid, 0, 0) < 0 && errno == ECHILD);
    struct {
        unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, size, tls;
    } arguments = {.exit_signal = SIGCHLD};
    pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (!pid)
        _exit(open("README", O_RDONLY) < 0 ? 1 : 14);
    printf("clone3: %d\n", ended(pid));
    pid = syscall(SYS_clone, 0, 0, 0, 0, 0); /* no signal at its end */
    if (!pid)
        _exit(15);
    int status;
    printf("without a signal: %d %d", waitpid(pid, &status, 0) < 0 && errno == ECHILD, waitpid(pid, &status, __WCLONE) == pid);
    printf(" %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    int wrong = 0;
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(way, "starts")) {
        for (int i = 0; i < 400; i++)
            wrong += wrong_start(i);
        printf("%d wrong\n", wrong);
    } else if (!strcmp(way, "forks")) {
        for (int round = 0; round < 40; round++) {
            pid_t pids[50];
            for (int i = 0; i < 50; i++)
                pids[i] = fork_and_open(round * 50 + i);
            for (int i = 0; i < 50; i++)
                wrong += ended(pids[i]) != (round * 50 + i) % 256;
        }
        printf("%d wrong\n", wrong);
    } else if (!strcmp(way, "deep")) {
        printf("%d\n", deep(60));
    } else if (!strcmp(way, "orphan")) {
        orphan();
    } else if (!strcmp(way, "locks")) {
        locks();
    } else if (!strcmp(way, "watched")) {
        watched();
    } else if (!strcmp(way, "clones")) {
        clones();
    }
    return 0;
}
