/* A process's life: loaded, forked, moved to another directory or root, confined. */
#include "process.h"

#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "next.h"
#include "observe.h"
#include "path.h"
#include "scratch.h"

u32 process_owner;

extern unsigned long getauxval(unsigned long) __attribute__((weak));

u32 process_id(void) { return quiet ? process_owner : (u32)SYS(__NR_getpid); }

/* ---- loaded ---- */

/* Whether an object may be part of the project: the system's own are its environment. */
static int is_ours_to_see(const char *name) {
    if (has_prefix(name, "/usr/") || has_prefix(name, "/lib") || has_prefix(name, "/bin/")) return 0;
    return !has_prefix(name, "/sbin/") && !str_equal(name, shim_path);
}

static void see_object(const char *name) {
    if (name[0] == '/' && is_ours_to_see(name)) observe_object(AT_FDCWD, name);
}

/* Before the program has begun a relative name (LD_PRELOAD=./x.so) is still of the directory in which the loader used it. */
static void see_first_object(const char *name) {
    const char *c = name;
    while (*c && *c != '/') c++;
    if (*c && is_ours_to_see(name)) observe_object(AT_FDCWD, name);
}

static int is_link(const char *path) {
    struct file_state st;
    return sys_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st) == 0 && S_ISLNK(st.mode);
}

/* The program's name as execve(2) was given it; when that is relative, a link or /proc/self/exe, the kernel's own.  Asking the
 * kernel makes it set up /proc/PID, which costs as much as all the rest of this. */
static const char *program_name(char *buffer, size_t size) {
    const char *name = getauxval ? (const char *)getauxval(AT_EXECFN) : 0;
    int canonical;
    if (name && name[0] == '/' && !path_is_shifting(name)) {
        if (!is_ours_to_see(name) || !is_link(name)) return name;
        return path_meant(AT_FDCWD, name, 1, buffer, size, &canonical) ? buffer : name;
    }
    long n = SYS(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", buffer, size - 1);
    buffer[n > 0 && n < (long)size - 1 ? n : 0] = 0;
    return buffer;
}

__attribute__((constructor)) static void loaded(void) {
    process_owner = (u32)SYS(__NR_getpid);
    if (!arena_on()) return;
    char buffer[1024]; /* on the stack: this is no signal handler, and most programs need no scratch */
    const char *program = program_name(buffer, sizeof buffer);
    record_state(record_new(K_START, (u32)SYS(__NR_getppid), program, str_len(program), "", 0), S_OK);
    see_object(program); /* known already, unless a program that we are blind in started it */
    next_objects(see_first_object);
}

/* Libraries that came by dlopen() of a bare name are seen here; a killed process doesn't get here. */
__attribute__((destructor)) static void unloaded(void) {
    if (arena) next_objects(see_object);
}

/* ---- forked ---- */

static void tell_fork(u32 child) { record_state(record_new(K_FORK, child, "", 0, "", 0), S_OK); }

/* The parent tells of the child: that can't be too late (the child may not have run yet), and costs the child nothing. */
static pid_t forked(pid_t pid) {
    if (quiet || pid < 0) return pid;
    if (pid == 0) {
        process_owner = (u32)SYS(__NR_getpid);
        directory_forget();
    } else if (arena) {
        tell_fork((u32)pid);
    }
    return pid;
}

extern pid_t _Fork(void), __fork(void);

EXPORT pid_t fork(void) { return forked(NEXT(fork)()); }
EXPORT pid_t __fork(void) { return forked(NEXT(__fork)()); }
EXPORT pid_t _Fork(void) { return forked(NEXT(_Fork)()); }
EXPORT int forkpty(int *master, char *name, const struct termios *term, const struct winsize *size) {
    return forked(NEXT(forkpty)(master, name, term, size));
}

/* The child runs `function` on a stack of its own and never comes back here, so that a wrapper can be. */
#define CLONED(call)                                                                                             \
    if (flags & CLONE_VM && !(flags & (CLONE_FS | CLONE_VFORK))) directory_unshared();                           \
    int pid = call;                                                                                              \
    if (pid > 0 && !(flags & CLONE_THREAD) && arena && !quiet) {                                                  \
        tell_fork((u32)pid);                                                                                     \
        if (flags & CLONE_NEWNS) tell_blind(BLIND_NAMESPACE, "clone");                                            \
    }                                                                                                            \
    return pid

typedef int clone_function(void *);
extern int __clone(clone_function *, void *, int, void *, ...);
EXPORT int wrapped_clone(clone_function *f, void *stack, int flags, void *argument, void *a, void *b, void *c) __asm__("clone");
EXPORT int wrapped___clone(clone_function *f, void *stack, int flags, void *argument, void *a, void *b, void *c) __asm__("__clone");

int wrapped_clone(clone_function *f, void *stack, int flags, void *argument, void *a, void *b, void *c) {
    CLONED(NEXT(clone)(f, stack, flags, argument, a, b, c));
}

int wrapped___clone(clone_function *f, void *stack, int flags, void *argument, void *a, void *b, void *c) {
    CLONED(NEXT(__clone)(f, stack, flags, argument, a, b, c));
}

/* Ends the parent inside libc, so it must say before that there will be a process whose number isn't known. */
EXPORT int daemon(int keep_directory, int keep_streams) {
    if (arena_on()) tell_fork(0);
    int rc = NEXT(daemon)(keep_directory, keep_streams);
    if (rc == 0) forked(0);
    return rc;
}

/* ---- moved ---- */

EXPORT int chdir(const char *path) {
    int rc = NEXT(chdir)(path);
    if (rc == 0) directory_changed();
    return rc;
}

EXPORT int fchdir(int fd) {
    int rc = NEXT(fchdir)(fd);
    if (rc == 0) directory_changed();
    return rc;
}

static void root_changed(void) {
    root_salt = 1 + (u32)SYS(__NR_getpid);
    directory_changed();
}

EXPORT int chroot(const char *path) {
    int rc = NEXT(chroot)(path);
    if (rc == 0 && arena_on()) {
        root_changed();
        tell_blind(BLIND_NAMESPACE, "chroot");
    }
    return rc;
}

EXPORT int setns(int fd, int type) {
    int rc = NEXT(setns)(fd, type);
    if (rc == 0 && (type == 0 || type & CLONE_NEWNS) && arena_on()) {
        root_changed();
        tell_blind(BLIND_NAMESPACE, "setns");
    }
    return rc;
}

/* A new mount namespace starts as a copy: names mean the same until someone mounts. */
EXPORT int unshare(int flags) {
    int rc = NEXT(unshare)(flags);
    if (rc == 0 && flags & CLONE_FS) directory_unshared(); /* of a thread; the others keep theirs */
    if (rc == 0 && (flags & CLONE_NEWNS) && arena_on()) {
        root_changed();
        tell_blind(BLIND_NAMESPACE, "unshare");
    }
    return rc;
}

/* ---- confined ---- */

void process_confined(void) {
    if (!arena_on() || quiet) return;
    scratch_put(scratch_get()); /* the pool must be mapped before */
    tell_blind(BLIND_SECCOMP, "");
    path_quiet();
}

EXPORT int prctl(int option, ...) {
    unsigned long a[4];
    va_list rest;
    va_start(rest, option);
    for (int i = 0; i < 4; i++) a[i] = va_arg(rest, unsigned long);
    va_end(rest);
    if (option == PR_SET_SECCOMP) process_confined();
    return NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
}
