/* The journal: a header that is rewritten in place, and behind it the ring's records as they are. */
#ifndef ROAR_JOURNAL_H
#define ROAR_JOURNAL_H

#include <stdint.h>

#include "fault.h"
#include "ring.h"

#define JOURNAL_FINISHED (1ull << 32)
enum { JOURNAL_ANSWERS_AT = 40 };

/* journal.py reads it, too. */
struct journal_header {
    char magic[8]; /* ROAREBPF */
    uint64_t emitted, drops, drop_bytes, truncated, suppressed, enrol_failed;
    uint64_t lost_by_disk;
    uint64_t misses;
    uint64_t flags; /* bits 0-7 tier, 8-15 variant, 16-23 skipped, 32 finished, 40-63 answers to who waits */
    uint64_t end;   /* bytes of header and whole records: what is behind them doesn't count */
};
_Static_assert(sizeof(struct journal_header) == 88, "as journal.py has it");

struct journal {
    int fd;
    uint64_t end, lost;
};

/* Writes the header, locks the file for as long as this process lives, and makes sure that it is one to write to. */
int journal_begin(struct journal *journal, int fd, struct fault *fault);

/* Whether somebody waits until what has been seen is in it: who does holds a lock on its first byte (journal.py), of the other
 * kind than the one that says that it is being written. */
int journal_is_awaited(const struct journal *journal);

/* Never fails: records that the disk doesn't take are counted in `lost`. */
void journal_append(struct journal *journal, const struct ring *ring, struct span span);

/* 0 when the header is on its way to the disk. */
int journal_describe(const struct journal *journal, struct journal_header *header);

#endif
