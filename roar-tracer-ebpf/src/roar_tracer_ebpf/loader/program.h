/* One BPF program: its instructions put together, patched for this kernel, loaded and attached. */
#ifndef ROAR_PROGRAM_H
#define ROAR_PROGRAM_H

#include <stdio.h>

#include "fault.h"
#include "object.h"
#include "symbols.h"

/* The types that programs with functions of their own must come with; a descriptor, or -1. */
int program_types(struct fault *fault);

/* Returns the program's descriptor.  `log`: where the verifier's words go when it refuses; may be NULL. */
int program_load(const struct object *object, const struct program *program, const struct symbols *symbols, int types, FILE *log,
                 struct fault *fault);

/* Returns the link's descriptor. */
int program_attach(const struct program *program, int loaded, struct fault *fault);

#endif
