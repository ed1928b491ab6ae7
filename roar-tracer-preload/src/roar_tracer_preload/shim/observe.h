/* What a file operation leaves in the arena.
 *
 * The order matters.  Reads are recorded after they succeeded (a kill in between loses nothing that mattered); whatever
 * changes a file is recorded before, as PENDING, and confirmed after: a kill in between leaves a question that a look at
 * the file answers.  So the arena's order is "changes not later, reads not earlier than they happened". */
#ifndef ROAR_OBSERVE_H
#define ROAR_OBSERVE_H

#include "arena.h"

/* One open(2) under way. */
struct opening {
    u64 key;
    struct record *record; /* of a change, PENDING */
    int dirfd;
    u8 mode;  /* OPENING_… */
    u8 plain; /* the last name was no symbolic link */
};
enum { OPENING_IGNORED = 0, OPENING_READ, OPENING_WRITE };

/* Around every open: `fd` is what it returned, negative when it failed. */
void open_before(struct opening *o, int dirfd, const char *path, int flags);
void open_after(struct opening *o, int fd, const char *path, int flags);

/* A file that is open under a name that nobody gave: by a handle, from a socket, through a mapping. */
void observe_fd(int fd, int kind, int flags);

/* A new file whose name libc chose (mkstemp). */
void observe_new_fd(int fd);

/* A regular file that the loader or the kernel reads for the program; _object: to run it. */
void observe_read(int dirfd, const char *path);
void observe_object(int dirfd, const char *path);

/* Around what moves a name.  `st` is filled with the state of path1 before; null for what doesn't look at path1. */
struct record *name_before(int kind, u32 flags, int dirfd1, const char *path1, int dirfd2, const char *path2, struct file_state *st);
static inline void name_after(struct record *r, long rc) { record_state(r, rc < 0 ? S_FAILED : S_OK); }

#endif
