/* Everything that gives, takes or moves a name.
 *
 * Each raises the generation of the names that it touched, so that their next use is recorded anew by every process of the
 * run: else "write t, move t to a, write t, move t to b" would lose b. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "next.h"
#include "observe.h"
#include "path.h"
#include "scratch.h"

/* ---- links that go ---- */

/* A read of a link is told by the link's name as long as no name has moved (observe.c), and followed by the reader, who looks
 * when the link is gone: so say where it led. */
static void tell_link(int dirfd, const char *path) {
    struct file_state st;
    if (sys_stat(dirfd, path, 0, &st) || !S_ISREG(st.mode)) return;
    char *name = scratch_get(), *target = scratch_get();
    int canonical = 0;
    size_t n = name && target ? path_absolute(dirfd, path, name, SCRATCH_SIZE) : 0;
    size_t m = n ? path_meant(dirfd, path, 1, target, SCRATCH_SIZE, &canonical) : 0;
    if (m && canonical) {
        struct record *r = record_new(K_LED, 0, name, n, target, m);
        record_stat(r, &st, B_EXISTED);
        record_state(r, S_OK);
    }
    scratch_put(name);
    scratch_put(target);
}

static void name_goes(const struct file_state *st, int dirfd, const char *path) {
    if (S_ISLNK(st->mode)) tell_link(dirfd, path);
    names_replaced();
}

/* Whether a rename will put something in the place of a link. */
static int replaces_link(const struct record *r, const struct file_state *st, int dirfd1, const char *from, int dirfd2, const char *to) {
    struct file_state old;
    if (!r) return 0;
    name_goes(st, dirfd1, from);
    if (sys_stat(dirfd2, to, AT_SYMLINK_NOFOLLOW, &old)) return 0;
    if (S_ISLNK(old.mode)) tell_link(dirfd2, to);
    return S_ISLNK(old.mode);
}

/* ---- rename ---- */

static void renamed(struct record *r, const struct file_state *st, int rc, const char *from, const char *to, unsigned flags, int over_link) {
    name_after(r, rc);
    if (!r || rc) return;
    if (S_ISDIR(st->mode) || flags & RENAME_EXCHANGE) { /* what it is exchanged for may be a directory */
        directory_moved();
    } else if (S_ISREG(st->mode) && !over_link) {
        generation_raise(from);
        generation_raise(to);
    } else {
        generation_raise_all();
    }
}

#define RENAMED(dirfd1, from, dirfd2, to, flags, call)                                    \
    struct file_state st;                                                                 \
    struct record *r = name_before(K_RENAME, flags, dirfd1, from, dirfd2, to, &st);       \
    int over_link = replaces_link(r, &st, dirfd1, from, dirfd2, to);                      \
    int rc = call;                                                                        \
    renamed(r, &st, rc, from, to, flags, over_link);                                      \
    return rc

EXPORT int rename(const char *from, const char *to) { RENAMED(AT_FDCWD, from, AT_FDCWD, to, 0, NEXT(rename)(from, to)); }

EXPORT int renameat(int dirfd1, const char *from, int dirfd2, const char *to) {
    RENAMED(dirfd1, from, dirfd2, to, 0, NEXT(renameat)(dirfd1, from, dirfd2, to));
}

EXPORT int renameat2(int dirfd1, const char *from, int dirfd2, const char *to, unsigned flags) {
    RENAMED(dirfd1, from, dirfd2, to, flags, NEXT(renameat2)(dirfd1, from, dirfd2, to, flags));
}

/* ---- link ---- */

/* The kernel's name for what linkat(2) will link when it is told to follow: the target of a symbolic link, or a file that
 * is open and has no name (O_TMPFILE), whose name here is empty. */
static size_t followed(int dirfd, const char *path, struct file_state *st, char *name) {
    int fd = *path ? (int)SYS(__NR_openat, dirfd, path, O_PATH | O_CLOEXEC) : dirfd;
    if (fd < 0 || sys_stat(fd, "", AT_EMPTY_PATH, st)) st->links = 0;
    size_t n = fd >= 0 && st->links ? path_of_fd(fd, name, SCRATCH_SIZE) : 0;
    if (*path && fd >= 0) SYS(__NR_close, fd);
    return n;
}

static struct record *link_before(int dirfd1, const char *from, int dirfd2, const char *to, int flags) {
    struct file_state st;
    if (!may_be_text(from) || !may_be_text(to) || !arena_on() || quiet) return 0;
    if (!(flags & AT_SYMLINK_FOLLOW) && *from) return name_before(K_LINK, 0, dirfd1, from, dirfd2, to, &st);
    char *name1 = scratch_get(), *name2 = scratch_get();
    struct record *r = 0;
    int canonical = 0;
    size_t m = name2 ? path_entry(dirfd2, to, name2, SCRATCH_SIZE, &canonical) : 0;
    if (name1 && m) {
        size_t n = followed(dirfd1, from, &st, name1);
        r = record_new(K_LINK, 0, name1, n, name2, m);
        if (n) record_stat(r, &st, B_EXISTED);
        if (r && canonical) r->bits |= B_CANONICAL;
    } else if (name1 && name2) {
        r = blind_new(BLIND_PATH, to);
    }
    scratch_put(name1);
    scratch_put(name2);
    return r;
}

