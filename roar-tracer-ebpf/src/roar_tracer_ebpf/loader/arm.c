/* Arming. */
#include "arm.h"

#include <errno.h>
#include <fcntl.h>
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

static uint32_t skip_bit(const struct program *program) {
    for (size_t i = 0; i + 5 <= program->name.length; i++)
        if (!memcmp(program->name.at + i, "uring", 5)) return SKIPPED_URING;
    return SKIPPED_OTHER;
}

/* A tier's programs by their index, the scout first. */
struct chosen { uint16_t indices[MOST_PROGRAMS]; unsigned count; };

/* The scout is the smallest program that this tier alone has: where a kernel refuses the tier, it says so soonest by this one. */
static int is_better_scout(const struct armed *armed, uint32_t tier, unsigned index, unsigned than) {
    const struct program *program = &armed->object.programs[index], *other = &armed->object.programs[than];
    int can = program->tiers == tier && !program->optional, other_can = other->tiers == tier && !other->optional;

    return can && (!other_can || program->instruction_count < other->instruction_count);
}

static int choose(struct armed *armed, uint32_t tier, struct chosen *chosen, struct fault *fault) {
    char target[64];

    chosen->count = 0;
    for (unsigned i = 0; i < armed->object.program_count; i++) {
        const struct program *program = &armed->object.programs[i];
        if (!is_of(armed, program, tier) || !stands_for_its_name(armed, i, tier)) continue;
        if (armed->symbols.targets[i]) {
            unsigned at = chosen->count++;
            chosen->indices[at] = (uint16_t)i;
            if (at && is_better_scout(armed, tier, i, chosen->indices[0])) {
                chosen->indices[at] = chosen->indices[0];
                chosen->indices[0] = (uint16_t)i;
            }
        } else if (program->optional) {
            armed->skipped |= skip_bit(program);
        } else {
            return fail(fault, ENOENT, "btf", "finding %s in the kernel's types",
                        text_copy(program->target, target, sizeof target));
        }
    }
    return chosen->count ? 0 : fail(fault, ENOENT, "", "finding programs of this tier in the probe");
}

/* Skipping what is optional is no failure. */
static int load(struct armed *armed, unsigned index, FILE *log, struct fault *fault) {
    const struct program *program = &armed->object.programs[index];

    if (armed->programs[index] >= 0) return 0;
    armed->programs[index] = program_load(&armed->object, program, &armed->symbols, armed->types, log, fault);
    if (armed->programs[index] >= 0) return 0;
    if (!program->optional) return -1;
    armed->skipped |= skip_bit(program);
    return 0;
}

static int attach(struct armed *armed, unsigned index, struct fault *fault) {
    const struct program *program = &armed->object.programs[index];

    if (armed->programs[index] < 0 || armed->links[index] >= 0) return 0;
    armed->links[index] = program_attach(program, armed->programs[index], fault);
    if (armed->links[index] >= 0) return 0;
    close_one(&armed->programs[index]);
    if (!program->optional) return -1;
    armed->skipped |= skip_bit(program);
    return 0;
}

int arm_tier(struct armed *armed, uint32_t tier, FILE *log, struct fault *fault) {
    struct chosen chosen;

    armed->skipped = 0;
    if (choose(armed, tier, &chosen, fault)) goto refused;
    if (load(armed, chosen.indices[0], log, fault) || attach(armed, chosen.indices[0], fault)) goto refused;
    /* taking back what is attached to functions is slow: load all before attaching the rest */
    for (unsigned i = 0; i < chosen.count; i++)
        if (load(armed, chosen.indices[i], log, fault)) goto refused;
    for (unsigned i = 0; i < chosen.count; i++)
        if (attach(armed, chosen.indices[i], fault)) goto refused;
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

/* The kernel waits for all tasks, a tenth of a second and more, at each function that it lets go of, and whoever attaches to a
 * function meanwhile waits with it.  So a process that nobody waits for lets go, and has a name by which others know. */
static const char letting_go[] = "letting-go";
enum { MOST_LETTING_GO = 8 };

static int somebody_lets_go(void) {
    for (unsigned i = 0; i < MOST_LETTING_GO; i++) {
        int fd = name_take(letting_go, i);
        if (fd >= 0) close(fd);
        else if (errno == EADDRINUSE) return 1;
    }
    return 0;
}

void arm_leave(struct armed *armed, int exit_code) {
    int gate[2];
    char nothing;

    if (armed->tier != TIER_FENTRY || pipe2(gate, O_CLOEXEC)) return;
    for (unsigned i = 0; i < MOST_LETTING_GO && name_take(letting_go, i) < 0; i++) continue;
    ring_unmap(&armed->ring);
    pid_t other = fork();
    if (other > 0) {
        arm_release(armed, 0); /* at once: the other still has them */
        _exit(exit_code);
    }
    if (!other) {
        /* whoever closes a descriptor last does the work: not before the first process has closed them */
        for (int fd = 0; fd < 3; fd++) close(fd);
        close(gate[1]);
        if (read(gate[0], &nothing, 1) > 0) return;
    }
    arm_release(armed, 0); /* before the name is free again */
}

int arm_first(struct armed *armed, uint32_t tiers, struct fault *fault) {
    static const uint32_t order[] = {TIER_FENTRY, TIER_BASE};

    if (tiers == ANY_TIER && somebody_lets_go()) tiers = TIER_BASE;
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
