/* What opening, reading and naming files leaves in the arena. */
#include "observe.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "path.h"
#include "scratch.h"

static int is_change(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)); }

/* Uses of a name that leave different events have different keys. */
static int use_of(int flags) {
    if (!is_change(flags)) return K_READ;
    return K_WRITE | (flags & O_ACCMODE) << 4 | (flags & O_TRUNC ? 0x80 : 0);
}

/* ---- open ---- */

static void change_before(struct opening *o, const char *path, int flags) {
    struct file_state st;
    int rc = -1;
    if (!quiet) rc = sys_stat(o->dirfd, path, AT_SYMLINK_NOFOLLOW, &st);
    o->plain = !(rc == 0 && S_ISLNK(st.mode));
    if (!o->plain) rc = sys_stat(o->dirfd, path, 0, &st); /* the real name is known after the open */
    if (rc == 0 && !S_ISREG(st.mode)) return;
    char *name = scratch_get();
    if (!name) return;
    o->mode = OPENING_WRITE;
    size_t n = path_absolute(o->dirfd, path, name, SCRATCH_SIZE);
    if (n) {
        o->record = record_new(K_WRITE, (u32)flags, name, n, "", 0);
        if (rc == 0) record_stat(o->record, &st, B_EXISTED);
        else if (!quiet && o->record) o->record->bits |= B_NEW;
    } else {
        o->record = blind_new(BLIND_PATH, path);
    }
    scratch_put(name);
}

void open_before(struct opening *o, int dirfd, const char *path, int flags) {
    *o = (struct opening){.dirfd = dirfd};
    /* O_TMPFILE contains O_DIRECTORY: such a file has no name until linkat(), which is recorded */
    if (!may_be_text(path) || (flags & (O_PATH | O_DIRECTORY)) || !arena_on()) return;
    o->key = path_key(dirfd, path, use_of(flags));
    if (likely(o->key && seen_has(o->key))) return;
    if (is_change(flags)) change_before(o, path, flags);
    else o->mode = OPENING_READ;
}

/* Under a filter only the name as given is known. */
static void open_after_quietly(struct opening *o, const char *path, int flags) {
    if (o->mode == OPENING_READ) {
        char *name = scratch_get();
        size_t n = name ? path_absolute(o->dirfd, path, name, SCRATCH_SIZE) : 0;
        if (n) record_state(record_new(K_READ, (u32)flags, name, n, "", 0), S_OK);
        else if (name) tell_blind(BLIND_PATH, path);
        scratch_put(name);
    }
    record_state(o->record, S_OK);
    if (o->key) seen_add(o->key);
}

/* Memory, devices and the kernel's own: no file that anyone could record. */
static int is_nameless(const char *name) {
    return has_prefix(name, "/memfd:") || has_prefix(name, "/proc/") || has_prefix(name, "/sys/");
}

/* The name of what was opened, canonical unless *canonical is cleared.
 *
 * Asking the kernel costs more than the open did.  Once a directory is enough, as long as the job has moved no symbolic
 * link: a last name that is one is resolved by the reader, who compares the inode. */
static size_t name_of_opened(const struct opening *o, int fd, const char *path, char *name, int *canonical) {
    u64 directory_key;
    int known = path_directory_known(o->dirfd, path, &directory_key);
    *canonical = 1;
    if (known && o->plain && o->record && o->record->kind == K_WRITE) {
        mem_copy(name, o->record->text, o->record->length1 + 1u);
        return o->record->length1;
    }
    if (known && o->mode == OPENING_READ && !generation_of_all()) {
        *canonical = 0;
        return path_absolute(o->dirfd, path, name, SCRATCH_SIZE);
    }
    size_t n = path_of_fd(fd, name, SCRATCH_SIZE);
    if (n && directory_key) {
        char *lexical = scratch_get();
        size_t m = lexical ? path_absolute(o->dirfd, path, lexical, SCRATCH_SIZE) : 0;
        if (m == n && mem_equal(name, lexical, n)) seen_add(directory_key);
        scratch_put(lexical);
    }
    return n;
}

static const char LOST[] = " (deleted)";

static int is_marked_lost(const char *name, size_t n) {
    return n >= sizeof LOST && mem_equal(name + n - (sizeof LOST - 1), LOST, sizeof LOST - 1);
}

