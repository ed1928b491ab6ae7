/* The probe's maps, what is written into them before it runs, and what it counts. */
#ifndef ROAR_MAPS_H
#define ROAR_MAPS_H

#include <stdint.h>

#include "fault.h"
#include "object.h"

/* struct counters of the probe, one for each possible processor: its fields in their order. */
enum counter { DROPS, DROP_BYTES, TRUNCATED, SUPPRESSED, ENROL_FAILED, EMITTED, COUNTERS };
enum { COUNTER_STRIDE = 8 }; /* in u64 */

struct maps {
    int globals, counters, scratch, procs, ring;
    uint64_t *values;   /* of `counters` */
    uint32_t value_size;
    uint32_t ring_size;
};

/* What sets one session apart. */
struct session {
    uint64_t cookie[2];  /* who knows it can let itself be traced */
    uint64_t secret;     /* nobody knows it: hides addresses of the kernel in what is told */
    uint64_t uid_policy; /* 0, or 1 + the one user whose processes are told of */
};

#define NO_MAPS ((struct maps){-1, -1, -1, -1, -1, NULL, 0, 0})

int maps_create(struct maps *maps, const struct object *object, uint32_t ring_size, struct fault *fault);

/* Descriptor of the map that the probe calls by this name. */
int64_t maps_by_name(const struct maps *maps, struct text name);

int maps_fill(const struct maps *maps, const struct object *object, const struct session *session, struct fault *fault);

void maps_sum(const struct maps *maps, uint64_t sums[COUNTERS]);
void maps_forget_counts(const struct maps *maps);

/* Closes all but the ring and the counters: loaded programs hold on to what they use. */
void maps_close_inner(struct maps *maps);
void maps_close(struct maps *maps);

#endif
