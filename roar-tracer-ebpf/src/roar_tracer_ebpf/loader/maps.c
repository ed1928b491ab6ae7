/* Creating and filling the maps. */
#include "maps.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf.h"
#include "privilege.h"

/* struct globals of the probe */
enum { COOKIE_0, COOKIE_1, ROOT_DENTRY, ROOT_MOUNT, UID_POLICY, WAKE_BYTES };
enum { CALLS = 1024 };

static size_t whole_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

static int create(const struct map_attributes *attributes, struct fault *fault) {
    int fd = bpf_create_map(attributes), error = errno;

    if (fd >= 0) return fd;
    const char *advice = privilege_advice(error);
    if (error == ENOSYS) advice = "kernel";
    if (error == EPERM && !*advice) advice = "container"; /* a user namespace, or a filter of system calls */
    return fail(fault, error, advice, "creating BPF map");
}

int maps_create(struct maps *maps, const struct object *object, uint32_t ring_size, struct fault *fault) {
    const struct {
        int *fd;
        struct map_attributes attributes;
    } wanted[] = {
        {&maps->globals, {MAP_ARRAY, 4, object->globals_size, 1, FLAG_MMAPABLE, "roar_globals"}},
        {&maps->counters, {MAP_ARRAY, 4, object->counters_size, 1, FLAG_MMAPABLE, "roar_counters"}},
        {&maps->scratch, {MAP_PERCPU_ARRAY, 4, object->scratch_size, object->scratch_entries, 0, "roar_scratch"}},
        {&maps->procs, {MAP_HASH, 4, 4, object->procs_entries, 0, "roar_procs"}},
        {&maps->ring, {MAP_RINGBUF, 0, 0, ring_size, 0, "roar_ring"}},
    };

    *maps = NO_MAPS;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if ((*wanted[i].fd = create(&wanted[i].attributes, fault)) < 0) {
            maps_close(maps);
            return -1;
        }
    maps->value_size = object->counters_size;
    maps->ring_size = ring_size;
    maps->values = mmap(NULL, whole_pages(object->counters_size), PROT_READ | PROT_WRITE, MAP_SHARED, maps->counters, 0);
    if (maps->values != MAP_FAILED) return 0;
    int error = errno;
    maps->values = NULL;
    maps_close(maps);
    return fail(fault, error, "", "mapping the counters");
}

int64_t maps_by_name(const struct maps *maps, struct text name) {
    if (text_is(name, "M_GLOBALS")) return maps->globals;
    if (text_is(name, "M_COUNTERS")) return maps->counters;
    if (text_is(name, "M_SCRATCH")) return maps->scratch;
    if (text_is(name, "M_PROCS")) return maps->procs;
    return text_is(name, "M_RING") ? maps->ring : INT64_MIN;
}

static void set_actions(uint8_t *table, struct calls calls) {
    for (unsigned i = 0; i < calls.count; i++) {
        const uint8_t *entry = calls.entries + 3 * i;
        if (read_u16(entry) < CALLS) table[read_u16(entry)] = entry[2];
    }
}

int maps_fill(const struct maps *maps, const struct object *object, const struct session *session, struct fault *fault) {
    size_t size = whole_pages(object->globals_size);

    if (object->actions_at < 8 * sizeof(uint64_t) || object->actions_at > object->globals_size || object->globals_size - object->actions_at < 2 * CALLS)
        return fail(fault, EINVAL, "", "reading the probe");
    uint64_t *globals = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, maps->globals, 0);
    if (globals == MAP_FAILED) return fail(fault, errno, "", "mapping the probe's variables");
    globals[COOKIE_0] = session->cookie[0];
    globals[COOKIE_1] = session->cookie[1];
    globals[UID_POLICY] = session->uid_policy;
    globals[object->actions_at / sizeof *globals - 1] = session->secret; /* the last before the tables */
    globals[WAKE_BYTES] = maps->ring_size / 4;
    set_actions((uint8_t *)globals + object->actions_at, object->native);
    set_actions((uint8_t *)globals + object->actions_at + CALLS, object->compat);
    munmap(globals, size);
    return 0;
}

void maps_sum(const struct maps *maps, uint64_t sums[COUNTERS]) {
    memset(sums, 0, COUNTERS * sizeof *sums);
    for (size_t at = 0; at + COUNTER_STRIDE <= maps->value_size / sizeof *maps->values; at += COUNTER_STRIDE)
        for (size_t i = 0; i < COUNTERS; i++) sums[i] += __atomic_load_n(&maps->values[at + i], __ATOMIC_RELAXED);
}

void maps_forget_counts(const struct maps *maps) {
    for (size_t at = 0; at + COUNTER_STRIDE <= maps->value_size / sizeof *maps->values; at += COUNTER_STRIDE)
        for (size_t i = 0; i < COUNTERS; i++)
            if (maps->values[at + i]) __atomic_store_n(&maps->values[at + i], 0, __ATOMIC_RELAXED);
}

static void close_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void maps_close_inner(struct maps *maps) {
    close_one(&maps->globals);
    close_one(&maps->scratch);
    close_one(&maps->procs);
}

void maps_close(struct maps *maps) {
    if (maps->values) munmap(maps->values, whole_pages(maps->value_size));
    maps->values = NULL;
    maps_close_inner(maps);
    close_one(&maps->counters);
    close_one(&maps->ring);
}
