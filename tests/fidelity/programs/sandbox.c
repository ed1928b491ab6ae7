/* Programs that shut themselves in: sandbox WAY. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int filter(unsigned action, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int made = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (made < 0)
        printf("filter: %s\n", strerror(errno));
    return made;
}

static void try(void) {
    int fd = open("README", O_RDONLY);
    printf("open: %s\n", fd < 0 ? strerror(errno) : "yes");
    printf("mkdirat: %s\n", mkdirat(AT_FDCWD, "made", 0700) ? strerror(errno) : "yes");
    printf("rename: %s\n", rename("plain", "renamed") ? strerror(errno) : "yes");
    close(fd);
}

static void end(int status) {
    printf("ended with %d, signal %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void take(int number, siginfo_t *info, void *context) {
    (void)context;
    printf("signal %d for call %d, errno %d\n", number, info->si_syscall == SYS_openat, info->si_errno);
}

static void *try_in_thread(void *action) {
    filter((unsigned)(long)action, 0);
    close(openat(AT_FDCWD, "README", O_RDONLY));
    return 0;
}

static void strict(void) {
    int fds[2], status;
    char text[8] = "";
    pipe(fds);
    int in = open("README", O_RDONLY);
    for (int round = 0; round < 2; round++) {
        if (!fork()) {
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
            write(fds[1], text, read(in, text, 3));
            if (round)
                syscall(SYS_openat, AT_FDCWD, "README", O_RDONLY);
            syscall(SYS_exit, 11);
        }
        wait(&status);
        end(status);
    }
    printf("%ld bytes: %s\n", (long)read(fds[0], text, 6), text);
}

/* A supervisor of its own that answers its child's calls. */
static void listener(void) {
    int pair[2], status;
    pipe(pair);
    pid_t pid = fork();
    if (!pid) {
        int fd = filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        write(pair[1], &fd, sizeof fd);
        if (fd < 0)
            _exit(20);
        printf("answered: %s\n", open("nothing", O_RDONLY) < 0 ? strerror(errno) : "yes");
        printf("let through: %s\n", mkdirat(AT_FDCWD, "made", 0700) ? strerror(errno) : "yes");
        _exit(21);
    }
    int fd = -1;
    read(pair[0], &fd, sizeof fd);
    if (fd >= 0) {
        int mine = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), fd, 0);
        for (int i = 0; i < 2; i++) {
            struct seccomp_notif call = {0};
            struct seccomp_notif_resp answer = {0};
            if (ioctl(mine, SECCOMP_IOCTL_NOTIF_RECV, &call)) {
                printf("recv: %s\n", strerror(errno));
                break;
            }
            answer.id = call.id;
            answer.error = call.data.nr == SYS_openat ? -EXDEV : 0;
            answer.flags = call.data.nr == SYS_openat ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
            ioctl(mine, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        }
    }
    waitpid(pid, &status, 0);
    end(status);
}

static void landlock(void) {
    struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG};
    int fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf("landlock: %s\n", fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) ? strerror(errno) : "yes");
    printf("write: %s\n", open("README", O_WRONLY) < 0 ? strerror(errno) : "yes");
    printf("make: %s\n", open("another", O_WRONLY | O_CREAT, 0600) < 0 ? strerror(errno) : "yes");
    printf("read: %s\n", open("README", O_RDONLY) < 0 ? strerror(errno) : "yes");
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO};
    pthread_t thread;
    setvbuf(stdout, 0, _IOLBF, 0);
    if (!strcmp(way, "closed")) {
        filter(SECCOMP_RET_ERRNO | EXDEV, 0);
        execlp("cat", "cat", "README", (char *)0);
    } else if (!strcmp(way, "strict")) {
        strict();
    } else if (!strcmp(way, "listener")) {
        listener();
    } else if (!strcmp(way, "landlock")) {
        landlock();
    } else if (!strcmp(way, "errno")) {
        filter(SECCOMP_RET_ERRNO | EXDEV, 0);
        try();
    } else if (!strcmp(way, "kill")) {
        filter(SECCOMP_RET_KILL_PROCESS, 0);
        try();
    } else if (!strcmp(way, "kill a thread")) {
        pthread_create(&thread, 0, try_in_thread, (void *)(long)SECCOMP_RET_KILL_THREAD);
        pthread_join(thread, 0);
        try();
    } else if (!strcmp(way, "trap")) {
        sigaction(SIGSYS, &action, 0);
        filter(SECCOMP_RET_TRAP | 5, 0);
        close(syscall(SYS_openat, AT_FDCWD, "README", O_RDONLY));
    } else if (!strcmp(way, "allow")) {
        for (int i = 0; i < 5; i++)
            filter(SECCOMP_RET_ALLOW, SECCOMP_FILTER_FLAG_TSYNC);
        printf("mode %d\n", prctl(PR_GET_SECCOMP));
        try();
        execlp("cat", "cat", "README", (char *)0);
    } else if (!strcmp(way, "trace")) { /* nobody traces: the call does not exist */
        filter(SECCOMP_RET_TRACE, 0);
        try();
    } else if (!strcmp(way, "undumpable")) {
        prctl(PR_SET_DUMPABLE, 0);
        try();
        printf("itself: %s\n", open("/proc/self/environ", O_RDONLY) < 0 ? strerror(errno) : "yes");
    }
    return 0;
}
