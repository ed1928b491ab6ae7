/* Resolving symbols from the kernel's types. */
#include "symbols.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WANTED = 1024 };
#define TRACEPOINT_TYPE "btf_trace_"

struct looked_up {
    struct btf btf;
    struct wanted wanted[MOST_WANTED];
    size_t count;
};

/* The part before the next '|', which is removed from `all`. */
static struct text next_choice(struct text *all) {
    const char *bar = memchr(all->at, '|', all->length);
    struct text choice = {all->at, bar ? (size_t)(bar - all->at) : all->length};

    all->at += choice.length + (bar != NULL);
    all->length -= choice.length + (bar != NULL);
    return choice;
}

static void want(struct looked_up *all, uint32_t kind, const char *prefix, struct text name) {
    char whole[sizeof all->wanted[0].name];

    if (!name.length || all->count == MOST_WANTED) return;
    int length = snprintf(whole, sizeof whole, "%s%.*s", prefix, (int)name.length, name.at);
    if (length < 0 || (size_t)length >= sizeof whole) return;
    for (size_t i = 0; i < all->count; i++)
        if (all->wanted[i].kind == kind && !strcmp(all->wanted[i].name, whole)) return;
    struct wanted *wanted = &all->wanted[all->count++];
    memcpy(wanted->name, whole, sizeof whole);
    memset(wanted->name + length, 0, sizeof whole - (size_t)length);
    wanted->kind = kind;
    wanted->id = 0;
}

static void want_structures(struct looked_up *all, struct text names) {
    while (names.length) want(all, KIND_STRUCT, "", next_choice(&names));
}

static uint32_t id_of(const struct looked_up *all, uint32_t kind, const char *prefix, struct text name) {
    size_t before = strlen(prefix);

    for (size_t i = 0; i < all->count; i++) {
        const struct wanted *wanted = &all->wanted[i];
        if (wanted->kind == kind && strlen(wanted->name) == before + name.length && !strncmp(wanted->name, prefix, before)
            && !memcmp(wanted->name + before, name.at, name.length))
            return wanted->id;
    }
    return 0;
}

/* Takes "+N" off the end of a member path. */
static int64_t take_addend(struct text *path) {
    const char *plus = memchr(path->at, '+', path->length);
    int64_t addend = 0;

    if (!plus) return 0;
    for (const char *digit = plus + 1; digit < path->at + path->length; digit++) addend = addend * 10 + (*digit - '0');
    path->length = (size_t)(plus - path->at);
    return addend;
}

/* The first of the structures that has the first of the members. */
static int64_t offset_of(const struct looked_up *all, struct text structures, struct text members) {
    while (structures.length) {
        uint32_t type = id_of(all, KIND_STRUCT, "", next_choice(&structures));
        struct text rest = members;
        while (type && rest.length) {
            struct text path = next_choice(&rest);
            int64_t addend = take_addend(&path), offset = btf_member(&all->btf, type, path);
            if (offset >= 0) return offset + addend;
        }
    }
    return UNRESOLVED;
}

static int64_t type_of(const struct looked_up *all, struct text structures) {
    while (structures.length) {
        uint32_t id = id_of(all, KIND_STRUCT, "", next_choice(&structures));
        if (id) return id;
    }
    return UNRESOLVED;
}

static int64_t value_of(const struct looked_up *all, const struct object *object, unsigned index, const struct maps *maps) {
    const struct symbol *symbol = &object->symbols[index];
    const struct place *place = &object->places[index];
    int64_t offset;

    switch (symbol->kind) {
    case 'o': return offset_of(all, symbol->a, symbol->b);
    case 'p': return place->structure.length ? offset_of(all, place->structure, place->member) : UNRESOLVED;
    case 'v':
        offset = offset_of(all, symbol->a, symbol->b);
        return offset != UNRESOLVED;
    case 't': return type_of(all, symbol->a);
    case 'c': return text_is(symbol->name, "C_COMPAT_MASK") ? (int64_t)object->compat_mask : UNRESOLVED;
    case 'k': offset = id_of(all, KIND_FUNC, "", symbol->a); return offset ? offset : UNRESOLVED;
    case 'm': return maps_by_name(maps, symbol->name);
    case 's': return 0; /* a distance, known when the program is put together */
    default: return UNRESOLVED;
    }
}

/* Else it attaches to a function. */
static int is_of_tracepoint(const struct program *program) {
    return program->type != TYPE_TRACING || program->attach_type == ATTACH_RAW_TP;
}

static uint32_t target_of(const struct looked_up *all, const struct program *program) {
    int raw = is_of_tracepoint(program);
    uint32_t id = raw ? id_of(all, KIND_TYPEDEF, TRACEPOINT_TYPE, program->target) : id_of(all, KIND_FUNC, "", program->target);

    if (!id || program->parameters == 255) return id;
    /* a tracepoint's function gets its caller's data first */
    return btf_parameters(&all->btf, id) - raw == program->parameters ? id : 0;
}

int symbols_resolve(struct symbols *symbols, const struct object *object, const struct maps *maps, struct fault *fault) {
    static struct looked_up all;

    all.count = 0;
    for (unsigned i = 0; i < object->symbol_count; i++) {
        const struct symbol *symbol = &object->symbols[i];
        if (symbol->kind == 'k') want(&all, KIND_FUNC, "", symbol->a);
        if (symbol->kind == 'o' || symbol->kind == 'v' || symbol->kind == 't') want_structures(&all, symbol->a);
        if (symbol->kind == 'p') want_structures(&all, object->places[i].structure);
    }
    for (unsigned i = 0; i < object->program_count; i++) {
        const struct program *program = &object->programs[i];
        if (is_of_tracepoint(program)) want(&all, KIND_TYPEDEF, TRACEPOINT_TYPE, program->target);
        else want(&all, KIND_FUNC, "", program->target);
    }
    if (all.count == MOST_WANTED) return fail(fault, E2BIG, "", "reading the probe's symbols");
    if (btf_open(&all.btf, fault)) return -1;
    if (btf_find(&all.btf, all.wanted, all.count, fault)) {
        btf_close(&all.btf);
        return -1;
    }
    symbols->fast = 1;
    for (unsigned i = 0; i < object->symbol_count; i++) {
        symbols->values[i] = value_of(&all, object, i, maps);
        if (object->symbols[i].kind == 'k' && symbols->values[i] == UNRESOLVED) symbols->fast = 0;
    }
    for (unsigned i = 0; i < object->program_count; i++)
        if (object->programs[i].tiers) symbols->targets[i] = target_of(&all, &object->programs[i]);
    btf_close(&all.btf);
    return 0;
}
