/* posix_spawn, and the functions that start a shell: system and popen. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

#include "launch.h"
#include "next.h"
#include "observe.h"
#include "path.h"

struct spawn_details {
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

static int call_posix_spawn(struct launch *l, char *const *environment) {
    const struct spawn_details *d = l->details;
    pid_t pid = 0;
    int error = NEXT(posix_spawn)(&pid, l->path, d->actions, d->attributes, l->arguments, environment);
    l->child = (u32)pid;
    return error;
}

static int call_posix_spawnp(struct launch *l, char *const *environment) {
    const struct spawn_details *d = l->details;
    pid_t pid = 0;
    int error = NEXT(posix_spawnp)(&pid, l->path, d->actions, d->attributes, l->arguments, environment);
    l->child = (u32)pid;
    return error;
}

#define SPAWN(file, searched, function)                                                                         \
    struct spawn_details details = {actions, attributes};                                                      \
    struct launch l = {.kind = K_SPAWN, .dirfd = AT_FDCWD, .path = file, .search = searched,                    \
                       .arguments = arguments, .environment = environment, .call = function, .details = &details}; \
    int error = launch(&l);                                                                                    \
    if (!error && pid) *pid = (pid_t)l.child;                                                                  \
    return error

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
    SPAWN(path, 0, call_posix_spawn);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
    SPAWN(file, 1, call_posix_spawnp);
}

/* These opens happen inside libc, in the child: recorded when they are asked for, as a question. */
static void observe_asked_open(const char *path, int flags) {
    struct file_state st;
    if (spawn_changes_directory && path[0] != '/') { /* from which directory, only libc knows */
        tell_blind(BLIND_PATH, path);
    } else if ((flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC))) {
        observe_read(AT_FDCWD, path);
    } else {
        int rc = sys_stat(AT_FDCWD, path, 0, &st);
        struct record *r = name_before(K_SPAWN_OPEN, (u32)flags, AT_FDCWD, path, AT_FDCWD, 0, 0);
        if (rc == 0) record_stat(r, &st, B_EXISTED);
        else if (r) r->bits |= B_NEW;
    }
}

EXPORT int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags, mode_t mode) {
    if (path && arena_on() && !quiet) observe_asked_open(path, flags);
    return NEXT(posix_spawn_file_actions_addopen)(actions, fd, path, flags, mode);
}

EXPORT int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path) {
    spawn_changes_directory = 1;
    return NEXT(posix_spawn_file_actions_addchdir_np)(actions, path);
}

EXPORT int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *actions, int fd) {
    spawn_changes_directory = 1;
    return NEXT(posix_spawn_file_actions_addfchdir_np)(actions, fd);
}

/* ---- a shell from inside libc ---- */

struct shell_call {
    const char *command, *mode;
    int status;
    FILE *stream;
};

static void call_system(void *argument) {
    struct shell_call *c = argument;
    c->status = NEXT(system)(c->command);
}

static void call_popen(void *argument) {
    struct shell_call *c = argument;
    c->stream = NEXT(popen)(c->command, c->mode);
}

EXPORT int system(const char *command) {
    struct shell_call c = {.command = command};
    launch_with_environ(call_system, &c);
    return c.status;
}

EXPORT FILE *popen(const char *command, const char *mode) {
    struct shell_call c = {.command = command, .mode = mode};
    launch_with_environ(call_popen, &c);
    return c.stream;
}
