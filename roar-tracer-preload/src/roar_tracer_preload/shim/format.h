/* The format of the arena: the contract between the shim, which writes it, and arena.py, which reads it.
 *
 * One file, mapped shared by every process of the run.  Little endian, every record 8-byte aligned.
 *
 *   0            struct arena_head, one page: what a process touches that starts, or starts another, costs one page fault
 *   SEEN_AT      u64 seen[ARENA_SEEN]   keys of what is recorded already: a cache, it may forget, never invent
 *   ARENA_BASE   records, allocated by an atomic add to head.used; none crosses a segment (a PAD fills the rest) */
#ifndef ROAR_FORMAT_H
#define ROAR_FORMAT_H

#include "sys.h"

#define ARENA_MAGIC 0x3352414f52455250ull /* "PREROAR3" */
#define ARENA_GENERATIONS 512u
#define ARENA_PROGRAMS 128u
#define ARENA_SEEN_AT 4096u
#define ARENA_SEEN 65536u
#define ARENA_BASE (1u << 20)
#define ARENA_SEGMENT (1u << 20)
#define ARENA_MAX_SEGMENTS 1024u

struct arena_head {
    u64 magic, base, segment;
    u64 limit;          /* bytes of records that fit; set by the runner, lowered by whoever meets a full disk */
    u64 used;           /* bytes of records asked for; may pass limit by what was then dropped */
    u64 dropped;        /* events that found no room */
    u64 generation_all; /* raised when any path may have changed its meaning: a directory or a symlink moved */
    u64 directory_moves; /* raised when a directory moved: a working directory may have another name */
    u64 replaced; /* raised before a name that may have been read through a link gets another file, or goes */
    u64 programs[ARENA_PROGRAMS];       /* keys of programs that were found fit: a cache like `seen` */
    u32 generations[ARENA_GENERATIONS]; /* a counter a hash of a file's last name, raised when such a name moves */
};

enum kind {
    K_PAD = 1,
    K_START,
    K_FORK,
    K_READ,
    K_WRITE,
    K_RENAME,
    K_LINK,
    K_SYMLINK,
    K_UNLINK,
    K_TRUNCATE,
    K_EXEC,
    K_SPAWN,
    K_MAP,
    K_BLIND,
    K_SPAWN_OPEN, /* an open that posix_spawn will do in the child: asked for, never confirmed */
    K_TIMES,      /* utimensat(2) and its like; the statistics are those before */
    K_LED,        /* a symbolic link that is about to go, and the canonical name that it leads to */
};

/* HOLE: allocated, not yet written.  A change is PENDING until its outcome is known; SUPERSEDED: told again by a later record. */
enum state { S_HOLE = 0, S_PENDING, S_OK, S_FAILED, S_SUPERSEDED };

enum bits {
    B_EXISTED = 1,   /* the file was there before */
    B_NEW = 2,       /* it was not; neither: unknown */
    B_STAT = 4,      /* the fields dev to mode are filled */
    B_CANONICAL = 8, /* the first text is the name that the kernel gives the file */
    B_OBJECT = 16,   /* read to be run: program, library */
};

/* why the shim sees nothing, or not all; the order is that of arena.py's REASONS */
enum blind {
    BLIND_NOT = 0,
    BLIND_STATIC,
    BLIND_GO,
    BLIND_FOREIGN,
    BLIND_LOADER,
    BLIND_SETUID,
    BLIND_IO_URING,
    BLIND_DEEPBIND,
    BLIND_NAMESPACE,
    BLIND_UNREACHABLE,
    BLIND_SECCOMP,
    BLIND_E2BIG,
    BLIND_PATH,
    BLIND_SANITIZER,
    BLIND_APART,
};

#define RECORD_MAGIC 0x5AFE

/* Written in this order: words, kind and magic; the body; state.  So a kill leaves nothing that looks like a record. */
struct record {
    u16 magic;
    u16 words;                        /* size of the record in units of 8 bytes */
    u8 kind, state, bits;
    u8 reason;                        /* enum blind, of BLIND, EXEC and SPAWN */
    u32 pid;                          /* of file events in a vfork child: its parent's, whose memory it is in */
    u32 flags;                        /* of open or rename; the child of FORK and SPAWN; the parent of START */
    u64 time;                         /* CLOCK_REALTIME_COARSE in ns; 0 in START; the new mtime in TIMES */
    u64 dev, ino, size, mtime, ctime; /* of the file before the operation; of reads, when it was opened */
    u32 mode;
    u16 length1, length2;             /* of the texts that follow, each with a NUL that is not counted */
    char text[];
};

_Static_assert(sizeof(struct record) == 72, "arena.py unpacks 72 bytes");
_Static_assert(sizeof(struct arena_head) <= ARENA_SEEN_AT, "the head is one page");
_Static_assert(ARENA_SEEN_AT + ARENA_SEEN * 8 <= ARENA_BASE, "the tables end before the records begin");

#endif
