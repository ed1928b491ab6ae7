/* Processes: ways to start one, to become another program, to end. */
#include "modes.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#define STACK 65536
static char stack[STACK] __attribute__((aligned(64)));

static void vfork_chdir(void) {
    MUST(!get("x"));
    pid_t pid = vfork();
    if (!pid) {
        if (chdir("sub")) _exit(1);
        execl("/bin/cat", "cat", "x", (char *)0);
        _exit(1);
    }
    MUST(ended_well(pid) && get("a") && put("out", "1"));
}
static void vfork_opens(void) {
    pid_t pid = vfork();
    if (!pid) {
        int f = open("a", O_RDONLY), g = open("out", O_WRONLY | O_CREAT, 0644);
        if (f < 0 || g < 0 || dup2(f, 0) || dup2(g, 1) != 1) _exit(1);
        execl("/bin/cat", "cat", (char *)0);
        _exit(1);
    }
    MUST(ended_well(pid));
}
static void vfork_that_fails(void) {
    pid_t pid = vfork();
    if (!pid) {
        execl("./absent", "absent", (char *)0);
        _exit(errno == ENOENT ? 0 : 1);
    }
    MUST(ended_well(pid) && put("out", "x"));
}
static void fork_write(void) {
    pid_t p = fork();
    if (!p) {
        MUST(get("a") && put("out", "x"));
        _exit(0);
    }
    MUST(ended_well(p) && get("b"));
}
static void raw_fork(void) {
    long p = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (!p) {
        MUST(!chdir("sub") && get("x"));
        _exit(0);
    }
    MUST(ended_well((pid_t)p) && get("a"));
}
static void clone3_fork(void) {
    unsigned long long args[8] = {0, 0, 0, 0, SIGCHLD};
    long p = syscall(SYS_clone3, args, sizeof args);
    if (!p) {
        MUST(put("out", "x"));
        _exit(0);
    }
    MUST(ended_well((pid_t)p) && get("a"));
}
static int in_sub(void *unused) {
    (void)unused;
    if (chdir("sub")) return 1;
    return !get("x");
}
static void clone_shares_directory(void) { /* the child's chdir is the parent's too */
    pid_t p = clone(in_sub, stack + STACK, CLONE_FS | SIGCHLD, 0);
    MUST(ended_well(p) && get("x") && put("y", "x"));
}
static void clone_own_directory(void) {
    pid_t p = clone(in_sub, stack + STACK, SIGCHLD, 0);
    MUST(ended_well(p) && !get("x") && get("a"));
}
static int opens_a(void *where) {
    *(int *)where = open("a", O_RDONLY);
    return 0;
}
static void clone_shares_descriptors(void) {
    int *f = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char b;
    pid_t p = clone(opens_a, stack + STACK, CLONE_FILES | SIGCHLD, f);
    MUST(ended_well(p) && read(*f, &b, 1) == 1);
}
static int shares_memory(void *unused) {
    (void)unused;
    return !(get("a") && put("out", "x"));
}
static void clone_like_vfork(void) {
    pid_t p = clone(shares_memory, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
    MUST(ended_well(p) && get("b"));
}
static void spawn_empty(void) {
    char *a[] = {"cp", "a", "out", 0}, *e[] = {0};
    pid_t p;
    MUST(!posix_spawn(&p, "/bin/cp", 0, 0, a, e) && ended_well(p));
}
static void spawn_addopen(void) {
    char *a[] = {"cat", 0};
    pid_t p;
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "a", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    MUST(!posix_spawnp(&p, "cat", &fa, 0, a, environ) && ended_well(p));
}
static void spawn_chdir(void) {
    char *a[] = {"./cat", "x", 0};
    pid_t p;
    posix_spawn_file_actions_t fa;
    MUST(!symlink("/bin/cat", "sub/cat"));
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addchdir_np(&fa, "sub");
    MUST(!posix_spawn(&p, "./cat", &fa, 0, a, environ) && ended_well(p) && !unlink("sub/cat"));
}
static void spawn_fails(void) {
    char *a[] = {"x", 0};
    pid_t p;
    MUST(posix_spawn(&p, "./absent", 0, 0, a, environ) && posix_spawn(&p, "./sub", 0, 0, a, environ) && get("a"));
}
static void spawn_fails_after_an_open(void) { /* the file that it opened for the program is there all the same */
    char *a[] = {"x", 0};
    pid_t p;
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    MUST(posix_spawn(&p, "./absent", &fa, 0, a, environ) == ENOENT);
}
static void clearenv_system(void) { MUST(!clearenv() && !system("cat a > out")); }
static void clearenv_popen(void) {
    clearenv();
    FILE *f = popen("cat > out", "w");
    MUST(f && fputs("x", f) >= 0 && !pclose(f));
}
static void clearenv_execl(void) {
    clearenv();
    execl("/bin/cp", "cp", "a", "out", (char *)0);
    exit(9);
}
static void execle_(void) {
    char *e[] = {"X=1", 0};
    execle("/bin/cp", "cp", "a", "out", (char *)0, e);
    exit(9);
}
static void execlp_(void) {
    execlp("cp", "cp", "a", "out", (char *)0);
    exit(9);
}
static void execvpe_(void) {
    char *a[] = {"cp", "a", "out", 0}, *e[] = {"PATH=/nowhere", 0};
    execvpe("cp", a, e);
    exit(9);
}
static void fexecve_(void) {
    int f = open("/bin/cp", O_RDONLY | O_CLOEXEC);
    char *a[] = {"cp", "a", "out", 0}, *e[] = {0};
    fexecve(f, a, e);
    exit(9);
}
static void fexecve_script(void) { /* the interpreter opens /dev/fd/N */
    char *a[] = {"script", 0};
    fexecve(open("script", O_RDONLY), a, environ);
    exit(9);
}
static void execveat_(void) {
    int f = open("/bin", O_PATH);
    char *a[] = {"cp", "a", "out", 0};
    execveat(f, "cp", a, environ, 0);
    exit(9);
}
static void execveat_in_sub(void) {
    MUST(!symlink("../script", "sub/link") && !chdir("sub"));
    int d = open("..", O_PATH);
    char *a[] = {"script", 0};
    MUST(execveat(d, "old", a, environ, AT_SYMLINK_NOFOLLOW) < 0 && errno == ELOOP);
    MUST(!unlink("link") && !chdir(".."));
    execveat(d, "script", a, environ, 0);
    exit(9);
}
static void exec_from_memory(void) { /* a program that has no name */
    char buffer[65536], *a[] = {"cp", "a", "out", 0};
    int f = open("/bin/cp", O_RDONLY), g = memfd_create("program", 0);
    for (ssize_t n; (n = read(f, buffer, sizeof buffer)) > 0;) MUST(write(g, buffer, n) == n);
    fexecve(g, a, environ);
    exit(9);
}
static void has_ended(pid_t p) { /* waits until somebody else's child is no more, and not only on its way to that */
    struct pollfd of = {.fd = (int)syscall(SYS_pidfd_open, p, 0), .events = POLLIN};
    MUST(of.fd < 0 ? errno == ESRCH : poll(&of, 1, -1) == 1);
}
static void orphan(void) {
    int p[2];
    pid_t self;
    MUST(!pipe(p));
    if (!fork()) {
        if (!fork()) {
            self = getpid();
            put("out", "x");
            MUST(write(p[1], &self, sizeof self) == sizeof self);
            _exit(0);
        }
        _exit(0);
    }
    close(p[1]);
    MUST(read(p[0], &self, sizeof self) == sizeof self);
    has_ended(self);
    while (wait(0) > 0) {}
}
static void daemon_that_ends(void) { /* detached in every way, and done before the command is */
    int p[2];
    pid_t self;
    MUST(!pipe(p));
    if (!fork()) {
        setsid();
        if (fork()) _exit(0);
        MUST(!chdir("sub") && get("x") && put("y", "x") && !chdir("/"));
        self = getpid();
        MUST(write(p[1], &self, sizeof self) == sizeof self);
        _exit(0);
    }
    MUST(read(p[0], &self, sizeof self) == sizeof self && get("a"));
    has_ended(self);
    while (wait(0) > 0) {}
}
static void daemonised(void) { /* it goes on when the command has ended */
    MUST(get("a"));
    if (!daemon(1, 0)) {
        put("out", "x");
        sleep(60);
    }
}
static void subreaper(void) { /* grandchildren become its children */
    int status;
    MUST(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    pid_t p = fork();
    if (!p) {
        if (!fork()) {
            if (!fork()) _exit(!put("out", "x"));
            _exit(!get("a"));
        }
        _exit(0);
    }
    for (int left = 3; left; left--) MUST(wait(&status) > 0 && !status);
}
static void many_children(void) {
    for (int i = 0; i < 60; i++) {
        pid_t p = fork();
        if (!p) {
            char path[16];
            snprintf(path, sizeof path, "c%d", i);
            MUST(get("a") && put(path, "x"));
            _exit(0);
        }
    }
    for (int status, i = 0; i < 60; i++) MUST(wait(&status) > 0 && !status);
}
static void stops_and_goes_on(void) {
    int status;
    pid_t p = fork();
    if (!p) {
        raise(SIGSTOP);
        MUST(put("out", "x"));
        _exit(0);
    }
    MUST(waitpid(p, &status, WUNTRACED) == p && WIFSTOPPED(status) && get("a") && !kill(p, SIGCONT) && ended_well(p));
}
static void no_new_privileges(void) {
    MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    execl("/bin/cp", "cp", "a", "out", (char *)0);
    exit(9);
}
static void not_dumpable(void) { /* nobody may look into its memory */
    MUST(!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) && get("a") && put("out", "x") && !rename("out", "out2"));
}
static void traces_child(void) { /* is a debugger itself */
    int status;
    pid_t p = fork();
    if (!p) {
        MUST(!ptrace(PTRACE_TRACEME, 0, 0, 0));
        execl("/bin/cp", "cp", "a", "out", (char *)0);
        _exit(9);
    }
    MUST(waitpid(p, &status, 0) == p && WIFSTOPPED(status));
    while (WIFSTOPPED(status)) MUST(!ptrace(PTRACE_SYSCALL, p, 0, 0) && waitpid(p, &status, 0) == p);
    MUST(WIFEXITED(status) && !WEXITSTATUS(status) && get("b"));
}
static void kill9(void) {
    MUST(get("a") && put("out", "x"));
    kill(getpid(), SIGKILL);
}
static void child_killed(void) {
    int status, hold[2];
    char b;
    MUST(!pipe(hold));
    pid_t p = fork();
    if (!p) {
        MUST(get("a") && put("out", "x") && write(hold[1], "x", 1) == 1);
        for (;;) pause();
    }
    MUST(read(hold[0], &b, 1) == 1 && !kill(p, SIGKILL) && waitpid(p, &status, 0) == p && WTERMSIG(status) == SIGKILL);
}
static void aborts(void) {
    struct rlimit l = {0, 0};
    MUST(put("out", "x") && !setrlimit(RLIMIT_CORE, &l));
    abort();
}

const struct mode processes[] = {
    MODE(vfork_chdir), MODE(vfork_opens), MODE(vfork_that_fails), MODE(fork_write), MODE(raw_fork), MODE(clone3_fork),
    MODE(clone_shares_directory), MODE(clone_own_directory), MODE(clone_shares_descriptors), MODE(clone_like_vfork),
    MODE(spawn_empty), MODE(spawn_addopen), MODE(spawn_chdir), MODE(spawn_fails), MODE(spawn_fails_after_an_open),
    MODE(clearenv_system), MODE(clearenv_popen), MODE(clearenv_execl), MODE(execle_), MODE(execlp_), MODE(execvpe_),
    MODE(fexecve_), MODE(fexecve_script), MODE(execveat_), MODE(execveat_in_sub), MODE(exec_from_memory), MODE(orphan),
    MODE(daemon_that_ends), MODE(daemonised), MODE(subreaper), MODE(many_children), MODE(stops_and_goes_on),
    MODE(no_new_privileges), MODE(not_dumpable), MODE(traces_child), MODE(kill9), MODE(child_killed), MODE(aborts), NO_MORE,
};
