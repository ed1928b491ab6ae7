/* The variable LD_PRELOAD of a program that is about to be started. */
#ifndef ROAR_ENVIRONMENT_H
#define ROAR_ENVIRONMENT_H

#include <stddef.h>

/* What must change for the shim to go along, or to stay out. */
struct environment_change {
    int needed;      /* otherwise the environment does as it is */
    int along;       /* put the shim first; else take it out */
    int at;          /* index of the variable, -1: it isn't there */
    size_t entries;  /* of the environment, without its NULL */
    size_t size;     /* bytes that the new text may take */
    const char *old; /* the value that is there, or null */
};

struct environment_change environment_examine(char *const *environment, int along);

/* Fills `vector` (room for entries + 2) and `text` (room for size); everything else is passed by reference. */
void environment_rewrite(char *const *environment, const struct environment_change *change, char **vector, char *text);

#endif
