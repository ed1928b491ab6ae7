/* A pool of path buffers, mapped when the first real event needs one. */
#include "scratch.h"

#include <sys/mman.h>

#include "arena.h"
#include "path.h"

#define SLOTS 32 /* bits of `taken` */
#define POOL_SIZE ((SLOTS + 1) * SCRATCH_SIZE)

static char *pool;
static u32 taken;

static char *pool_mapped(void) {
    char *at = __atomic_load_n(&pool, __ATOMIC_ACQUIRE), *none = 0;
    if (likely(at != 0)) return at;
    if (quiet) return 0;
    long fresh = SYS(__NR_mmap, 0, POOL_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!is_mapped(fresh)) return 0;
    if (__atomic_compare_exchange_n(&pool, &none, (char *)fresh, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return (char *)fresh;
    SYS(__NR_munmap, fresh, POOL_SIZE);
    return none;
}

char *scratch_get(void) {
    char *at = pool_mapped();
    u32 now = __atomic_load_n(&taken, __ATOMIC_RELAXED);
    while (at && now != 0xffffffffu) {
        int i = __builtin_ctz(~now);
        if (__atomic_compare_exchange_n(&taken, &now, now | 1u << i, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return at + i * SCRATCH_SIZE;
    }
    arena_drop();
    return 0;
}

void scratch_put(char *buffer) {
    if (buffer) __atomic_fetch_and(&taken, ~(1u << ((buffer - pool) / SCRATCH_SIZE)), __ATOMIC_RELEASE);
}

char *scratch_kept(void) {
    char *at = pool_mapped();
    return at ? at + SLOTS * SCRATCH_SIZE : 0;
}
