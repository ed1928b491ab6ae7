/* The ring buffer, read through shared memory alone. */
#ifndef ROAR_RING_H
#define ROAR_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fault.h"

struct ring {
    volatile uint64_t *consumer; /* our position */
    const volatile uint64_t *producer;
    uint8_t *data;
    void *mapping;
    size_t page, size;
};

/* Whole records that follow one another; they may wrap around the ring's end. */
struct span { uint64_t from, to; };

int ring_map(struct ring *ring, int fd, size_t size, struct fault *fault);
void ring_unmap(struct ring *ring);

/* What can be taken now, `most` bytes at most (but one record at least); empty when there is nothing, or when the next
 * record is just being written.  Discarded records are left out. */
struct span ring_next(struct ring *ring, uint64_t most);
void ring_taken(struct ring *ring, struct span span);

/* How far the kernel has come. */
uint64_t ring_produced(const struct ring *ring);

/* Bytes of the record at `at`, its header included. */
uint32_t ring_record(const struct ring *ring, uint64_t at);

/* Its first two bytes: what it tells. */
uint16_t ring_kind(const struct ring *ring, uint64_t at);

/* The span's memory from `skipped` on; returns the number of parts. */
int ring_memory(const struct ring *ring, struct span span, size_t skipped, struct iovec parts[2]);

#endif
