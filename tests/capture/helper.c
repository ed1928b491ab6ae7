/* What the cases do that no common tool does: helper MODE.  Each mode works on the files of a fresh directory and answers 0. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define MUST(x)                                            \
    do {                                                   \
        if (!(x)) {                                        \
            fprintf(stderr, "line %d: ", __LINE__);        \
            perror(#x);                                    \
            exit(9);                                       \
        }                                                  \
    } while (0)

static int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return 0;
    int ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return !close(fd) && ok;
}

static int get(const char *path) {
    char buffer[4096];
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    while (read(fd, buffer, sizeof buffer) > 0) {}
    return !close(fd);
}

static int ended_well(pid_t pid) {
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- opening */

static void rdwr_read(void) { char b[9]; int f = open("a", O_RDWR); MUST(f >= 0); MUST(read(f, b, 1) == 1); }
static void rdwr_write(void) { int f = open("a", O_RDWR); MUST(f >= 0); MUST(pwrite(f, "Z", 1, 0) == 1); }
static void rdwr_trunc(void) { char b[9]; int f = open("a", O_RDWR | O_TRUNC); MUST(f >= 0); MUST(write(f, "Z", 1) == 1); lseek(f, 0, 0); MUST(read(f, b, 1) == 1); }
static void wronly_nothing(void) { int f = open("a", O_WRONLY); MUST(f >= 0); }
static void wronly_overwrite(void) { int f = open("a", O_WRONLY); MUST(f >= 0); MUST(write(f, "Z", 1) == 1); }
static void creat_existing(void) { int f = creat("a", 0644); MUST(f >= 0); }
static void creat64_new(void) { int f = creat64("out", 0644); MUST(f >= 0); }
static void excl_new(void) { int f = open("out", O_RDWR | O_CREAT | O_EXCL, 0644); MUST(f >= 0); MUST(write(f, "x", 1) == 1); }
static void excl_existing(void) { MUST(open("a", O_RDWR | O_CREAT | O_EXCL, 0644) < 0); }
static void rdonly_creat(void) { int f = open("out", O_RDONLY | O_CREAT, 0644); MUST(f >= 0); }
static void o_path(void) { MUST(open("a", O_PATH) >= 0); }
static void reopen(void) { char p[64]; sprintf(p, "/proc/self/fd/%d", open("a", O_PATH)); MUST(open(p, O_RDONLY) >= 0); }
static void nofollow(void) { MUST(open("old", O_RDONLY | O_NOFOLLOW) < 0); }
static void nulls(void) { MUST(open(NULL, O_RDONLY) < 0); MUST(rename("a", NULL) < 0); MUST(unlink(NULL) < 0); MUST(link(NULL, "b") < 0); MUST(execve(NULL, NULL, NULL) < 0); }
static void emfile(void) { struct rlimit l = {3, 3}; setrlimit(RLIMIT_NOFILE, &l); MUST(open("a", O_RDONLY) < 0 && errno == EMFILE); }
static void end_of_page(void) {
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(!munmap(p + 4096, 4096));
    memcpy(p + 4094, "a", 2);
    MUST(open(p + 4094, O_RDONLY) >= 0);
}
static void openat2_read(void) { struct open_how h = {.flags = O_RDONLY}; MUST(syscall(SYS_openat2, AT_FDCWD, "a", &h, sizeof h) >= 0); }
static void openat2_create(void) { struct open_how h = {.flags = O_WRONLY | O_CREAT, .mode = 0644}; MUST(syscall(SYS_openat2, AT_FDCWD, "out", &h, sizeof h) >= 0); }
static void by_syscall(void) { MUST(syscall(SYS_open, "a", O_RDONLY) >= 0); MUST(syscall(SYS_openat, AT_FDCWD, "out", O_WRONLY | O_CREAT, 0644) >= 0); MUST(!syscall(SYS_rename, "out", "out2")); }
static void handle(void) {
    struct { struct file_handle head; char body[128]; } h = {.head.handle_bytes = 128};
    int mount;
    MUST(!name_to_handle_at(AT_FDCWD, "a", &h.head, &mount, 0));
    MUST(open_by_handle_at(AT_FDCWD, &h.head, O_RDONLY) >= 0);
}
static void dirfd_(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(d >= 0);
    MUST(openat(d, "x", O_RDONLY) >= 0);
    MUST(openat(d, "y", O_WRONLY | O_CREAT, 0644) >= 0);
    MUST(!renameat(d, "y", AT_FDCWD, "z"));
}
static void fopen_modes(void) {
    FILE *f;
    MUST((f = fopen("a", "r+e")) && fgetc(f) == 'a' && !fclose(f));
    MUST((f = fopen("b", "a")) && fputs("more", f) >= 0 && !fclose(f));
    MUST((f = fopen("out", "wx")) && fputs("new", f) >= 0 && !fclose(f));
    MUST(!fopen("out", "wx"));
    MUST((f = fopen("sub/x", "w+")) && fputs("new", f) >= 0 && !fclose(f));
}
static void freopened(void) { MUST(freopen("a", "r", stdin)); MUST(getchar() == 'a'); MUST(freopen("out", "w", stdout)); puts("x"); }
static void many_temporaries(void) {
    char one[] = "oneXXXXXX", two[] = "twoXXXXXX.txt";
    MUST(mkstemp(one) >= 0 && !rename(one, "out"));
    MUST(mkstemps(two, 4) >= 0 && !unlink(two));
    FILE *f = tmpfile();
    MUST(f && fputs("x", f) >= 0);
}

