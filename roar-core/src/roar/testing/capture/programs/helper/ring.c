/* io_uring(7) without its library: a ring of four entries, one call at a time. */
#include "modes.h"
#include <linux/io_uring.h>
#include <sys/mman.h>

static struct io_uring_params params;
static int ring_fd = -1;
static char *rings;
static struct io_uring_sqe *entries;

static void begins(void) {
    ring_fd = (int)syscall(SYS_io_uring_setup, 4, &params);
    MUST(ring_fd >= 0);
    size_t size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    rings = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQ_RING);
    entries = mmap(0, params.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQES);
    MUST(rings != MAP_FAILED && entries != MAP_FAILED && params.features & IORING_FEAT_SINGLE_MMAP);
}
static int does(struct io_uring_sqe entry) { /* its result */
    unsigned *tail = (unsigned *)(rings + params.sq_off.tail), mask = *(unsigned *)(rings + params.sq_off.ring_mask);
    unsigned *head = (unsigned *)(rings + params.cq_off.head), done = *(unsigned *)(rings + params.cq_off.ring_mask);
    entries[*tail & mask] = entry;
    ((unsigned *)(rings + params.sq_off.array))[*tail & mask] = *tail & mask;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    MUST(syscall(SYS_io_uring_enter, ring_fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) == 1);
    int result = ((struct io_uring_cqe *)(rings + params.cq_off.cqes))[*head & done].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}
#define NAME(path) .fd = AT_FDCWD, .addr = (unsigned long)(path)

static void ring_begun(void) {
    begins();
    MUST(get("a"));
}
static void ring_reads(void) {
    static char buffer[64];
    begins();
    int f = does((struct io_uring_sqe){.opcode = IORING_OP_OPENAT, NAME("a"), .open_flags = O_RDONLY});
    MUST(f >= 0 && does((struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = f, .addr = (unsigned long)buffer, .len = 64}) == 6);
}
static void ring_writes(void) {
    begins();
    int f = does((struct io_uring_sqe){.opcode = IORING_OP_OPENAT, NAME("out"), .len = 0644, .open_flags = O_WRONLY | O_CREAT});
    MUST(f >= 0 && does((struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = f, .addr = (unsigned long)"x", .len = 1}) == 1);
}
static void ring_renames(void) {
    begins();
    MUST(put("t", "x") && get("b"));
    MUST(!does((struct io_uring_sqe){.opcode = IORING_OP_RENAMEAT, NAME("t"), .len = AT_FDCWD, .off = (unsigned long)"out"}));
    MUST(!does((struct io_uring_sqe){.opcode = IORING_OP_UNLINKAT, NAME("b")}));
}

const struct mode ring[] = {MODE(ring_begun), MODE(ring_reads), MODE(ring_writes), MODE(ring_renames), NO_MORE};
