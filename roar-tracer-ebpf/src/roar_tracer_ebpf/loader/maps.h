/* The probe's maps, and what is written into them before it runs. */
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

#define NO_MAPS ((struct maps){-1, -1, -1, -1, -1, NULL, 0, 0})

int maps_create(struct maps *maps, const struct object *object, uint32_t ring_size, struct fault *fault);

/* Descriptor of the map that the probe calls by this name. */
int64_t maps_by_name(const struct maps *maps, struct text name);

/* Cookie, policy and the tables of calls.  uid_policy: 0 for none, else uid + 1. */
int maps_fill(const struct maps *maps, const struct object *object, const uint64_t cookie[2], uint64_t uid_policy,
              struct fault *fault);

void maps_sum(const struct maps *maps, uint64_t sums[COUNTERS]);
void maps_forget_counts(const struct maps *maps);

/* Closes all but the ring and the counters: loaded programs hold on to what they use. */
void maps_close_inner(struct maps *maps);
void maps_close(struct maps *maps);

#endif
