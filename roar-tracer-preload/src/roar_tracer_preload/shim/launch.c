/* Programs that start programs: see that the shim goes along, tell when it can't. */
#include "launch.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "next.h"
#include "path.h"
#include "program.h"
#include "scratch.h"

extern char **environ;

int spawn_changes_directory;

static int is_bare(const char *path) {
    while (*path && *path != '/') path++;
    return !*path;
}

/* The program that execvp(3) would find, into `buffer`; null: none. */
static const char *find_on_path(const char *file, char *buffer) {
    const char *path = 0;
    size_t m = str_len(file);
    for (char **e = environ; e && *e && !path; e++)
        if (has_prefix(*e, "PATH=")) path = *e + 5;
    if (!path) path = "/bin:/usr/bin";
    for (;; path++) {
        size_t n = 0;
        while (path[n] && path[n] != ':') n++;
        if (n + m + 2 < SCRATCH_SIZE) {
            mem_copy(buffer, path, n);
            if (n) buffer[n] = '/';
            mem_copy(buffer + (n ? n + 1 : 0), file, m + 1);
            if (SYS(__NR_faccessat, AT_FDCWD, buffer, X_OK) == 0) return buffer;
        }
        path += n;
        if (!*path) return 0;
    }
}

/* As execve(2) will find it; *is_link: its last name is a symbolic link, which may be gone before anyone follows it again. */
static int stat_program(const struct launch *l, const char *path, struct file_state *st, int *is_link) {
    int rc = sys_stat(l->dirfd, path, (l->at_flags & AT_EMPTY_PATH) | AT_SYMLINK_NOFOLLOW, st);
    *is_link = rc == 0 && S_ISLNK(st->mode) && !(l->at_flags & AT_SYMLINK_NOFOLLOW);
    return *is_link ? sys_stat(l->dirfd, path, 0, st) : rc;
}

/* The record of the start to come; *along: whether the shim should go with it (else the loader could only complain). */
static struct record *record_launch(const struct launch *l, const char *path, char *name, int *along) {
    struct file_state st;
    int reason = BLIND_NOT;
    int relative = l->kind == K_SPAWN && spawn_changes_directory && path[0] != '/';
    int canonical = 1, is_link = 0;
    if (!relative && stat_program(l, path, &st, &is_link)) return 0;
    size_t n = relative ? 0
               : *path  ? path_meant(l->dirfd, path, is_link, name, SCRATCH_SIZE, &canonical)
                        : path_of_fd(l->dirfd, name, SCRATCH_SIZE);
    if (!relative && !n) return 0;
    /* A program that was found fit needs no second look; were it replaced in place, its missing START would tell. */
    u64 key = n && *path ? path_key(l->dirfd, path, 0x4f) : 0;
    if (n && !(key && program_is_fit(key))) {
        reason = program_examine(l->dirfd, path, l->at_flags);
        if (key && !reason) program_fits(key);
    }
    if (reason == BLIND_FOREIGN || reason == BLIND_SANITIZER) { /* it would complain on the program's stderr, or end it */
        *along = 0;
    } else if (SYS(__NR_faccessat, AT_FDCWD, shim_path, R_OK) < 0) {
        *along = 0;
        if (!reason) reason = BLIND_UNREACHABLE;
    }
    struct record *r = record_new(l->kind, 0, name, n, "", 0);
    if (!r) return 0;
    r->reason = (u8)reason;
    if (n) record_stat(r, &st, B_EXISTED | (canonical ? B_CANONICAL : 0));
    return r;
}

static struct record *launch_before(const struct launch *l, int *along) {
    *along = 1;
    if (quiet || !may_be_text(l->path)) return 0;
    char *name = scratch_get(), *found = scratch_get();
    const char *path = l->path;
    struct record *r = 0;
    if (name && found) {
        if (l->search && is_bare(path)) path = find_on_path(path, found);
        if (path && (*path || (l->at_flags & AT_EMPTY_PATH))) r = record_launch(l, path, name, along);
    }
    scratch_put(name);
    scratch_put(found);
    return r;
}

/* alloca, not mmap: in a vfork child a mapping would stay behind in the parent, one for each exec. */
static int call_with(struct launch *l, int along) {
    struct environment_change change = environment_examine(l->environment, along);
    if (likely(!change.needed)) return l->call(l, l->environment);
    char **vector = alloca((change.entries + 2) * sizeof *vector);
    char *text = alloca(change.size);
    environment_rewrite(l->environment, &change, vector, text);
    return l->call(l, vector);
}

int launch(struct launch *l) {
    int along;
    if (!arena_on()) return l->call(l, l->environment);
    struct record *r = launch_before(l, &along);
    int error = call_with(l, along);
    if (error == E2BIG && along) { /* our own bytes may be what is too much */
        if (r) r->reason = BLIND_E2BIG;
        error = call_with(l, 0);
    }
    /* an exec that succeeded never comes back, and its record stays PENDING */
    if (r) r->flags = l->child;
    record_state(r, error ? S_FAILED : S_OK);
    return error;
}

/* The real function takes `environ` itself: only one that was scrubbed is lent a repaired copy. */
void launch_with_environ(void (*call)(void *), void *argument) {
    struct environment_change change = {0};
    if (arena_on()) change = environment_examine(environ, 1);
    if (likely(!change.needed)) {
        call(argument);
        return;
    }
    char **own = environ, **vector = alloca((change.entries + 2) * sizeof *vector);
    char *text = alloca(change.size);
    environment_rewrite(own, &change, vector, text);
    environ = vector;
    call(argument);
    if (environ == vector) environ = own;
}
