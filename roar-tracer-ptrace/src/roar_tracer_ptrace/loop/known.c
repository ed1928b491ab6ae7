/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A hash table from names to what is known of them: open addressing, a name with no bits is as good as absent. */
#include "loop.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const char *name) { /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static struct entry *slot(const struct known *known, const char *name, uint32_t hash) {
    size_t at = hash & (known->room - 1);
    while (known->entries[at].name
           && (known->entries[at].hash != hash || strcmp(known->entries[at].name, name) != 0))
        at = (at + 1) & (known->room - 1);
    return &known->entries[at];
}

static int grow(struct known *known) {
    struct known larger = { .room = known->room ? known->room * 2 : 1024, .used = 0 };
    larger.entries = calloc(larger.room, sizeof *larger.entries);
    if (!larger.entries)
        return -1;
    for (size_t at = 0; at < known->room; at++) {
        struct entry *old = &known->entries[at];
        if (!old->name)
            continue;
        if (!old->bits) {
            free(old->name);
            continue;
        }
        *slot(&larger, old->name, old->hash) = *old;
        larger.used++;
    }
    free(known->entries);
    *known = larger;
    return 0;
}

uint32_t known_get(const struct known *known, const char *name) {
    return known->room ? slot(known, name, hash_of(name))->bits : 0;
}

int known_put(struct known *known, const char *name, uint32_t bits) {
    if (known->used * 2 >= known->room && grow(known) < 0)
        return -1;
    uint32_t hash = hash_of(name);
    struct entry *entry = slot(known, name, hash);
    if (!entry->name) {
        if (!bits)
            return 0;
        entry->name = strdup(name);
        if (!entry->name)
            return -1;
        entry->hash = hash;
        known->used++;
    }
    entry->bits = bits;
    return 0;
}

void known_clear(struct known *known) {
    for (size_t at = 0; at < known->room; at++)
        free(known->entries[at].name);
    free(known->entries);
    *known = (struct known){ 0 };
}
