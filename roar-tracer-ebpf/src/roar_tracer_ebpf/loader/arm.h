/* Arming: maps, symbols, programs of one tier, and the proof that they see something. */
#ifndef ROAR_ARM_H
#define ROAR_ARM_H

#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "maps.h"
#include "object.h"
#include "ring.h"
#include "symbols.h"

enum { ANY_VARIANT = -1, ANY_TIER = TIER_BASE | TIER_FENTRY };
enum { SKIPPED_URING = 1, SKIPPED_OTHER = 2 };

struct armed {
    struct object object;
    struct symbols symbols;
    struct maps maps;
    struct ring ring;
    struct session session;
    int types;
    int programs[MOST_PROGRAMS], links[MOST_PROGRAMS];
    int variant;
    uint32_t tier, skipped;
};

/* The steps, in this order.  Each leaves nothing behind when it fails. */
int arm_prepare(struct armed *armed, uint32_t ring_size, int variant, struct fault *fault);

/* One tier as a whole, with its canary.  `log`: see program_load. */
int arm_tier(struct armed *armed, uint32_t tier, FILE *log, struct fault *fault);

/* Takes a tier back; what `tiers` have in common with it stays loaded. */
void arm_release(struct armed *armed, uint32_t tiers);

/* The first of `tiers` that works, fentry before base, unless that would take seconds; the fault is the last one's. */
int arm_first(struct armed *armed, uint32_t tiers, struct fault *fault);

/* Lets go of what isn't needed once a tier is armed: the kernel keeps it for the programs. */
void arm_settle(struct armed *armed);

/* Called before the process ends, which lets go of everything: where that is slow, it goes on without this process. */
void arm_leave(struct armed *armed, int exit_code);

uint64_t arm_misses(const struct armed *armed);

#endif
