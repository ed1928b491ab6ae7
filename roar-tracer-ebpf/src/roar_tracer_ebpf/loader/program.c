/* Patching: compile.py left a number of its own in each place that a symbol's value belongs to. */
#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf.h"
#include "privilege.h"

enum { MOST_PARTS = 8, LOG_SIZE = 16 << 20 };
enum { OPCODE_MOV = 0xb7, OPCODE_LD64 = 0x18, OPCODE_CALL = 0x85 };
enum { PSEUDO_MAP_FD = 1, PSEUDO_MAP_VALUE = 2, PSEUDO_CALL = 1, PSEUDO_KFUNC = 2 };
enum { TYPE_MAIN = 3, TYPE_PART = 4 }; /* in program_types */

struct instruction {
    uint8_t opcode, registers; /* destination in the lower four bits, source above */
    int16_t offset;
    int32_t immediate;
};
_Static_assert(sizeof(struct instruction) == 8, "as the kernel has it");

/* A program and the functions that it calls, one behind the other. */
struct assembly {
    struct instruction code[MOST_INSTRUCTIONS];
    uint32_t count;
    const struct program *parts[MOST_PARTS];
    uint32_t starts[MOST_PARTS];
    uint32_t part_count;
};

int program_types(struct fault *fault) {
    enum { INT = 1u << 24, FUNC_PROTO = 13u << 24, FUNC = 12u << 24 };
    static const struct {
        uint16_t magic;
        uint8_t version, flags;
        uint32_t header, types_at, types_size, names_at, names_size;
        uint32_t types[15];
        char names[20];
    } blob = {
        0xeb9f, 1, 0, 24, 0, sizeof blob.types, sizeof blob.types, sizeof blob.names,
        {
            1, INT, 8, 64,               /* 1: u64 */
            0, FUNC_PROTO | 1, 1, 5, 1,  /* 2: u64 (u64 ctx) */
            9, FUNC | 1, 2,              /* 3: main, global */
            14, FUNC | 1, 2,             /* 4: part, global */
        },
        "\0u64\0ctx\0main\0part",
    };
    int fd = bpf_load_btf(&blob, sizeof blob);

    return fd >= 0 ? fd : fail(fault, errno, "", "loading BTF");
}

/* Which of the parts a symbol of kind 's' means: appended when it isn't there yet. */
static int part_of(struct assembly *all, const struct object *object, struct text name) {
    for (uint32_t i = 1; i < all->part_count; i++)
        if (all->parts[i]->name.length == name.length && !memcmp(all->parts[i]->name.at, name.at, name.length)) return (int)i;
    for (unsigned i = 0; i < object->program_count; i++) {
        const struct program *part = &object->programs[i];
        if (part->tiers || part->variant != all->parts[0]->variant || part->name.length != name.length
            || memcmp(part->name.at, name.at, name.length))
            continue;
        if (all->part_count == MOST_PARTS) return -1;
        all->parts[all->part_count] = part;
        return (int)all->part_count++;
    }
    return -1;
}

static int patch(struct assembly *all, const struct object *object, const struct symbols *symbols, uint32_t at, uint16_t index) {
    if (at + 1 >= all->count || index >= object->symbol_count) return EINVAL;
    struct instruction *instruction = &all->code[at];
    const struct symbol *symbol = &object->symbols[index];
    int64_t value = symbols->values[index];
    int source = -1;

    if (value == UNRESOLVED || value > INT32_MAX || value < INT32_MIN) return ENOENT;
    if (symbol->kind == 'm') {
        if (instruction->opcode != OPCODE_LD64) return EINVAL;
        int direct = text_is(symbol->name, "M_GLOBALS") || text_is(symbol->name, "M_COUNTERS");
        source = direct ? PSEUDO_MAP_VALUE : PSEUDO_MAP_FD;
        instruction[1].immediate = 0;
    } else if (symbol->kind == 'k' || symbol->kind == 's') {
        if (instruction->opcode != OPCODE_CALL) return EINVAL;
        source = symbol->kind == 'k' ? PSEUDO_KFUNC : PSEUDO_CALL;
        instruction->offset = 0;
        if (symbol->kind == 's') {
            int part = part_of(all, object, symbol->a);
            if (part < 0) return ENOENT;
            value = part; /* until all starts are known */
        }
    } else if (instruction->opcode != OPCODE_MOV) {
        return EINVAL;
    }
    if (source >= 0) instruction->registers = (uint8_t)((instruction->registers & 15) | source << 4);
    instruction->immediate = (int32_t)value;
    return 0;
}