/* ---- changing */

static void mmap_write(void) { int f = open("a", O_RDWR); char *m = mmap(0, 1, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0); MUST(m != MAP_FAILED); close(f); *m = 'Q'; }
static void mmap_private(void) { int f = open("a", O_RDONLY); char *m = mmap(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0); MUST(m != MAP_FAILED); *m = 'Q'; }
static void mprotect_write(void) { int f = open("a", O_RDWR); char *m = mmap(0, 1, PROT_READ, MAP_SHARED, f, 0); MUST(m != MAP_FAILED); close(f); MUST(!mprotect(m, 1, PROT_READ | PROT_WRITE)); *m = 'Q'; }
static void mmap_shared_read(void) { int f = open("a", O_RDWR); char *m = mmap(0, 1, PROT_READ, MAP_SHARED, f, 0); MUST(m != MAP_FAILED && *m == 'a'); MUST(!munmap(m, 1)); }
static void truncate_zero(void) { MUST(!truncate("a", 0)); }
static void truncate_shorter(void) { MUST(!truncate("a", 2)); }
static void ftruncate_(void) { int f = open("a", O_RDWR); MUST(!ftruncate(f, 1)); }
static void ftruncate_zero(void) { int f = open("a", O_WRONLY); MUST(f >= 0 && !ftruncate(f, 0)); }
static void times_set_back(void) {
    struct stat s;
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && !fstat(f, &s) && pwrite(f, "Z", 1, 0) == 1);
    struct timespec t[2] = {s.st_atim, s.st_mtim};
    MUST(!futimens(f, t));
}
static void fallocate_new(void) { int f = open("out", O_WRONLY | O_CREAT, 0644); MUST(!posix_fallocate(f, 0, 4096)); }
static void copy_range(void) {
    int f = open("a", O_RDONLY), g = open("out", O_WRONLY | O_CREAT, 0644), h = open("out2", O_WRONLY | O_CREAT, 0644);
    MUST(copy_file_range(f, 0, g, 0, 100, 0) >= 0);
    lseek(f, 0, 0);
    MUST(sendfile(h, f, 0, 100) >= 0);
}
static void spliced(void) {
    int f = open("a", O_RDONLY), g = open("out", O_WRONLY | O_CREAT, 0644), h = open("out2", O_WRONLY | O_CREAT, 0644), p[2], q[2];
    MUST(!pipe(p) && !pipe(q));
    MUST(splice(f, 0, p[1], 0, 100, 0) > 0 && tee(p[0], q[1], 100, 0) > 0);
    MUST(splice(p[0], 0, g, 0, 100, 0) > 0 && splice(q[0], 0, h, 0, 100, 0) > 0);
}

/* ---- names */

