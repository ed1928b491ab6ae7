/* syscall(2): calls that concern files go through our own wrappers, so that both ways have one truth. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "next.h"
#include "observe.h"
#include "process.h"

extern int execveat(int, const char *, char *const[], char *const[], int);
struct file_handle;
extern int open_by_handle_at(int, struct file_handle *, int);

/* Declared with the six arguments that a call can have, so that what isn't ours ends in a jump and costs nothing. */
EXPORT long wrapped_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

static long call_openat2(int dirfd, const char *path, struct open_how *how, size_t size) {
    struct opening o = {0};
    int flags = may_be_text((const char *)how) && size >= sizeof how->flags ? (int)how->flags : O_PATH;
    open_before(&o, dirfd, path, flags);
    long fd = NEXT(syscall)(__NR_openat2, dirfd, path, how, size);
    open_after(&o, (int)fd, path, flags);
    return fd;
}

static long call_io_uring_setup(long entries, long parameters) {
    long fd = NEXT(syscall)(__NR_io_uring_setup, entries, parameters);
    if (fd >= 0 && arena_on()) tell_blind(BLIND_IO_URING, "io_uring_setup");
    return fd;
}

long wrapped_syscall(long number, long a, long b, long c, long d, long e, long f) {
    switch (number) {
#ifdef __NR_open
    case __NR_open: return open((char *)a, (int)b, (mode_t)c);
    case __NR_creat: return creat((char *)a, (mode_t)b);
    case __NR_rename: return rename((char *)a, (char *)b);
    case __NR_link: return link((char *)a, (char *)b);
    case __NR_symlink: return symlink((char *)a, (char *)b);
    case __NR_mknod: return mknod((char *)a, (mode_t)b, (dev_t)c);
    case __NR_unlink: return unlink((char *)a);
#endif
    case __NR_openat: return openat((int)a, (char *)b, (int)c, (mode_t)d);
    case __NR_openat2: return call_openat2((int)a, (char *)b, (struct open_how *)c, (size_t)d);
    case __NR_open_by_handle_at: return open_by_handle_at((int)a, (struct file_handle *)b, (int)c);
#ifdef __NR_renameat
    case __NR_renameat: return renameat((int)a, (char *)b, (int)c, (char *)d);
#endif
    case __NR_renameat2: return renameat2((int)a, (char *)b, (int)c, (char *)d, (unsigned)e);
    case __NR_linkat: return linkat((int)a, (char *)b, (int)c, (char *)d, (int)e);
    case __NR_symlinkat: return symlinkat((char *)a, (int)b, (char *)c);
    case __NR_unlinkat: return unlinkat((int)a, (char *)b, (int)c);
    case __NR_truncate: return truncate((char *)a, b);
    case __NR_chdir: return chdir((char *)a);
    case __NR_fchdir: return fchdir((int)a);
    case __NR_unshare: return unshare((int)a);
    case __NR_mknodat: return mknodat((int)a, (char *)b, (mode_t)c, (dev_t)d);
    case __NR_chroot: return chroot((char *)a);
    case __NR_execve: return execve((char *)a, (char **)b, (char **)c);
    case __NR_execveat: return execveat((int)a, (char *)b, (char **)c, (char **)d, (int)e);
    case __NR_io_uring_setup: return call_io_uring_setup(a, b);
    case __NR_seccomp:
        if (a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER) process_confined();
        break;
    }
    return NEXT(syscall)(number, a, b, c, d, e, f);
}