static int append(struct assembly *all, uint32_t part) {
    const struct program *program = all->parts[part];

    if (program->instruction_count > MOST_INSTRUCTIONS - all->count) return E2BIG;
    memcpy(all->code + all->count, program->instructions, program->instruction_count * sizeof *all->code);
    all->starts[part] = all->count;
    all->count += program->instruction_count;
    return 0;
}

/* Calls of parts hold the part's number so far: now the distance. */
static void join(struct assembly *all, const struct object *object) {
    for (uint32_t part = 0; part < all->part_count; part++) {
        const struct program *program = all->parts[part];
        for (unsigned i = 0; i < program->relocation_count; i++) {
            const uint8_t *relocation = program->relocations + 4 * (size_t)i;
            if (object->symbols[read_u16(relocation + 2)].kind != 's') continue;
            uint32_t at = all->starts[part] + read_u16(relocation);
            all->code[at].immediate = (int32_t)all->starts[all->code[at].immediate] - (int32_t)at - 1;
        }
    }
}

static int assemble(struct assembly *all, const struct object *object, const struct program *program,
                    const struct symbols *symbols, struct fault *fault) {
    char name[64], lacking[64];

    all->count = 0;
    all->parts[0] = program;
    all->part_count = 1;
    for (uint32_t part = 0; part < all->part_count; part++) {
        int error = append(all, part);
        if (error) return fail(fault, error, "", "putting %s together", text_copy(program->name, name, sizeof name));
        for (unsigned i = 0; i < all->parts[part]->relocation_count; i++) {
            const uint8_t *relocation = all->parts[part]->relocations + 4 * (size_t)i;
            uint16_t symbol = read_u16(relocation + 2);
            error = patch(all, object, symbols, all->starts[part] + read_u16(relocation), symbol);
            if (error)
                return fail(fault, error, error == ENOENT ? "btf" : "", "finding %s in the kernel's types for %s",
                            symbol < object->symbol_count ? text_copy(object->symbols[symbol].name, lacking, sizeof lacking) : "?",
                            text_copy(program->name, name, sizeof name));
        }
    }
    join(all, object);
    return 0;
}

int program_load(const struct object *object, const struct program *program, const struct symbols *symbols, int types, FILE *log,
                 struct fault *fault) {
    static struct assembly all;
    uint32_t functions[2 * MOST_PARTS];
    char name[64];

    if (assemble(&all, object, program, symbols, fault)) return -1;
    for (uint32_t part = 0; part < all.part_count; part++) {
        functions[2 * part] = all.starts[part];
        functions[2 * part + 1] = part ? TYPE_PART : TYPE_MAIN;
    }
    text_copy(program->name, name, sizeof name);
    struct load_attributes attributes = {
        .type = program->type, .attach_type = program->attach_type,
        .attach_btf_id = program->type == TYPE_TRACING ? symbols->targets[program - object->programs] : 0,
        .instructions = (const uint64_t *)(const void *)all.code, .count = all.count,
        .btf = types, .functions = functions, .function_count = all.part_count, .name = name,
    };
    int fd = bpf_load(&attributes), error = errno;
    if (fd >= 0) return fd;
    if (log && (attributes.log = calloc(1, LOG_SIZE))) {
        attributes.log_size = LOG_SIZE;
        if ((fd = bpf_load(&attributes)) >= 0) close(fd);
        fprintf(log, "%s: %s\n%s", name, strerror(error), attributes.log);
        free(attributes.log);
    }
    return fail(fault, error, privilege_advice(error), "loading %s", name);
}

int program_attach(const struct program *program, int loaded, struct fault *fault) {
    char target[64], *name = text_copy(program->target, target, sizeof target);
    int fd = bpf_attach(loaded, program->type == TYPE_TRACING ? NULL : name);

    return fd >= 0 ? fd : fail(fault, errno, "", "attaching to %s", name);
}
