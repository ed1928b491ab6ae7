/* truncate and ftruncate. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "next.h"
#include "observe.h"
#include "path.h"
#include "scratch.h"

#define TRUNCATED(path, length, call)                                                              \
    struct file_state st;                                                                          \
    struct record *r = name_before(K_TRUNCATE, length != 0, AT_FDCWD, path, AT_FDCWD, 0, &st);     \
    int rc = call;                                                                                 \
    name_after(r, rc);                                                                             \
    return rc

EXPORT int truncate(const char *path, off_t length) { TRUNCATED(path, length, NEXT(truncate)(path, length)); }
EXPORT int truncate64(const char *path, off64_t length) { TRUNCATED(path, length, NEXT(truncate64)(path, length)); }

/* Of an open file only the end of all its content matters: for the rest it was opened for change. */
static struct record *emptied_before(int fd, off64_t length) {
    struct file_state st;
    if (length || !arena_on() || quiet || sys_stat(fd, "", AT_EMPTY_PATH, &st)) return 0;
    if (!S_ISREG(st.mode) || !st.size || !st.links) return 0;
    char *name = scratch_get();
    size_t n = name ? path_of_fd(fd, name, SCRATCH_SIZE) : 0;
    struct record *r = n ? record_new(K_TRUNCATE, 0, name, n, "", 0) : 0;
    record_stat(r, &st, B_EXISTED | B_CANONICAL);
    scratch_put(name);
    return r;
}

#define EMPTIED(fd, length, call)                       \
    struct record *r = emptied_before(fd, length);      \
    int rc = call;                                      \
    name_after(r, rc);                                  \
    return rc

EXPORT int ftruncate(int fd, off_t length) { EMPTIED(fd, length, NEXT(ftruncate)(fd, length)); }
EXPORT int ftruncate64(int fd, off64_t length) { EMPTIED(fd, length, NEXT(ftruncate64)(fd, length)); }
