/* Shared writable mappings: a store through one leaves no trace on file systems that don't update times for it (tmpfs).
 *
 * A mapping that is made read-only and later made writable by mprotect() is remembered until then. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "next.h"
#include "observe.h"
#include "path.h"
#include "scratch.h"

#define REMEMBERED 16

static struct readable_mapping {
    char *start;    /* null: free */
    size_t size;
    struct record *record; /* of kind MAP and state FAILED: nothing was mapped writable yet */
} readable[REMEMBERED];
static u32 readable_count;

/* What is mapped read-only of a descriptor that could write; null when the table is full. */
static void remember(void *start, size_t size, struct record *record) {
    for (int i = 0; i < REMEMBERED; i++) {
        char *none = 0;
        struct readable_mapping *m = &readable[i];
        if (!__atomic_compare_exchange_n(&m->start, &none, (char *)start, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) continue;
        m->size = size;
        __atomic_store_n(&m->record, record, __ATOMIC_RELEASE);
        __atomic_fetch_add(&readable_count, 1, __ATOMIC_RELEASE);
        return;
    }
    record_state(record, S_OK); /* no room to wait for mprotect: say the worst now */
}

/* The event of observe_fd, withheld. */
static struct record *record_unused(int fd) {
    struct file_state st;
    if (sys_stat(fd, "", AT_EMPTY_PATH, &st) || !S_ISREG(st.mode) || !st.links) return 0;
    char *name = scratch_get();
    size_t n = name ? path_of_fd(fd, name, SCRATCH_SIZE) : 0;
    struct record *r = n ? record_new(K_MAP, O_RDWR, name, n, "", 0) : 0;
    record_stat(r, &st, B_EXISTED | B_CANONICAL);
    record_state(r, S_FAILED);
    scratch_put(name);
    return r;
}

static void mapped_shared(void *start, size_t size, int protection, int fd) {
    if (!arena_on() || quiet) return;
    if (protection & PROT_WRITE) {
        observe_fd(fd, K_MAP, O_RDWR);
    } else if ((SYS(__NR_fcntl, fd, F_GETFL) & O_ACCMODE) == O_RDWR) {
        struct record *r = record_unused(fd);
        if (r) remember(start, size, r);
    }
}

#define MAPPED(start, size, protection, flags, fd, call)                          \
    void *at = call;                                                              \
    if (unlikely(fd >= 0 && (flags & MAP_TYPE) != MAP_PRIVATE) && at != MAP_FAILED) \
        mapped_shared(at, size, protection, fd);                                  \
    return at

EXPORT void *mmap(void *start, size_t size, int protection, int flags, int fd, off_t offset) {
    MAPPED(start, size, protection, flags, fd, NEXT(mmap)(start, size, protection, flags, fd, offset));
}

EXPORT void *mmap64(void *start, size_t size, int protection, int flags, int fd, off64_t offset) {
    MAPPED(start, size, protection, flags, fd, NEXT(mmap64)(start, size, protection, flags, fd, offset));
}

static void made_writable(char *start, size_t size) {
    for (int i = 0; i < REMEMBERED; i++) {
        struct readable_mapping *m = &readable[i];
        char *other = __atomic_load_n(&m->start, __ATOMIC_ACQUIRE);
        struct record *old = __atomic_load_n(&m->record, __ATOMIC_ACQUIRE);
        if (!other || !old || start >= other + m->size || start + size <= other) continue;
        struct record *r = record_new(K_MAP, O_RDWR, old->text, old->length1, "", 0);
        struct file_state st = {old->mode, 1, 0, 0, old->dev, old->ino, old->size, old->mtime, old->ctime};
        record_stat(r, &st, B_EXISTED | B_CANONICAL);
        record_state(r, S_OK);
    }
}

EXPORT int mprotect(void *start, size_t size, int protection) {
    if (unlikely(protection & PROT_WRITE && __atomic_load_n(&readable_count, __ATOMIC_ACQUIRE)) && arena_on())
        made_writable(start, size);
    return NEXT(mprotect)(start, size, protection);
}

static void forget(char *start, size_t size) {
    for (int i = 0; i < REMEMBERED; i++) {
        char *other = __atomic_load_n(&readable[i].start, __ATOMIC_ACQUIRE);
        if (!other || other < start || other + readable[i].size > start + size) continue;
        __atomic_store_n(&readable[i].record, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&readable[i].start, 0, __ATOMIC_RELEASE);
        __atomic_fetch_sub(&readable_count, 1, __ATOMIC_RELEASE);
    }
}

EXPORT int munmap(void *start, size_t size) {
    if (unlikely(__atomic_load_n(&readable_count, __ATOMIC_ACQUIRE) != 0)) forget(start, size);
    return NEXT(munmap)(start, size);
}
