/* The utime family.
 *
 * Whether a file that was opened for change did change is told by its modification time.  Who sets that time without changing
 * the content (touch does both in a row) must say so, or the file looks written. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <utime.h>

#include "next.h"
#include "observe.h"
#include "path.h"
#include "scratch.h"

struct setting {
    int dirfd, at_flags;
    const char *path; /* empty: the file is open as dirfd */
    struct file_state before;
    int is_worth_it;
};

static struct setting times_before(int dirfd, const char *path, int at_flags) {
    struct setting s = {.dirfd = dirfd, .path = path ? path : "", .at_flags = at_flags};
    if (path && !may_be_text(path)) return s;
    if (!*s.path) s.at_flags |= AT_EMPTY_PATH;
    if (!arena_on() || quiet) return s;
    s.is_worth_it = sys_stat(dirfd, s.path, s.at_flags, &s.before) == 0 && S_ISREG(s.before.mode);
    return s;
}

static void times_after(const struct setting *s, int rc) {
    struct file_state after;
    if (rc || !s->is_worth_it || sys_stat(s->dirfd, s->path, s->at_flags, &after)) return;
    if (after.mtime == s->before.mtime) return;
    char *name = scratch_get();
    int canonical = 1;
    size_t n = !name      ? 0
               : *s->path ? path_meant(s->dirfd, s->path, 0, name, SCRATCH_SIZE, &canonical)
                          : path_of_fd(s->dirfd, name, SCRATCH_SIZE);
    if (n) {
        struct record *r = record_new(K_TIMES, 0, name, n, "", 0);
        record_stat(r, &s->before, B_EXISTED | (canonical ? B_CANONICAL : 0));
        if (r) r->time = after.mtime;
        record_state(r, S_OK);
    }
    scratch_put(name);
}

#define TIMES_SET(dirfd, path, at_flags, call)                   \
    struct setting s = times_before(dirfd, path, at_flags);      \
    int rc = call;                                               \
    times_after(&s, rc);                                         \
    return rc

EXPORT int utimensat(int dirfd, const char *path, const struct timespec times[2], int flags) {
    TIMES_SET(dirfd, path, flags, NEXT(utimensat)(dirfd, path, times, flags));
}

EXPORT int futimens(int fd, const struct timespec times[2]) { TIMES_SET(fd, 0, 0, NEXT(futimens)(fd, times)); }
EXPORT int futimes(int fd, const struct timeval times[2]) { TIMES_SET(fd, 0, 0, NEXT(futimes)(fd, times)); }
EXPORT int utime(const char *path, const struct utimbuf *times) { TIMES_SET(AT_FDCWD, path, 0, NEXT(utime)(path, times)); }

EXPORT int utimes(const char *path, const struct timeval times[2]) {
    TIMES_SET(AT_FDCWD, path, 0, NEXT(utimes)(path, times));
}

EXPORT int lutimes(const char *path, const struct timeval times[2]) {
    TIMES_SET(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, NEXT(lutimes)(path, times));
}

EXPORT int futimesat(int dirfd, const char *path, const struct timeval times[2]) {
    TIMES_SET(dirfd, path, 0, NEXT(futimesat)(dirfd, path, times));
}
