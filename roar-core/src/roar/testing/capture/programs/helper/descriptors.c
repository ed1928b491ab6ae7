/* Descriptors: their numbers, handing them on, and libraries. */
#include "modes.h"
#include <dlfcn.h>
#include <sys/file.h>
#include <sys/socket.h>

static void close_all(void) {
    for (int i = 3; i < 1024; i++) close(i);
    closefrom(3);
    MUST(get("a") && put("out", "x"));
}
static void numbers(void) { /* the lowest free one, and none that isn't the program's own */
    close(0);
    MUST(open("a", O_RDONLY) == 0);
    int f = open("b", O_RDONLY);
    MUST(f == 3 && open("sub/x", O_RDONLY) == 4 && !close(f) && open("out", O_WRONLY | O_CREAT, 0644) == 3);
    for (int i = 5; i < 64; i++) MUST(fcntl(i, F_GETFD) < 0);
}
static void closed_standard_streams(void) {
    MUST(!close(0) && !close(1) && !close(2) && open("a", O_RDONLY) == 0 && open("out", O_WRONLY | O_CREAT, 0644) == 1);
    execl("/bin/cat", "cat", (char *)0);
}
static void duplicated(void) {
    int f = open("out", O_WRONLY | O_CREAT, 0644);
    MUST(dup3(f, 200, 0) == 200 && !close(f) && write(fcntl(200, F_DUPFD, 300), "x", 1) == 1);
}
static void passed(void) { /* through a socket */
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
static void written_after_exec(void) { /* by a program that inherits it */
    MUST(open("out", O_WRONLY | O_CREAT, 0644) == 3);
    execl("/bin/sh", "sh", "-c", "echo x >&3", (char *)0);
}
static void locked(void) {
    int f = open("lock", O_RDONLY | O_CREAT, 0644);
    MUST(f >= 0 && !flock(f, LOCK_EX) && get("a"));
}
static void in_memory(void) { /* files that never had a name */
    int f = memfd_create("x", 0);
    MUST(write(f, "x", 1) == 1 && get(by_number(PROC_FD, f)) && get("a"));
}
static void loads(void) {
    void *h = dlopen("./libx.so", RTLD_NOW);
    if (!h) puts(dlerror());
    MUST(h && !dlclose(h));
}
static void calls(void *library) {
    void (*copies)(void) = (void (*)(void))dlsym(library, "copies");
    MUST(copies);
    copies();
}
static void loads_and_calls(void) {
    void *h = dlopen("./libx.so", RTLD_LAZY | RTLD_LOCAL);
    MUST(h);
    calls(h);
}
static void loads_deep(void) {
    void *h = dlopen("./libx.so", RTLD_NOW | RTLD_DEEPBIND);
    MUST(h);
    calls(h);
}
static void loads_apart(void) { /* into a namespace with a libc of its own */
    void *h = dlmopen(LM_ID_NEWLM, "./libx.so", RTLD_NOW);
    if (!h) puts(dlerror());
    MUST(h);
    calls(h);
}
static void fails_to_load(void) { MUST(!dlopen("./absent.so", RTLD_NOW) && !dlopen("./sub", RTLD_NOW) && put("out", "x")); }

const struct mode descriptors[] = {
    MODE(close_all), MODE(numbers), MODE(closed_standard_streams), MODE(duplicated), MODE(passed), MODE(written_after_exec),
    MODE(locked), MODE(in_memory), MODE(loads), MODE(loads_and_calls), MODE(loads_deep), MODE(loads_apart), MODE(fails_to_load),
    NO_MORE,
};
