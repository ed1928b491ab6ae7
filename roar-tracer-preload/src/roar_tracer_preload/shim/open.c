/* open(2) and its relatives: everything that turns a name into a descriptor. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "next.h"
#include "observe.h"

#define NEEDS_MODE(flags) (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE)

/* declares `mode`: the argument that is there only when a file may be made */
#define TAKE_MODE(flags)             \
    mode_t mode = 0;                 \
    if (NEEDS_MODE(flags)) {         \
        va_list rest;                \
        va_start(rest, flags);       \
        mode = va_arg(rest, mode_t); \
        va_end(rest);                \
    }

#define OPENED(dirfd, path, flags, call)      \
    struct opening o;                         \
    open_before(&o, dirfd, path, flags);      \
    int fd = call;                            \
    open_after(&o, fd, path, flags);          \
    return fd

#define CREAT_FLAGS (O_WRONLY | O_CREAT | O_TRUNC)

EXPORT int open(const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(AT_FDCWD, path, flags, NEXT(open)(path, flags, mode));
}

EXPORT int open64(const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(AT_FDCWD, path, flags, NEXT(open64)(path, flags, mode));
}

EXPORT int openat(int dirfd, const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(dirfd, path, flags, NEXT(openat)(dirfd, path, flags, mode));
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(dirfd, path, flags, NEXT(openat64)(dirfd, path, flags, mode));
}

EXPORT int creat(const char *path, mode_t mode) { OPENED(AT_FDCWD, path, CREAT_FLAGS, NEXT(creat)(path, mode)); }
EXPORT int creat64(const char *path, mode_t mode) { OPENED(AT_FDCWD, path, CREAT_FLAGS, NEXT(creat64)(path, mode)); }

/* _FORTIFY_SOURCE's forms, and the names with underscores that old binaries use */
extern int __open_2(const char *, int), __open64_2(const char *, int);
extern int __openat_2(int, const char *, int), __openat64_2(int, const char *, int);
extern int __open(const char *, int, ...), __open64(const char *, int, ...);

EXPORT int __open_2(const char *path, int flags) { OPENED(AT_FDCWD, path, flags, NEXT(__open_2)(path, flags)); }
EXPORT int __open64_2(const char *path, int flags) { OPENED(AT_FDCWD, path, flags, NEXT(__open64_2)(path, flags)); }
EXPORT int __openat_2(int d, const char *path, int flags) { OPENED(d, path, flags, NEXT(__openat_2)(d, path, flags)); }
EXPORT int __openat64_2(int d, const char *path, int flags) { OPENED(d, path, flags, NEXT(__openat64_2)(d, path, flags)); }

EXPORT int __open(const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(AT_FDCWD, path, flags, NEXT(__open)(path, flags, mode));
}

EXPORT int __open64(const char *path, int flags, ...) {
    TAKE_MODE(flags)
    OPENED(AT_FDCWD, path, flags, NEXT(__open64)(path, flags, mode));
}

struct file_handle;
extern int open_by_handle_at(int, struct file_handle *, int);

EXPORT int open_by_handle_at(int mount, struct file_handle *handle, int flags) {
    int fd = NEXT(open_by_handle_at)(mount, handle, flags);
    if (fd >= 0 && !(flags & O_PATH)) observe_fd(fd, (flags & O_ACCMODE) ? K_WRITE : K_READ, flags);
    return fd;
}
