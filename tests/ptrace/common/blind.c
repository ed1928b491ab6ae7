/* Does what the tracer can't follow, or what can't be had beside it: blind MODE.  Prints how that ended, and reads a file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int filter(unsigned flags, unsigned action) { /* for uname(2), which nobody here needs */
    struct sock_filter code[] = {
        { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
        { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_uname },
        { BPF_RET | BPF_K, 0, 0, action },
        { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
    };
    struct sock_fprog program = { 4, code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int in_a_child(int (*act)(void)) { /* its exit code */
    int status, pid = fork();
    if (!pid) {
        int done = act();
        syscall(SYS_exit, done < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    if (WIFSTOPPED(status)) {
        ptrace(PTRACE_CONT, pid, 0, 0);
        waitpid(pid, &status, 0);
    }
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return errno ? -1 : 0;
}

static int strict(void) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0); }
static int strict_too(void) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL); }
static int traced(void) {
    int done = ptrace(PTRACE_TRACEME, 0, 0, 0);
    if (!done) raise(SIGSTOP);
    return done;
}

int main(int count, char **words) {
    char parameters[120] = { 0 };
    int done = 0;
    (void)count;
    if (!strcmp(words[1], "ring")) done = syscall(SYS_io_uring_setup, 1, parameters);
    if (!strcmp(words[1], "listener")) done = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);
    if (!strcmp(words[1], "tracer")) done = filter(0, SECCOMP_RET_TRACE);
    if (!strcmp(words[1], "sandbox")) done = filter(0, SECCOMP_RET_ERRNO | EPERM);
    if (!strcmp(words[1], "strict")) done = in_a_child(strict);
    if (!strcmp(words[1], "strict too")) done = in_a_child(strict_too);
    if (!strcmp(words[1], "traced")) done = in_a_child(traced);
    if (!strcmp(words[1], "closed")) done = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    printf("%s\n", done < 0 ? strerrorname_np(errno) : "ok");
#ifdef __x86_64__
    if (!strcmp(words[1], "other door")) { /* 32-bit open(2), whose pointers have 32 bits */
        static const char name[] = "a";
        long fd;
        __asm__ volatile("int $0x80" : "=a"(fd) : "a"(5), "b"(name), "c"(0), "d"(0) : "memory");
        return fd < 0;
    }
#endif
    return open("a", O_RDONLY) < 0;
}