static void tmpfile_linked(void) {
    char p[64];
    int f = open(".", O_TMPFILE | O_RDWR, 0644);
    MUST(f >= 0 && write(f, "x", 1) == 1);
    snprintf(p, sizeof p, "/proc/self/fd/%d", f);
    MUST(!linkat(AT_FDCWD, p, AT_FDCWD, "out", AT_SYMLINK_FOLLOW));
}
static void tmpfile_empty_path(void) { int f = open(".", O_TMPFILE | O_WRONLY, 0644); MUST(f >= 0 && write(f, "x", 1) == 1); MUST(!linkat(f, "", AT_FDCWD, "out", AT_EMPTY_PATH)); }
static void tmpfile_dropped(void) { int f = open(".", O_TMPFILE | O_RDWR, 0644); MUST(f >= 0 && write(f, "x", 1) == 1); }
static void link_followed(void) { MUST(!linkat(AT_FDCWD, "old", AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void link_open_fd(void) { char p[64]; sprintf(p, "/proc/self/fd/%d", open("a", O_RDONLY)); MUST(!linkat(AT_FDCWD, p, AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void exchange(void) { MUST(!renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE)); }
static void noreplace(void) { MUST(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE) < 0); }
static void removed(void) { MUST(put("t", "x") && !remove("t")); MUST(!mkdir("d", 0755) && !remove("d")); }
static void dir_above_open(void) {
    MUST(!mkdir("d", 0755));
    int f = open("d/f", O_WRONLY | O_CREAT, 0644);
    MUST(!rename("d", "e"));
    MUST(write(f, "x", 1) == 1);
}
static void dir_twice(void) {
    MUST(!mkdir("d", 0755) && put("d/f", "1") && !rename("d", "e"));
    MUST(!mkdir("d", 0755) && put("d/f", "2") && !rename("d", "g"));
}
static void same_name_again(void) { for (int i = 0; i < 3; i++) { char to[8]; sprintf(to, "o%d", i); MUST(put("t", to) && !rename("t", to)); } }
static void symlinkat_(void) { int d = open("sub", O_RDONLY | O_DIRECTORY); MUST(!symlinkat("x", d, "l")); MUST(get("sub/l")); MUST(!unlinkat(d, "l", 0)); }
static void unlinked_open(void) { int f = open("t", O_RDWR | O_CREAT, 0600); MUST(!unlink("t")); MUST(write(f, "x", 1) == 1); }

/* ---- directories, processes, threads */

static void changes_directory(void) {
    MUST(!get("x") && !chdir("sub") && get("x") && put("y", "1"));
    int d = open("..", O_RDONLY);
    MUST(!fchdir(d) && put("y", "2") && get("a"));
}
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
static void *make_fifty(void *which) {
    char p[64];
    for (int i = 0; i < 50; i++) { snprintf(p, sizeof p, "t%ld_%d", (long)which, i); MUST(put(p, "x")); }
    return 0;
}
static void threads(void) {
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, make_fifty, (void *)i);
    for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
}
static void *become_cat(void *path) { execl("/bin/cat", "cat", (char *)path, (char *)0); return 0; }
static void thread_exec(void) { pthread_t t; pthread_create(&t, 0, become_cat, "a"); pthread_join(t, 0); exit(9); }
static volatile int handled;
static void on_signal(int n) { (void)n; char b[8]; int f = open("a", O_RDONLY); if (f >= 0 && read(f, b, 1) == 1 && !close(f)) handled++; }
static void small_stack(void) {
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 2 * sysconf(_SC_MINSIGSTKSZ) + 1024};
    MUST(!sigaltstack(&stack, 0) && !sigaction(SIGUSR1, &act, 0));
    for (int i = 0; i < 200; i++) { raise(SIGUSR1); MUST(get("b")); }
    MUST(handled == 200);
}
static void interrupted(void) { /* handlers in the midst of the shim's own work */
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct { long s, u; } every[2] = {{0, 50}, {0, 50}};
    MUST(!sigaction(SIGALRM, &act, 0) && !syscall(SYS_setitimer, 0, every, 0));
    for (int i = 0; i < 2000; i++) { char p[32]; sprintf(p, "sub/n%d", i); MUST(put(p, "")); MUST(!unlink(p)); }
    struct { long s, u; } never[2] = {{0, 0}, {0, 0}};
    syscall(SYS_setitimer, 0, never, 0);
}
static void spawn_empty(void) { char *a[] = {"cp", "a", "out", 0}, *e[] = {0}; pid_t p; MUST(!posix_spawn(&p, "/bin/cp", 0, 0, a, e)); MUST(ended_well(p)); }
static void spawn_addopen(void) {
    char *a[] = {"cat", 0};
    pid_t p;
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 0, "a", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    MUST(!posix_spawnp(&p, "cat", &fa, 0, a, environ));
    MUST(ended_well(p));
}
static void spawn_chdir(void) {
    char *a[] = {"./cat", "x", 0};
    pid_t p;
    posix_spawn_file_actions_t fa;
    MUST(!symlink("/bin/cat", "sub/cat"));
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addchdir_np(&fa, "sub");
    MUST(!posix_spawn(&p, "./cat", &fa, 0, a, environ));
    MUST(ended_well(p) && !unlink("sub/cat"));
}
static void spawn_fails(void) { char *a[] = {"x", 0}; pid_t p; MUST(posix_spawn(&p, "./absent", 0, 0, a, environ)); MUST(posix_spawn(&p, "./sub", 0, 0, a, environ)); MUST(get("a")); }
static void clearenv_system(void) { clearenv(); MUST(!system("cat a > out")); }
static void clearenv_popen(void) { clearenv(); FILE *f = popen("cat > out", "w"); MUST(f && fputs("x", f) >= 0 && !pclose(f)); }
static void clearenv_execl(void) { clearenv(); execl("/bin/cp", "cp", "a", "out", (char *)0); exit(9); }
static void execle_(void) { char *e[] = {"X=1", 0}; execle("/bin/cp", "cp", "a", "out", (char *)0, e); exit(9); }
static void execlp_(void) { execlp("cp", "cp", "a", "out", (char *)0); exit(9); }
static void execvpe_(void) { char *a[] = {"cp", "a", "out", 0}, *e[] = {"PATH=/nowhere", 0}; execvpe("cp", a, e); exit(9); }
static void fexecve_(void) { int f = open("/bin/cp", O_RDONLY | O_CLOEXEC); char *a[] = {"cp", "a", "out", 0}, *e[] = {0}; fexecve(f, a, e); exit(9); }
static void execveat_(void) { int f = open("/bin", O_PATH); char *a[] = {"cp", "a", "out", 0}; execveat(f, "cp", a, environ, 0); exit(9); }
static void exec_fails(void) { char *a[] = {"x", 0}; MUST(execv("./absent", a) < 0 && errno == ENOENT); MUST(execv("./a", a) < 0 && errno == EACCES); MUST(put("out", "x")); }
static void fork_write(void) { pid_t p = fork(); if (!p) { MUST(get("a") && put("out", "x")); _exit(0); } MUST(ended_well(p) && get("b")); }
static void raw_fork(void) { long p = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); if (!p) { MUST(!chdir("sub") && get("x")); _exit(0); } MUST(ended_well((pid_t)p) && get("a")); }
static void orphan(void) {
    int p[2];
    char b;
    MUST(!pipe(p));
    if (!fork()) { if (!fork()) { put("out", "x"); _exit(0); } _exit(0); }
    close(p[1]);
    MUST(read(p[0], &b, 1) == 0);
    while (wait(0) > 0) {}
}
static void kill9(void) { MUST(get("a") && put("out", "x")); kill(getpid(), SIGKILL); }
static void aborts(void) { MUST(put("out", "x")); struct rlimit l = {0, 0}; setrlimit(RLIMIT_CORE, &l); abort(); }
static void daemonised(void) { MUST(get("a")); if (!daemon(1, 0)) { put("out", "x"); sleep(3); } }

/* ---- descriptors */

static void close_all(void) { for (int i = 3; i < 1024; i++) close(i); closefrom(3); MUST(get("a") && put("out", "x")); }
static void numbers(void) {
    close(0);
    MUST(open("a", O_RDONLY) == 0);
    int f = open("b", O_RDONLY);
    MUST(f == 3 && open("sub/x", O_RDONLY) == 4 && !close(f) && open("out", O_WRONLY | O_CREAT, 0644) == 3);
    for (int i = 5; i < 64; i++) MUST(fcntl(i, F_GETFD) < 0);
}
static void passed(void) {
    int s[2], f = open("a", O_RDONLY);
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, s) && f >= 0);
    char u[CMSG_SPACE(sizeof f)] = {0}, z[1];
    struct iovec io = {"x", 1}, iz = {z, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = u, .msg_controllen = sizeof u};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof f);
    memcpy(CMSG_DATA(h), &f, sizeof f);
    MUST(sendmsg(s[0], &m, 0) == 1);
    struct msghdr q = {.msg_iov = &iz, .msg_iovlen = 1, .msg_control = u, .msg_controllen = sizeof u};
    MUST(recvmsg(s[1], &q, 0) == 1);
}
static void loads(void) { void *h = dlopen("./libx.so", RTLD_NOW); if (!h) { puts(dlerror()); exit(9); } }

