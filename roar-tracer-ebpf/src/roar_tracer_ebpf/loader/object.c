/* Reading probe.bin. */
#include "object.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

/* build.py checks the checksum and says where the file is. */
__asm__(
    ".pushsection .rodata\n"
    ".balign 8\n"
    "roar_probe: .incbin \"probe.bin\"\n"
    "roar_probe_end: .byte 0\n"
    ".popsection\n");
extern const uint8_t roar_probe[] __attribute__((visibility("hidden")));
extern const uint8_t roar_probe_end[] __attribute__((visibility("hidden")));

enum { HEADER = 16 };

/* Reads on; beyond the end everything is zero and `short_of` says so. */
struct cursor { const uint8_t *at, *end; int short_of; };

static const uint8_t *take(struct cursor *cursor, size_t size) {
    const uint8_t *at = cursor->at;

    if ((size_t)(cursor->end - at) < size) {
        cursor->short_of = 1;
        return NULL;
    }
    cursor->at += size;
    return at;
}

uint16_t read_u16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint8_t take_u8(struct cursor *cursor) {
    const uint8_t *at = take(cursor, 1);
    return at ? *at : 0;
}

static uint16_t take_u16(struct cursor *cursor) {
    const uint8_t *at = take(cursor, 2);
    return at ? read_u16(at) : 0;
}

static uint32_t take_u32(struct cursor *cursor) {
    const uint8_t *at = take(cursor, 4);
    return at ? read_u16(at) | (uint32_t)read_u16(at + 2) << 16 : 0;
}

static struct text take_text(struct cursor *cursor) {
    size_t length = take_u8(cursor);
    return (struct text){(const char *)take(cursor, length), length};
}

int text_is(struct text text, const char *what) {
    return text.length == strlen(what) && !memcmp(text.at, what, text.length);
}

char *text_copy(struct text text, char *to, size_t size) {
    size_t length = text.length < size ? text.length : size - 1;

    memcpy(to, text.at, length);
    to[length] = 0;
    return to;
}

uint32_t object_checksum(void) {
    struct cursor cursor = {roar_probe + 12, roar_probe_end, 0};
    return take_u32(&cursor);
}

static struct calls take_calls(struct cursor *cursor) {
    uint16_t count = take_u16(cursor);
    return (struct calls){take(cursor, count * (size_t)3), count};
}

/* Returns whether it is the machine that runs this. */
static int take_machine(struct object *object, struct cursor *cursor, const char *machine) {
    int ours = text_is(take_text(cursor), machine);
    uint16_t places = take_u16(cursor);

    for (unsigned i = 0; i < places; i++) {
        uint16_t symbol = take_u16(cursor);
        struct place place;
        place.structure = take_text(cursor);
        place.member = take_text(cursor);
        if (ours && symbol < MOST_SYMBOLS) object->places[symbol] = place;
    }
    uint32_t mask = take_u32(cursor);
    struct calls native = take_calls(cursor), compat = take_calls(cursor);
    if (ours) {
        object->compat_mask = mask;
        object->native = native;
        object->compat = compat;
    }
    return ours;
}

/* One without instructions has those of the one before: it goes elsewhere. */
static void take_program(struct program *program, const struct program *before, struct cursor *cursor) {
    program->name = take_text(cursor);
    program->variant = take_u8(cursor);
    program->tiers = take_u8(cursor);
    program->optional = take_u8(cursor);
    program->type = take_u16(cursor);
    program->attach_type = take_u16(cursor);
    program->parameters = take_u8(cursor);
    program->target = take_text(cursor);
    program->relocation_count = take_u16(cursor);
    program->relocations = take(cursor, program->relocation_count * (size_t)4);
    program->instruction_count = take_u16(cursor);
    program->instructions = take(cursor, program->instruction_count * (size_t)8);
    if (!program->instruction_count && before) {
        program->relocation_count = before->relocation_count;
        program->relocations = before->relocations;
        program->instruction_count = before->instruction_count;
        program->instructions = before->instructions;
    }
}

int object_read(struct object *object, struct fault *fault) {
    struct cursor cursor = {roar_probe, roar_probe_end, 0};
    struct utsname name;
    int known = 0;

    memset(object, 0, sizeof *object);
    const uint8_t *header = take(&cursor, HEADER);
    if (!header || memcmp(header, "ROARBPF2", 8)) return fail(fault, EINVAL, "", "reading the probe");
    object->checksum = object_checksum();
    object->symbol_count = take_u16(&cursor);
    if (object->symbol_count > MOST_SYMBOLS) return fail(fault, E2BIG, "", "reading the probe's symbols");
    for (unsigned i = 0; i < object->symbol_count; i++) {
        struct symbol *symbol = &object->symbols[i];
        symbol->kind = (char)take_u8(&cursor);
        symbol->name = take_text(&cursor);
        symbol->a = take_text(&cursor);
        symbol->b = take_text(&cursor);
    }
    if (uname(&name)) return fail(fault, errno, "", "reading the machine's name");
    for (unsigned machines = take_u16(&cursor); machines; machines--)
        known |= take_machine(object, &cursor, name.machine);
    object->globals_size = take_u32(&cursor);
    object->counters_size = take_u32(&cursor);
    object->scratch_size = take_u32(&cursor);
    object->scratch_entries = take_u32(&cursor);
    object->procs_entries = take_u32(&cursor);
    object->actions_at = take_u32(&cursor);
    object->program_count = take_u16(&cursor);
    if (object->program_count > MOST_PROGRAMS) return fail(fault, E2BIG, "", "reading the probe's programs");
    for (unsigned i = 0; i < object->program_count; i++) take_program(&object->programs[i], i ? &object->programs[i - 1] : NULL, &cursor);
    if (cursor.short_of) return fail(fault, EINVAL, "", "reading the probe");
    if (!known) return fail(fault, ENOTSUP, "kernel", "a probe for %.32s", name.machine);
    return 0;
}
