/* Small debuggers: debugger WAY. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static const char *const word = "seen from outside";

static int calls(pid_t pid, int request) {
    int status, count = 0;
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (++count == 500)
            request = PTRACE_CONT;
        ptrace(request, pid, 0, WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status));
    }
    printf("%s, ended with %d\n", count > 1 ? "stops" : "no stops", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 0;
}

static int traced_child(int request, int seccomp) {
    pid_t pid = fork();
    if (!pid) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) {
            printf("TRACEME: %s\n", strerror(errno));
            _exit(1);
        }
        if (seccomp) {
            struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 7),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            };
            struct sock_fprog program = {sizeof code / sizeof *code, code};
            raise(SIGSTOP);
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
            _exit(open("README", O_RDONLY) < 0 ? errno : 0);
        }
        fflush(stdout);
        execlp("cat", "cat", "README", (char *)0);
        _exit(127);
    }
    if (!seccomp)
        return calls(pid, request);
    int status, events = 0;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status))
        return 1;
    if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP))
        printf("SETOPTIONS: %s\n", strerror(errno));
    kill(pid, SIGCONT);
    ptrace(PTRACE_CONT, pid, 0, 0);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        events += status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
        ptrace(PTRACE_CONT, pid, 0, 0);
    }
    printf("%d events, ended with %d\n", events, WEXITSTATUS(status));
    return 0;
}

static int other(int request) {
    int status = 0;
    char text[32] = "";
    pid_t pid = fork();
    if (!pid)
        for (;;)
            poll(0, 0, 1000);
    if (ptrace(request, pid, 0, 0)) {
        printf("attaching: %s\n", strerror(errno));
    } else {
        if (request == PTRACE_SEIZE)
            ptrace(PTRACE_INTERRUPT, pid, 0, 0);
        waitpid(pid, &status, 0);
        long found = ptrace(PTRACE_PEEKDATA, pid, word, 0);
        printf("stopped: %d, %.4s\n", WIFSTOPPED(status), (char *)&found);
        printf("going on: %ld\n", ptrace(PTRACE_DETACH, pid, 0, 0));
    }
    struct iovec here = {text, sizeof text - 1}, there = {(void *)word, strlen(word)};
    printf("%ld bytes: %s\n", (long)process_vm_readv(pid, &here, 1, &there, 1, 0), text);
    char name[32];
    snprintf(name, sizeof name, "/proc/%d/mem", pid);
    memset(text, 0, sizeof text);
    printf("%ld bytes: %s\n", (long)pread(open(name, O_RDONLY), text, 4, (off_t)word), text);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    printf("killed: %d\n", WTERMSIG(status));
    return 0;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(way, "steps"))
        return traced_child(PTRACE_SINGLESTEP, 0);
    if (!strcmp(way, "calls"))
        return traced_child(PTRACE_SYSCALL, 0);
    if (!strcmp(way, "filter"))
        return traced_child(PTRACE_CONT, 1);
    if (!strcmp(way, "attach"))
        return other(PTRACE_ATTACH);
    if (!strcmp(way, "seize"))
        return other(PTRACE_SEIZE);
    if (!strcmp(way, "alone")) /* as programs find out whether a debugger looks at them */
        return printf("%s\n", ptrace(PTRACE_TRACEME, 0, 0, 0) ? strerror(errno) : "nobody looks on") < 0;
    return 1;
}