#define LINKED(dirfd1, from, dirfd2, to, flags, call)                        \
    struct record *r = link_before(dirfd1, from, dirfd2, to, flags);         \
    int rc = call;                                                           \
    name_after(r, rc);                                                       \
    if (rc == 0) generation_raise(to);                                       \
    return rc

EXPORT int link(const char *from, const char *to) { LINKED(AT_FDCWD, from, AT_FDCWD, to, 0, NEXT(link)(from, to)); }

EXPORT int linkat(int dirfd1, const char *from, int dirfd2, const char *to, int flags) {
    LINKED(dirfd1, from, dirfd2, to, flags, NEXT(linkat)(dirfd1, from, dirfd2, to, flags));
}

/* ---- symlink ---- */

#define SYMLINKED(text, dirfd, path, call)                                              \
    struct record *r = name_before(K_SYMLINK, 0, AT_FDCWD, text, dirfd, path, 0);       \
    int rc = call;                                                                      \
    name_after(r, rc);                                                                  \
    if (rc == 0) generation_raise_all();                                                \
    return rc

EXPORT int symlink(const char *text, const char *path) { SYMLINKED(text, AT_FDCWD, path, NEXT(symlink)(text, path)); }
EXPORT int symlinkat(const char *text, int dirfd, const char *path) {
    SYMLINKED(text, dirfd, path, NEXT(symlinkat)(text, dirfd, path));
}

/* ---- mknod ---- */

/* A regular file made without an open.  Only what has content is of interest. */
static struct record *node_before(int dirfd, const char *path, mode_t mode) {
    if (mode & S_IFMT && !S_ISREG(mode)) return 0;
    struct record *r = name_before(K_WRITE, O_WRONLY | O_CREAT | O_EXCL, dirfd, path, AT_FDCWD, 0, 0);
    if (r && r->kind == K_WRITE) r->bits |= B_NEW;
    return r;
}

#define NODE_MADE(dirfd, path, mode, call)                   \
    struct record *r = node_before(dirfd, path, mode);       \
    int rc = call;                                           \
    name_after(r, rc);                                       \
    return rc

EXPORT int mknod(const char *path, mode_t mode, dev_t device) {
    NODE_MADE(AT_FDCWD, path, mode, NEXT(mknod)(path, mode, device));
}
EXPORT int mknodat(int dirfd, const char *path, mode_t mode, dev_t device) {
    NODE_MADE(dirfd, path, mode, NEXT(mknodat)(dirfd, path, mode, device));
}

/* what programs call that were built against a glibc before 2.33 */
extern int __xmknod(int, const char *, mode_t, dev_t *), __xmknodat(int, int, const char *, mode_t, dev_t *);

EXPORT int __xmknod(int version, const char *path, mode_t mode, dev_t *device) {
    NODE_MADE(AT_FDCWD, path, mode, NEXT(__xmknod)(version, path, mode, device));
}
EXPORT int __xmknodat(int version, int dirfd, const char *path, mode_t mode, dev_t *device) {
    NODE_MADE(dirfd, path, mode, NEXT(__xmknodat)(version, dirfd, path, mode, device));
}

/* ---- unlink ---- */

/* Removing a symbolic link changes no file's content, but what names through it mean. */
static void unlinked(struct record *r, const struct file_state *st, int rc, const char *path) {
    name_after(r, rc);
    if (!r || rc) return;
    if (S_ISLNK(st->mode)) generation_raise_all();
    else generation_raise(path);
}

#define UNLINKED(dirfd, path, call)                                                      \
    struct file_state st;                                                                \
    struct record *r = name_before(K_UNLINK, 0, dirfd, path, AT_FDCWD, 0, &st);          \
    if (r) name_goes(&st, dirfd, path);                                                  \
    int rc = call;                                                                       \
    unlinked(r, &st, rc, path);                                                          \
    return rc

EXPORT int unlink(const char *path) { UNLINKED(AT_FDCWD, path, NEXT(unlink)(path)); }
EXPORT int remove(const char *path) { UNLINKED(AT_FDCWD, path, NEXT(remove)(path)); }

EXPORT int unlinkat(int dirfd, const char *path, int flags) {
    if (flags & AT_REMOVEDIR) return NEXT(unlinkat)(dirfd, path, flags);
    UNLINKED(dirfd, path, NEXT(unlinkat)(dirfd, path, flags));
}
