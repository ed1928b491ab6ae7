/* The kernel's own description of its types: ids of types and functions, offsets of members. */
#ifndef ROAR_BTF_H
#define ROAR_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "object.h"

enum { KIND_PTR = 2, KIND_STRUCT = 4, KIND_UNION = 5, KIND_TYPEDEF = 8, KIND_FUNC = 12, KIND_FUNC_PROTO = 13 };

enum { STRIDE = 32, MOST_TYPES = 1 << 20 };

struct btf {
    void *mapping;
    size_t size;
    const uint32_t *words;
    uint32_t word_count, type_count;
    const char *names;
    uint32_t names_size;
    uint32_t starts[MOST_TYPES / STRIDE]; /* where each 32nd type begins: finding one walks over 31 at most */
};

/* A name that is looked for; `id` is 0 until it is found. */
struct wanted { char name[64]; uint32_t kind, id; };

int btf_open(struct btf *btf, struct fault *fault);
void btf_close(struct btf *btf);

/* One pass over all types (150 000 and more). */
int btf_find(struct btf *btf, struct wanted *wanted, size_t count, struct fault *fault);

/* Offset in bytes of a member path such as "cqe.res"; looks into members without a name; -1 when there is none. */
int64_t btf_member(const struct btf *btf, uint32_t type, struct text path);

/* How many parameters a function has, or what a tracepoint's typedef points to; -1 when it is neither. */
int btf_parameters(const struct btf *btf, uint32_t type);

#endif
