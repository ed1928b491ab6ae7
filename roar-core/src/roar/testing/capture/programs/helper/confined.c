/* Programs that confine themselves, move to another root or namespace, or write their own system calls. */
#include "modes.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#define NUMBER {0x20, 0, 0, offsetof(struct seccomp_data, nr)}
#define ON(n, action) {0x15, 0, 1, n}, {0x06, 0, 0, action}
#define ELSE(action) {0x06, 0, 0, action}
#define CONFINE(...)                                                                                                  \
    do {                                                                                                              \
        struct sock_filter code[] = {NUMBER, __VA_ARGS__};                                                            \
        struct sock_fprog program = {sizeof code / sizeof *code, code};                                               \
        MUST(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));       \
    } while (0)
#define FAIL(number) (SECCOMP_RET_ERRNO | (number))

static void confined_(void) { /* nothing but what it needs: any other call kills it */
    MUST(get("b"));
    CONFINE(ON(SYS_open, SECCOMP_RET_ALLOW), ON(SYS_openat, SECCOMP_RET_ALLOW), ON(SYS_read, SECCOMP_RET_ALLOW),
            ON(SYS_write, SECCOMP_RET_ALLOW), ON(SYS_close, SECCOMP_RET_ALLOW), ON(SYS_exit_group, SECCOMP_RET_ALLOW),
            ON(SYS_munmap, SECCOMP_RET_ALLOW), ELSE(SECCOMP_RET_KILL_PROCESS));
    char x[4];
    int f = open("a", O_RDONLY);
    if (read(f, x, 1) < 0) _exit(7);
    f = open("out", O_WRONLY | O_CREAT, 0644);
    if (write(f, "x", 1) != 1) _exit(8);
    _exit(0);
}
static void confined_allows(void) { /* a filter that forbids nothing */
    CONFINE(ELSE(SECCOMP_RET_ALLOW));
    MUST(get("a") && put("out", "x") && !rename("out", "out2"));
}
static void confined_refuses_opens(void) {
    CONFINE(ON(SYS_open, FAIL(EACCES)), ON(SYS_openat, FAIL(EACCES)), ELSE(SECCOMP_RET_ALLOW));
    FAILS(open("a", O_RDONLY), EACCES);
    FAILS(open("b", O_WRONLY | O_TRUNC), EACCES);
    FAILS(open("out", O_WRONLY | O_CREAT, 0644), EACCES);
}
static void confined_refuses_renames(void) {
    MUST(put("t", "x"));
    CONFINE(ON(SYS_rename, FAIL(EPERM)), ON(SYS_renameat, FAIL(EPERM)), ON(SYS_renameat2, FAIL(EPERM)), ON(SYS_unlink, FAIL(EPERM)),
            ON(SYS_unlinkat, FAIL(EPERM)), ELSE(SECCOMP_RET_ALLOW));
    FAILS(rename("t", "a"), EPERM);
    FAILS(unlink("b"), EPERM);
}
static void confined_pretends(void) { /* answers 0 to a rename that never is */
    MUST(put("t", "x"));
    CONFINE(ON(SYS_rename, FAIL(0)), ON(SYS_renameat, FAIL(0)), ON(SYS_renameat2, FAIL(0)), ELSE(SECCOMP_RET_ALLOW));
    MUST(!rename("t", "out"));
}
static void confined_program(void) { /* the filter stays over exec */
    CONFINE(ON(SYS_mkdir, FAIL(EPERM)), ELSE(SECCOMP_RET_ALLOW));
    execl("/bin/cp", "cp", "a", "out", (char *)0);
}
static void strictly_confined(void) {
    int f = open("out", O_WRONLY | O_CREAT, 0644);
    MUST(f >= 0 && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    if (write(f, "x", 1) != 1) syscall(SYS_exit, 8);
    syscall(SYS_exit, 0);
}
static void new_root(void) { MUST(!mkdir("r", 0755) && put("r/f", "x") && !chroot("r") && !chdir("/") && get("/f") && put("/g", "x")); }
static void new_root_left(void) { /* the old working directory is outside of it */
    MUST(!mkdir("r", 0755) && !chroot("r") && get("a") && put("out", "x"));
}
static void own_mounts(void) { MUST(!unshare(CLONE_NEWNS) && get("a") && put("out", "x")); }
static void own_file_system(void) { /* what is in it is gone with the program */
    MUST(!unshare(CLONE_NEWNS) && !mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) && !mkdir("m", 0755));
    MUST(!mount("none", "m", "tmpfs", 0, 0) && put("m/f", "x") && get("m/f") && get("a"));
}
static void read_only(void) {
    MUST(!unshare(CLONE_NEWNS) && !mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) && !mount("sub", "sub", 0, MS_BIND, 0));
    MUST(!mount(0, "sub", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0));
    FAILS(open("sub/x", O_WRONLY), EROFS);
    FAILS(open("sub/y", O_WRONLY | O_CREAT, 0644), EROFS);
    FAILS(unlink("sub/x"), EROFS);
    FAILS(truncate("sub/x", 0), EROFS);
    FAILS(rename("sub/x", "sub/y"), EROFS);
    FAILS(rename("a", "sub/a"), EXDEV);
}
static void own_user(void) { MUST(!unshare(CLONE_NEWUSER) && get("a")); }
static void writes_its_own_calls(void) { /* as a compiler at run time does: the code is in no file */
#if defined(__x86_64__)
    /* mov %rdi,%rax; mov %rsi,%rdi; mov %rdx,%rsi; mov %rcx,%rdx; syscall; ret; each byte turned round */
    static const volatile unsigned char code[] = {0xb7, 0x76, 0x07, 0xb7, 0x76, 0x08, 0xb7, 0x76, 0x29, 0xb7, 0x76, 0x35, 0xf0, 0xfa, 0x3c};
    unsigned char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED);
    for (size_t i = 0; i < sizeof code; i++) memory[i] = (unsigned char)~code[i];
    long (*call)(long, const char *, long, long) = (long (*)(long, const char *, long, long))memory;
    MUST(call(SYS_open, "a", O_RDONLY, 0) >= 0 && call(SYS_creat, "out", 0644, 0) >= 0);
#endif
}

const struct mode confined[] = {
    {"confined", confined_}, MODE(confined_allows), MODE(confined_refuses_opens), MODE(confined_refuses_renames),
    MODE(confined_pretends), MODE(confined_program), MODE(strictly_confined), MODE(new_root), MODE(new_root_left), MODE(own_mounts),
    MODE(own_file_system), MODE(read_only), MODE(own_user), MODE(writes_its_own_calls), NO_MORE,
};
