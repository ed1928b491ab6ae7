/* Reading the ring: kernel/bpf/ringbuf.c has the layout, Documentation/bpf/ringbuf.rst the reasons. */
#include "ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORD_HEADER = 8 };
static const uint32_t BUSY = 1u << 31, DISCARDED = 1u << 30;

int ring_map(struct ring *ring, int fd, size_t size, struct fault *fault) {
    ring->page = (size_t)sysconf(_SC_PAGESIZE);
    ring->size = size;
    void *own = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* The kernel would map the data twice in a row; once is half the memory, and wrapping is easy with two parts. */
    void *theirs = mmap(NULL, ring->page + size, PROT_READ, MAP_SHARED, fd, (off_t)ring->page);
    if (own == MAP_FAILED || theirs == MAP_FAILED) {
        int error = errno;
        if (own != MAP_FAILED) munmap(own, ring->page);
        if (theirs != MAP_FAILED) munmap(theirs, ring->page + size);
        return fail(fault, error, "", "mapping the ring");
    }
    ring->consumer = own;
    ring->producer = theirs;
    ring->mapping = theirs;
    ring->data = (uint8_t *)theirs + ring->page;
    return 0;
}

void ring_unmap(struct ring *ring) {
    munmap((void *)(uintptr_t)ring->consumer, ring->page);
    munmap(ring->mapping, ring->page + ring->size);
}

uint64_t ring_produced(const struct ring *ring) {
    return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

static uint32_t header_at(const struct ring *ring, uint64_t at) {
    return __atomic_load_n((const uint32_t *)(const void *)(ring->data + (at & (ring->size - 1))), __ATOMIC_ACQUIRE);
}

uint32_t ring_record(const struct ring *ring, uint64_t at) {
    return ((header_at(ring, at) & ~(BUSY | DISCARDED)) + RECORD_HEADER + 7) & ~7u;
}

uint16_t ring_kind(const struct ring *ring, uint64_t at) {
    uint16_t kind;
    memcpy(&kind, ring->data + ((at + RECORD_HEADER) & (ring->size - 1)), sizeof kind);
    return kind;
}

struct span ring_next(struct ring *ring, uint64_t most) {
    struct span span = {*ring->consumer, *ring->consumer};
    uint64_t produced = ring_produced(ring);

    while (span.to < produced) {
        uint32_t header = header_at(ring, span.to);
        if (header & BUSY) break;
        uint64_t end = span.to + ring_record(ring, span.to);
        if (header & DISCARDED) {
            if (span.to > span.from) break;
            span.from = span.to = end;
            ring_taken(ring, span);
            continue;
        }
        if (end - span.from > most && span.to > span.from) break;
        span.to = end;
    }
    return span;
}

void ring_taken(struct ring *ring, struct span span) {
    __atomic_store_n(ring->consumer, span.to, __ATOMIC_RELEASE);
}

int ring_memory(const struct ring *ring, struct span span, size_t skipped, struct iovec parts[2]) {
    size_t at = (size_t)((span.from + skipped) & (ring->size - 1)), size = (size_t)(span.to - span.from) - skipped;
    size_t first = size < ring->size - at ? size : ring->size - at;

    parts[0] = (struct iovec){ring->data + at, first};
    parts[1] = (struct iovec){ring->data, size - first};
    return parts[1].iov_len ? 2 : 1;
}
