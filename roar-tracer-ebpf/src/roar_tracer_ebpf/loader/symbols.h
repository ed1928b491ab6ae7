/* What the probe's symbols are worth in this kernel. */
#ifndef ROAR_SYMBOLS_H
#define ROAR_SYMBOLS_H

#include <stdint.h>

#include "bpf.h"
#include "btf.h"
#include "fault.h"
#include "maps.h"
#include "object.h"

#define UNRESOLVED INT64_MIN

struct symbols {
    int64_t values[MOST_SYMBOLS];
    uint32_t targets[MOST_PROGRAMS]; /* BTF id of what a program attaches to; 0 when this kernel has no such thing */
    int fast;                        /* all kfuncs are there: the FAST variant can be used */
};

int symbols_resolve(struct symbols *symbols, const struct object *object, const struct maps *maps, struct fault *fault);

#endif