/* The last name of a file that has none any more, as the kernel tells it; its length, 0 for one that never had any. */
static size_t last_name(char *name, size_t n) {
    if (!is_marked_lost(name, n)) return 0;
    name[n -= sizeof LOST - 1] = 0;
    size_t slash = n;
    while (slash && name[slash - 1] != '/') slash--;
    return name[slash] == '#' ? 0 : n; /* O_TMPFILE */
}

/* Of the kernel's name for an open file what can be told; its length.  A name may end as if it were lost; and a file that did
 * lose the name under which it was opened may have another: then `st` says that it has none, as of this one it is true. */
static size_t name_told(char *name, size_t n, struct file_state *st) {
    struct file_state there;
    if (st->links && (!is_marked_lost(name, n) || !sys_stat(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &there))) return n;
    st->links = 0;
    return last_name(name, n);
}

static void read_after(const struct opening *o, const struct file_state *st, const char *name, size_t n, int canonical, int flags) {
    /* a name that is never known again (/dev/stdin) may still lead to a file that is */
    u64 key = o->key ? 0 : path_key(AT_FDCWD, name, K_READ);
    if (is_nameless(name) || (key && seen_has(key))) return;
    struct record *r = record_new(K_READ, (u32)flags, name, n, "", 0);
    record_stat(r, st, (st->links ? B_EXISTED : B_NEW) | (canonical ? B_CANONICAL : 0));
    record_state(r, S_OK);
    if (key) seen_add(key);
}

static void change_after(const struct opening *o, const struct file_state *st, char *name, size_t n, int flags) {
    struct record *r = o->record, *again;
    if (!r) return;
    if (r->kind == K_BLIND) { /* the name as given could not be told; the kernel's own may */
        record_state(r, n ? S_FAILED : S_OK);
        if (!n || !(r = record_new(K_WRITE, (u32)flags, name, n, "", 0))) return;
        r->bits |= B_CANONICAL;
        record_state(r, S_OK);
        return;
    }
    if (!st->links && path_is_shifting(r->text)) { /* a descriptor was opened again whose file has lost its name, or never had one */
        record_state(r, S_FAILED);
        if ((flags & O_ACCMODE) == O_RDWR && !(flags & O_TRUNC) && (n = last_name(name, n))) read_after(o, st, name, n, 1, flags);
        return;
    }
    int same = n == r->length1 && mem_equal(name, r->text, n);
    /* a symbolic link was on the way: say again what it really was */
    if (n && !same && st->links && (again = record_new(K_WRITE, (u32)flags, name, n, "", 0))) {
        struct file_state before = {r->mode, 0, 0, 0, r->dev, r->ino, r->size, r->mtime, r->ctime};
        if (r->bits & B_STAT) record_stat(again, &before, 0);
        again->bits = r->bits | B_CANONICAL;
        record_state(r, S_SUPERSEDED);
        r = again;
    } else if (same) {
        r->bits |= B_CANONICAL;
    }
    record_state(r, S_OK);
}

void open_after(struct opening *o, int fd, const char *path, int flags) {
    if (likely(o->mode == OPENING_IGNORED)) return;
    if (fd < 0) {
        record_state(o->record, S_FAILED);
        return;
    }
    if (quiet) {
        open_after_quietly(o, path, flags);
        return;
    }
    struct file_state st;
    if (sys_stat(fd, "", AT_EMPTY_PATH, &st) || !S_ISREG(st.mode)) {
        record_state(o->record, S_FAILED);
        if (o->key && !S_ISFIFO(st.mode)) seen_add(o->key); /* a directory or terminal is one the next time, too */
        return;
    }
    char *name = scratch_get();
    if (!name) {
        record_state(o->record, S_OK);
        return;
    }
    int canonical;
    size_t n = name_of_opened(o, fd, path, name, &canonical);
    if (o->mode == OPENING_WRITE) change_after(o, &st, name, n, flags);
    else if (n && canonical) {
        if ((n = name_told(name, n, &st))) read_after(o, &st, name, n, canonical, flags);
    } else if (n && st.links) read_after(o, &st, name, n, canonical, flags);
    else if (!st.links) record_state(o->record, S_FAILED);
    else tell_blind(BLIND_PATH, path);
    if (o->key) seen_add(o->key);
    scratch_put(name);
}

/* ---- files that were not opened by a name ---- */

