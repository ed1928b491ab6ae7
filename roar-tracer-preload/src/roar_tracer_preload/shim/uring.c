/* io_uring: liburing issues its system calls inline, so that its own entry points are what can be seen. */
#include "arena.h"
#include "next.h"

extern int io_uring_queue_init(unsigned, void *, unsigned);
extern int io_uring_queue_init_params(unsigned, void *, void *);
extern int io_uring_queue_init_mem(unsigned, void *, void *, void *, size_t);
extern int io_uring_setup(unsigned, void *);

static int set_up(int rc, const char *function) {
    if (rc >= 0 && arena_on()) tell_blind(BLIND_IO_URING, function);
    return rc;
}

EXPORT int io_uring_queue_init(unsigned entries, void *ring, unsigned flags) {
    return set_up(NEXT(io_uring_queue_init)(entries, ring, flags), "io_uring_queue_init");
}

EXPORT int io_uring_queue_init_params(unsigned entries, void *ring, void *parameters) {
    return set_up(NEXT(io_uring_queue_init_params)(entries, ring, parameters), "io_uring_queue_init_params");
}

EXPORT int io_uring_queue_init_mem(unsigned entries, void *ring, void *parameters, void *memory, size_t size) {
    return set_up(NEXT(io_uring_queue_init_mem)(entries, ring, parameters, memory, size), "io_uring_queue_init_mem");
}

EXPORT int io_uring_setup(unsigned entries, void *parameters) {
    return set_up(NEXT(io_uring_setup)(entries, parameters), "io_uring_setup");
}
