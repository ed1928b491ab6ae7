/* probe.bin, which is part of this program: symbols, machines, map sizes and BPF programs.  compile.py writes it. */
#ifndef ROAR_OBJECT_H
#define ROAR_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

enum { MOST_SYMBOLS = 512, MOST_PROGRAMS = 192, MOST_INSTRUCTIONS = 16384 };
enum { TIER_BASE = 1, TIER_FENTRY = 2 };
enum { VARIANT_COMPAT = 0, VARIANT_FAST = 1 };

struct text { const char *at; size_t length; }; /* without an end of its own */

struct symbol { char kind; struct text name, a, b; };

struct program {
    struct text name, target;
    uint8_t variant, tiers, optional, parameters; /* parameters: 255 any */
    uint16_t type, attach_type, relocation_count, instruction_count;
    const uint8_t *relocations, *instructions;
};

/* What a machine's own list says of a symbol of kind 'p'. */
struct place { struct text structure, member; };

struct calls { const uint8_t *entries; uint16_t count; }; /* of u16 number, u8 action */

struct object {
    uint32_t checksum;
    uint16_t symbol_count, program_count;
    struct symbol symbols[MOST_SYMBOLS];
    struct place places[MOST_SYMBOLS];
    uint32_t compat_mask;
    struct calls native, compat;
    uint32_t globals_size, counters_size, scratch_size, scratch_entries, procs_entries, actions_at;
    struct program programs[MOST_PROGRAMS];
};

/* Reads the embedded object for the machine that runs this; -1 when it is none of those that the object knows. */
int object_read(struct object *object, struct fault *fault);

/* The embedded object's checksum, which tells one probe from another. */
uint32_t object_checksum(void);

int text_is(struct text text, const char *what);

/* Copies at most `size - 1` bytes and ends them; returns `to`. */
char *text_copy(struct text text, char *to, size_t size);

uint16_t read_u16(const uint8_t *at);

#endif
