/* fopen, freopen and setmntent: they open by a hidden name inside libc, so each needs its own wrapper. */
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>

#include "next.h"
#include "observe.h"
#include "path.h"

/* fopen(3): "r+" changes in place, "w+" truncates, "x" is O_EXCL, and what follows ",ccs=" is no mode. */
static int flags_of(const char *mode) {
    int flags = O_RDONLY;
    if (!mode) return flags;
    if (*mode == 'w') flags = O_WRONLY | O_CREAT | O_TRUNC;
    else if (*mode == 'a') flags = O_WRONLY | O_CREAT | O_APPEND;
    else if (*mode != 'r') return flags;
    for (mode++; *mode && *mode != ','; mode++) {
        if (*mode == '+') flags = (flags & ~O_ACCMODE) | O_RDWR;
        if (*mode == 'x') flags |= O_EXCL;
    }
    return flags;
}

#define STREAM_OPENED(path, mode, call)                                                      \
    int flags = flags_of(mode);                                                              \
    struct opening o;                                                                        \
    open_before(&o, AT_FDCWD, path, flags);                                                  \
    FILE *stream = call;                                                                     \
    if (unlikely(o.mode)) open_after(&o, stream ? fileno(stream) : -1, path, flags);         \
    return stream

EXPORT FILE *fopen(const char *path, const char *mode) { STREAM_OPENED(path, mode, NEXT(fopen)(path, mode)); }
EXPORT FILE *fopen64(const char *path, const char *mode) { STREAM_OPENED(path, mode, NEXT(fopen64)(path, mode)); }

extern FILE *_IO_fopen(const char *, const char *); /* of old binaries */
EXPORT FILE *_IO_fopen(const char *path, const char *mode) { STREAM_OPENED(path, mode, NEXT(_IO_fopen)(path, mode)); }

EXPORT FILE *setmntent(const char *path, const char *mode) { STREAM_OPENED(path, mode, NEXT(setmntent)(path, mode)); }

/* Without a name it is the same file in another mode, which libc opens by the name that its descriptor has in /proc. */
static const char *name_to_reopen(const char *path, FILE *old, char *buffer) {
    int fd = path || !old ? -1 : fileno(old);
    if (fd < 0) return path;
    path_of_descriptor(fd, buffer);
    return buffer;
}

EXPORT FILE *freopen(const char *name, const char *mode, FILE *old) {
    char descriptor[DESCRIPTOR_SIZE];
    const char *path = name_to_reopen(name, old, descriptor);
    STREAM_OPENED(path, mode, NEXT(freopen)(name, mode, old));
}

EXPORT FILE *freopen64(const char *name, const char *mode, FILE *old) {
    char descriptor[DESCRIPTOR_SIZE];
    const char *path = name_to_reopen(name, old, descriptor);
    STREAM_OPENED(path, mode, NEXT(freopen64)(name, mode, old));
}
