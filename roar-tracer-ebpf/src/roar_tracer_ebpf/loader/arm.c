/* Arming. */
#include "arm.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bpf.h"
#include "canary.h"
#include "privilege.h"
#include "program.h"

static void close_one(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static int begin_session(struct session *session, struct fault *fault) {
    if (getrandom(session, sizeof *session, 0) != (ssize_t)sizeof *session) return fail(fault, errno, "", "drawing a random number");
    for (int i = 0; i < 2; i++) session->cookie[i] &= INT64_MAX; /* they travel as off_t */
    session->uid_policy = privilege_was_gained() ? (uint64_t)getuid() + 1 : 0;
    return 0;
}

int arm_prepare(struct armed *armed, uint32_t ring_size, int variant, struct fault *fault) {
    for (unsigned i = 0; i < MOST_PROGRAMS; i++) armed->programs[i] = armed->links[i] = -1;
    armed->tier = armed->skipped = 0;
    if (kernel_is_before(5, 8)) return fail(fault, ENOSYS, "kernel", "finding BPF ring buffers, which came with kernel 5.8");
    if (object_read(&armed->object, fault)) return -1;
    /* first of all: it tells whether there is any use in going on */
    if (maps_create(&armed->maps, &armed->object, ring_size, fault)) return -1;
    if (symbols_resolve(&armed->symbols, &armed->object, &armed->maps, fault)) goto no_maps;
    if (variant == VARIANT_FAST && !armed->symbols.fast) {
        fail(fault, ENOENT, "btf", "finding bpf_rdonly_cast in the kernel's types");
        goto no_maps;
    }
    armed->variant = variant == ANY_VARIANT ? armed->symbols.fast : variant;
    if (begin_session(&armed->session, fault) || maps_fill(&armed->maps, &armed->object, &armed->session, fault)) goto no_maps;
    if ((armed->types = program_types(fault)) < 0) goto no_maps;
    if (!ring_map(&armed->ring, armed->maps.ring, ring_size, fault)) return 0;
    close_one(&armed->types);
no_maps:
    maps_close(&armed->maps);
    return -1;
}

static int is_of(const struct armed *armed, const struct program *program, uint32_t tier) {
    return program->variant == armed->variant && (program->tiers & tier);
}

static int same(struct text a, struct text b) {
    return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

/* Of several programs of one name, the first that this kernel has a target for stands for all. */
static int stands_for_its_name(const struct armed *armed, unsigned index, uint32_t tier) {
    const struct program *program = &armed->object.programs[index];

    for (unsigned i = 0; i < armed->object.program_count; i++) {
        const struct program *other = &armed->object.programs[i];
        if (!is_of(armed, other, tier) || !same(other->name, program->name)) continue;
        if (armed->symbols.targets[i]) return i == index;
    }
    /* none has: the first of them gets to say so */
    for (unsigned i = 0; i < index; i++)
        if (is_of(armed, &armed->object.programs[i], tier) && same(armed->object.programs[i].name, program->name)) return 0;
    return 1;
}

static int start(struct armed *armed, unsigned index, FILE *log, struct fault *fault) {
    const struct program *program = &armed->object.programs[index];
    char target[64];

    if (armed->links[index] >= 0) return 0;
    if (!armed->symbols.targets[index])
        return fail(fault, ENOENT, "btf", "finding %s in the kernel's types", text_copy(program->target, target, sizeof target));
    int loaded = program_load(&armed->object, program, &armed->symbols, armed->types, log, fault);
    if (loaded < 0) return -1;
    armed->programs[index] = loaded;
    if ((armed->links[index] = program_attach(program, loaded, fault)) >= 0) return 0;
    close_one(&armed->programs[index]);
    return -1;
}

static uint32_t skip_bit(const struct program *program) {
    for (size_t i = 0; i + 5 <= program->name.length; i++)
        if (!memcmp(program->name.at + i, "uring", 5)) return SKIPPED_URING;
    return SKIPPED_OTHER;
}

/* The smallest program that this tier alone has: where a kernel refuses the tier, it says so soonest by this one. */
static int scout(const struct armed *armed, uint32_t tier) {
    int best = -1;

    for (unsigned i = 0; i < armed->object.program_count; i++) {
        const struct program *program = &armed->object.programs[i];
        if (!is_of(armed, program, tier) || program->tiers != tier || program->optional || !stands_for_its_name(armed, i, tier))
            continue;
        if (best < 0 || program->instruction_count < armed->object.programs[best].instruction_count) best = (int)i;
    }
    return best;
}

int arm_tier(struct armed *armed, uint32_t tier, FILE *log, struct fault *fault) {
    int first = scout(armed, tier), started = 0;

    armed->skipped = 0;
    if (first >= 0 && start(armed, (unsigned)first, log, fault)) goto refused;
    for (unsigned i = 0; i < armed->object.program_count; i++) {
        const struct program *program = &armed->object.programs[i];
        if (!is_of(armed, program, tier) || !stands_for_its_name(armed, i, tier)) continue;
        if (!start(armed, i, log, fault)) started++;
        else if (program->optional) armed->skipped |= skip_bit(program);
        else goto refused;
    }
    if (!started) {
        fail(fault, ENOENT, "", "finding programs of this tier in the probe");
        goto refused;
    }
    if (canary(&armed->ring, armed->session.cookie, fault)) goto refused;
    maps_forget_counts(&armed->maps);
    armed->tier = tier;
    return 0;
refused:
    arm_release(armed, ANY_TIER & ~tier);
    return -1;
}

void arm_release(struct armed *armed, uint32_t tiers) {
    for (unsigned i = 0; i < armed->object.program_count; i++) {
        if (armed->object.programs[i].tiers & tiers) continue;
        close_one(&armed->links[i]);
        close_one(&armed->programs[i]);
    }
    armed->tier = 0;
}

int arm_first(struct armed *armed, uint32_t tiers, struct fault *fault) {
    static const uint32_t order[] = {TIER_FENTRY, TIER_BASE};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if ((tiers & order[i]) && !arm_tier(armed, order[i], NULL, fault)) {
            arm_release(armed, order[i]);
            armed->tier = order[i];
            return 0;
        }
    return -1;
}

void arm_settle(struct armed *armed) {
    maps_close_inner(&armed->maps);
    close_one(&armed->types);
}

uint64_t arm_misses(const struct armed *armed) {
    uint64_t misses = 0;

    for (unsigned i = 0; i < armed->object.program_count; i++)
        if (armed->programs[i] >= 0) misses += bpf_facts(armed->programs[i]).misses;
    return misses;
}
