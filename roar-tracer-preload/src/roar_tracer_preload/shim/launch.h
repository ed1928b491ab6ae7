/* Starting a program: what exec.c and spawn.c share. */
#ifndef ROAR_LAUNCH_H
#define ROAR_LAUNCH_H

#include "arena.h"

struct launch {
    int kind; /* K_EXEC or K_SPAWN */
    int dirfd;
    const char *path;
    int at_flags; /* AT_EMPTY_PATH: the program is open as dirfd */
    int search;   /* look a name without a slash up in PATH */
    char *const *arguments;
    char *const *environment;
    int (*call)(struct launch *, char *const *environment); /* the real function; 0 or an error number */
    u32 child;                                              /* pid, filled by the call of a spawn */
    const void *details;                                    /* for the call */
};

/* Records the start, sees that the shim goes along if it can, and calls.  0 or an error number; errno as the call left it. */
int launch(struct launch *l);

/* Calls `call` with an `environ` that the shim is in: for functions that start a shell from inside libc. */
void launch_with_environ(void (*call)(void *), void *argument);

/* posix_spawn was told to change directory first: a relative name means something else in the child. */
extern int spawn_changes_directory;

#endif