void observe_fd(int fd, int kind, int flags) {
    struct file_state st;
    if (!arena_on() || quiet || fd < 0) return;
    if (sys_stat(fd, "", AT_EMPTY_PATH, &st) || !S_ISREG(st.mode) || !st.links) return;
    u64 key = hash_bytes((u64)kind << 32 | (u32)(flags & O_ACCMODE), (char *)&st.dev, sizeof st.dev);
    key = hash_bytes(key, (char *)&st.ino, sizeof st.ino);
    char *name = seen_has(key) ? 0 : scratch_get();
    size_t n = name ? path_of_fd(fd, name, SCRATCH_SIZE) : 0;
    if (n) n = name_told(name, n, &st);
    if (n && !is_nameless(name) && (st.links || kind == K_READ)) {
        struct record *r = record_new(kind, (u32)flags, name, n, "", 0);
        record_stat(r, &st, (st.links ? B_EXISTED : B_NEW) | B_CANONICAL);
        record_state(r, S_OK);
        seen_add(key);
    }
    scratch_put(name);
}

void observe_new_fd(int fd) {
    if (fd < 0 || !arena_on() || quiet) return;
    char *name = scratch_get();
    size_t n = name ? path_of_fd(fd, name, SCRATCH_SIZE) : 0;
    if (n) {
        struct record *r = record_new(K_WRITE, O_RDWR | O_CREAT | O_EXCL, name, n, "", 0);
        if (r) r->bits |= B_NEW | B_CANONICAL;
        record_state(r, S_OK);
    }
    scratch_put(name);
}

static void observe_named(int dirfd, const char *path, int bits) {
    struct file_state st;
    if (!arena_on() || quiet || !may_be_text(path)) return;
    u64 key = path_key(dirfd, path, K_READ | bits);
    if (key && seen_has(key)) return;
    if (sys_stat(dirfd, path, AT_SYMLINK_NOFOLLOW, &st)) return;
    int is_link = S_ISLNK(st.mode), canonical = 0;
    if ((is_link && sys_stat(dirfd, path, 0, &st)) || !S_ISREG(st.mode)) return;
    char *name = scratch_get();
    size_t n = name ? path_meant(dirfd, path, is_link, name, SCRATCH_SIZE, &canonical) : 0;
    if (n && !is_nameless(name)) {
        struct record *r = record_new(K_READ, 0, name, n, "", 0);
        record_stat(r, &st, B_EXISTED | bits | (canonical ? B_CANONICAL : 0));
        record_state(r, S_OK);
        if (key) seen_add(key);
    }
    scratch_put(name);
}

void observe_read(int dirfd, const char *path) { observe_named(dirfd, path, 0); }
void observe_object(int dirfd, const char *path) { observe_named(dirfd, path, B_OBJECT); }

/* ---- names ---- */

struct record *name_before(int kind, u32 flags, int dirfd1, const char *path1, int dirfd2, const char *path2, struct file_state *st) {
    if (!arena_on() || !may_be_text(path1) || (path2 && !may_be_text(path2)) || (st && quiet)) return 0;
    int at_flags = kind == K_TRUNCATE ? 0 : AT_SYMLINK_NOFOLLOW; /* the others act on the link itself */
    if (st && sys_stat(dirfd1, path1, at_flags, st) < 0) return 0; /* the call will fail */
    char *name1 = scratch_get(), *name2 = path2 ? scratch_get() : 0;
    struct record *r = 0;
    if (name1 && (!path2 || name2)) {
        int canonical = 1, canonical2 = 1;
        size_t m = path2 ? path_entry(dirfd2, path2, name2, SCRATCH_SIZE, &canonical2) : 0;
        size_t n = kind == K_SYMLINK    ? str_len(path1)
                   : kind == K_TRUNCATE ? path_meant(dirfd1, path1, 1, name1, SCRATCH_SIZE, &canonical)
                                        : path_entry(dirfd1, path1, name1, SCRATCH_SIZE, &canonical);
        if (n && n < SCRATCH_SIZE && (m || !path2)) {
            r = record_new(kind, flags, kind == K_SYMLINK ? path1 : name1, n, path2 ? name2 : "", m);
            if (st) record_stat(r, st, B_EXISTED);
            if (r && canonical && canonical2) r->bits |= B_CANONICAL;
        } else {
            r = blind_new(BLIND_PATH, path2 ? path2 : path1);
        }
    }
    scratch_put(name1);
    scratch_put(name2);
    return r;
}
