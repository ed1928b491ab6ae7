/* Calls that fail, each as the kernel says: nothing is read, nothing is made, no edge may come of it. */
#include "modes.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static void nulls(void) {
    MUST(open(NULL, O_RDONLY) < 0 && rename("a", NULL) < 0 && unlink(NULL) < 0 && link(NULL, "b") < 0 && execve(NULL, NULL, NULL) < 0);
}
static void bad_pointers(void) {
    const char *bad = (const char *)8;
    FAILS(open(bad, O_RDONLY), EFAULT);
    FAILS(rename("a", bad), EFAULT);
    FAILS(truncate(bad, 0), EFAULT);
    FAILS(link("a", bad), EFAULT);
    FAILS(chdir(bad), EFAULT);
    FAILS(execve(bad, 0, 0), EFAULT);
}
static void excl_existing(void) {
    FAILS(open("a", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    FAILS(open("old", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    FAILS(open("a", O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, 0644), EEXIST);
}
static void missing(void) {
    FAILS(open("absent", O_RDONLY), ENOENT);
    FAILS(open("absent", O_RDWR), ENOENT);
    FAILS(open("absent/f", O_WRONLY | O_CREAT, 0644), ENOENT);
    FAILS(open("", O_RDONLY), ENOENT);
    FAILS(rename("absent", "a"), ENOENT);
    FAILS(rename("a", "absent/f"), ENOENT);
    FAILS(link("absent", "z"), ENOENT);
    FAILS(truncate("absent", 0), ENOENT);
    FAILS(unlink("absent"), ENOENT);
    FAILS(execv("./absent", (char *[]){"x", 0}), ENOENT);
    FAILS(linkat(open("a", O_PATH), "", AT_FDCWD, "z", 0), ENOENT);
}
static void directories_in_the_way(void) {
    FAILS(open("sub", O_WRONLY), EISDIR);
    FAILS(open("sub", O_RDWR | O_TRUNC), EISDIR);
    FAILS(creat("sub", 0644), EISDIR);
    FAILS(unlink("sub"), EISDIR);
    FAILS(truncate("sub", 0), EISDIR);
    FAILS(rename("a", "sub"), EISDIR);
    FAILS(link("sub", "z"), EPERM);
    FAILS(execv("./sub", (char *[]){"x", 0}), EACCES);
}
static void no_directories(void) {
    FAILS(open("a/", O_RDONLY), ENOTDIR);
    FAILS(open("a/b", O_RDONLY), ENOTDIR);
    FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(rmdir("a"), ENOTDIR);
    FAILS(rename("sub", "a"), ENOTDIR);
    FAILS(rename("a", "b/c"), ENOTDIR);
    FAILS(openat(open("a", O_PATH), "b", O_RDONLY), ENOTDIR);
    FAILS(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR), ENOTDIR);
}
static void not_empty(void) {
    MUST(!mkdir("d", 0755));
    MUST(rename("d", "sub") < 0 && (errno == ENOTEMPTY || errno == EEXIST));
    MUST(rmdir("sub") < 0 && (errno == ENOTEMPTY || errno == EEXIST));
    FAILS(rename("d", "d/inside"), EINVAL);
}
static void existing(void) {
    FAILS(link("a", "b"), EEXIST);
    FAILS(symlink("a", "b"), EEXIST);
    FAILS(mkdir("a", 0755), EEXIST);
    FAILS(mknod("a", S_IFREG | 0644, 0), EEXIST);
}
static void another_file_system(void) {
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/roar-case-%d", (int)getpid());
    FAILS(rename("a", path), EXDEV);
    FAILS(link("a", path), EXDEV);
}
static void too_many_links(void) {
    MUST(!symlink("round", "about") && !symlink("about", "round"));
    FAILS(open("round", O_RDONLY), ELOOP);
    FAILS(open("round", O_WRONLY | O_CREAT, 0644), ELOOP);
    FAILS(rename("round/x", "a"), ELOOP);
    FAILS(open("old", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(open("old", O_WRONLY | O_TRUNC | O_NOFOLLOW), ELOOP);
}
static void too_long(void) {
    char name[5000];
    memset(name, 'n', sizeof name);
    name[256] = 0;
    FAILS(open(name, O_RDONLY), ENAMETOOLONG);
    FAILS(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
    FAILS(rename("a", name), ENAMETOOLONG);
    for (int i = 0; i < 4096; i++) name[i] = i % 2 ? '/' : '.';
    name[4096] = 'a', name[4097] = 0;
    FAILS(open(name, O_RDONLY), ENAMETOOLONG);
    FAILS(link("a", name), ENAMETOOLONG);
}
static void bad_descriptors(void) {
    FAILS(openat(99, "a", O_RDONLY), EBADF);
    FAILS(openat(-1, "a", O_WRONLY | O_CREAT, 0644), EBADF);
    FAILS(renameat(99, "a", AT_FDCWD, "z"), EBADF);
    FAILS(renameat(AT_FDCWD, "a", 99, "z"), EBADF);
    FAILS(linkat(AT_FDCWD, "a", 99, "z", 0), EBADF);
    FAILS(unlinkat(99, "a", 0), EBADF);
    FAILS(open("/proc/self/fd/99", O_RDONLY), ENOENT);
}
static void bad_flags(void) {
    FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "z", 1u << 20), EINVAL);
    FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 1 | 2), EINVAL); /* exchange, and replace nothing */
    FAILS(linkat(AT_FDCWD, "a", AT_FDCWD, "z", 1 << 30), EINVAL);
    FAILS(unlinkat(AT_FDCWD, "a", 1 << 30), EINVAL);
    FAILS(truncate("a", -1), EINVAL);
    FAILS(open("a", O_TMPFILE | O_RDWR, 0644), ENOTDIR);
    FAILS(open(".", O_TMPFILE | O_RDONLY, 0644), EINVAL);
}
static void exchange_with_nothing(void) {
    FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "absent", 2), ENOENT);
    FAILS(renameat2(AT_FDCWD, "absent", AT_FDCWD, "a", 2), ENOENT);
    FAILS(renameat2(AT_FDCWD, "absent", AT_FDCWD, "z", 1), ENOENT);
}
static void emfile(void) {
    struct rlimit l = {3, 3};
    setrlimit(RLIMIT_NOFILE, &l);
    FAILS(open("a", O_RDONLY), EMFILE);
    FAILS(open("b", O_WRONLY | O_TRUNC), EMFILE);
    FAILS(open("out", O_WRONLY | O_CREAT, 0644), EMFILE);
}
static void no_reader(void) { /* a FIFO that nobody reads, a socket: they can't be opened so */
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "socket"};
    MUST(!mkfifo("fifo", 0600));
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    MUST(!bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof at));
    FAILS(open("socket", O_RDWR), ENXIO);
}
static void nothing_happens(int n) { (void)n; }
static void interrupted_open(void) { /* waits for a writer, until a signal comes */
    struct sigaction act = {.sa_handler = nothing_happens};
    struct { struct { long s, u; } every, first; } tick = {{0, 20000}, {0, 20000}};
    MUST(!mkfifo("fifo", 0600) && !sigaction(SIGALRM, &act, 0) && !syscall(SYS_setitimer, 0, &tick, 0));
    FAILS(open("fifo", O_RDONLY), EINTR);
    memset(&tick, 0, sizeof tick);
    MUST(!syscall(SYS_setitimer, 0, &tick, 0) && get("a"));
}
static void writes_that_fail(void) { /* opened for writing, nothing written */
    struct rlimit l = {0, 0};
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR && !setrlimit(RLIMIT_FSIZE, &l));
    FAILS(pwrite(f, "x", 1, 100), EFBIG);
    int full = open("/dev/full", O_WRONLY);
    FAILS(write(full, "x", 1), ENOSPC);
}
static void text_busy(void) { /* a program that runs can't be written to */
    int p[2], f = open("/bin/cat", O_RDONLY), g = open("me", O_WRONLY | O_CREAT, 0755);
    char buffer[65536], b;
    for (ssize_t n; (n = read(f, buffer, sizeof buffer)) > 0;) MUST(write(g, buffer, n) == n);
    MUST(!close(g) && !pipe2(p, O_CLOEXEC));
    int in[2];
    MUST(!pipe2(in, O_CLOEXEC));
    pid_t child = fork();
    if (!child) {
        dup2(in[0], 0);
        execl("./me", "me", (char *)0);
        _exit(1);
    }
    close(p[1]);
    MUST(read(p[0], &b, 1) == 0); /* closed by its exec */
    MUST(open("me", O_WRONLY) >= 0 || errno == ETXTBSY); /* Linux 6.11 and 6.12 allow it */
    MUST(!truncate("me", 5) || errno == ETXTBSY);
    close(in[1]);
    MUST(ended_well(child));
}
static void exec_fails(void) {
    char *a[] = {"x", 0};
    FAILS(execv("./absent", a), ENOENT);
    FAILS(execv("./a", a), EACCES);
    FAILS(execv("./old/x", a), ENOTDIR);
    MUST(!chmod("b", 0755));
    FAILS(execv("./b", a), ENOEXEC);
    MUST(put("out", "x"));
}
static void not_permitted(void) { /* as somebody who may not: root only */
    MUST(!chmod("b", 0600) && !mkdir("closed", 0700) && !chmod("sub", 0755) && !chmod(".", 0755));
    MUST(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
    FAILS(open("b", O_RDONLY), EACCES);
    FAILS(open("b", O_RDWR | O_TRUNC), EACCES);
    FAILS(open("a", O_WRONLY), EACCES);
    FAILS(open("new", O_WRONLY | O_CREAT, 0644), EACCES);
    FAILS(open("closed/f", O_RDONLY), EACCES);
    FAILS(rename("a", "z"), EACCES);
    FAILS(unlink("a"), EACCES);
    FAILS(truncate("a", 0), EACCES);
    MUST(link("a", "z") < 0 && (errno == EACCES || errno == EPERM));
    FAILS(open("empty", O_RDONLY | O_NOATIME), EPERM);
    MUST(get("lines"));
}
static void dropped_and_regained(void) { /* effective ids that come and go: root only */
    MUST(!chmod("b", 0600) && !seteuid(65534));
    FAILS(open("b", O_RDONLY), EACCES);
    MUST(!seteuid(0) && get("a"));
    MUST(!syscall(SYS_setfsuid, 65534));
    FAILS(open("b", O_RDONLY), EACCES);
}

const struct mode failing[] = {
    MODE(nulls), MODE(bad_pointers), MODE(excl_existing), MODE(missing), MODE(directories_in_the_way), MODE(no_directories),
    MODE(not_empty), MODE(existing), MODE(another_file_system), MODE(too_many_links), MODE(too_long), MODE(bad_descriptors),
    MODE(bad_flags), MODE(exchange_with_nothing), MODE(emfile), MODE(no_reader), MODE(interrupted_open), MODE(writes_that_fail),
    MODE(text_busy), MODE(exec_fails), MODE(not_permitted), MODE(dropped_and_regained), NO_MORE,
};