/* ---- limits */

static void many_files_small_limit(void) {
    struct rlimit l = {1024, 1024};
    MUST(!setrlimit(RLIMIT_FSIZE, &l) && !mkdir("q", 0755));
    for (int i = 0; i < 6000; i++) { char p[300]; snprintf(p, sizeof p, "q/%d-%0200d", i, i); MUST(put(p, "")); }
}
static void little_memory(void) {
    struct rlimit l = {64 << 20, 64 << 20};
    MUST(!setrlimit(RLIMIT_AS, &l) && get("a") && put("out", "x"));
}

/* ---- what the tracer can't follow, or must survive */

static void confined(void) {
#define LOAD {0x20, 0, 0, offsetof(struct seccomp_data, nr)}
#define ALLOW(n) {0x15, 0, 1, n}, {0x06, 0, 0, SECCOMP_RET_ALLOW}
    MUST(get("b"));
    struct sock_filter code[] = {LOAD, ALLOW(SYS_open), ALLOW(SYS_openat), ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_close),
                                 ALLOW(SYS_exit_group), ALLOW(SYS_munmap), {0x06, 0, 0, SECCOMP_RET_KILL_PROCESS}};
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    char x[4];
    int f = open("a", O_RDONLY);
    if (read(f, x, 1) < 0) _exit(7);
    f = open("out", O_WRONLY | O_CREAT, 0644);
    if (write(f, "x", 1) != 1) _exit(8);
    _exit(0);
}
static void strictly_confined(void) {
    int f = open("out", O_WRONLY | O_CREAT, 0644);
    MUST(f >= 0 && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    if (write(f, "x", 1) != 1) syscall(SYS_exit, 8);
    syscall(SYS_exit, 0);
}
static void uring(void) { char b[256] = {0}; long r = syscall(SYS_io_uring_setup, 4, b); MUST(r >= 0 || errno == EPERM || errno == ENOSYS); MUST(get("a")); }
static void prints_environment(void) { for (char **e = environ; *e; e++) puts(*e); }
static void deepbind(void) { void *h = dlopen("./libx.so", RTLD_NOW | RTLD_DEEPBIND); MUST(h != 0); }
static void new_root(void) { MUST(!mkdir("r", 0755) && put("r/f", "x") && !chroot("r") && !chdir("/")); MUST(get("/f")); }
static void mounts(void) { MUST(!unshare(CLONE_NEWNS)); MUST(get("a")); }
static const struct mode { const char *name; void (*run)(void); } modes[] = {
#define MODE(f) {#f, f}
    MODE(rdwr_read), MODE(rdwr_write), MODE(rdwr_trunc), MODE(wronly_nothing), MODE(wronly_overwrite), MODE(creat_existing),
    MODE(creat64_new), MODE(excl_new), MODE(excl_existing), MODE(rdonly_creat), MODE(o_path), MODE(reopen), MODE(nofollow),
    MODE(nulls), MODE(emfile), MODE(end_of_page), MODE(openat2_read), MODE(openat2_create), MODE(by_syscall), MODE(handle),
    MODE(dirfd_), MODE(fopen_modes), MODE(freopened), MODE(many_temporaries), MODE(mmap_write), MODE(mmap_private),
    MODE(mprotect_write), MODE(mmap_shared_read), MODE(truncate_zero), MODE(truncate_shorter), MODE(ftruncate_),
    MODE(ftruncate_zero), MODE(times_set_back), MODE(fallocate_new), MODE(copy_range), MODE(spliced), MODE(tmpfile_linked), MODE(tmpfile_empty_path),
    MODE(tmpfile_dropped), MODE(link_followed), MODE(link_open_fd), MODE(exchange), MODE(noreplace), MODE(removed),
    MODE(dir_above_open), MODE(dir_twice), MODE(same_name_again), MODE(symlinkat_), MODE(unlinked_open),
    MODE(changes_directory), MODE(vfork_chdir), MODE(vfork_opens), MODE(threads), MODE(thread_exec), MODE(small_stack),
    MODE(interrupted), MODE(spawn_empty), MODE(spawn_addopen), MODE(spawn_chdir), MODE(spawn_fails), MODE(clearenv_system),
    MODE(clearenv_popen), MODE(clearenv_execl), MODE(execle_), MODE(execlp_), MODE(execvpe_), MODE(fexecve_),
    MODE(execveat_), MODE(exec_fails), MODE(fork_write), MODE(raw_fork), MODE(orphan), MODE(kill9), MODE(aborts),
    MODE(daemonised), MODE(close_all), MODE(numbers), MODE(passed), MODE(loads), MODE(many_files_small_limit),
    MODE(little_memory), MODE(confined), MODE(strictly_confined), MODE(uring), MODE(prints_environment), MODE(deepbind),
    MODE(new_root), MODE(mounts),
};

int main(int count, char **words) {
    for (size_t i = 0; count > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, words[1])) continue;
        modes[i].run();
        return 0;
    }
    return 2;
}
