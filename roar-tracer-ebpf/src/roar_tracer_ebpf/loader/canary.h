/* The proof that an armed tier sees something: this process lets itself be traced for a moment. */
#ifndef ROAR_CANARY_H
#define ROAR_CANARY_H

#include <stdint.h>

#include "fault.h"
#include "ring.h"

/* 0 when the probe has seen this process join and open a file.  What it has seen is taken out of the ring. */
int canary(struct ring *ring, const uint64_t cookie[2], struct fault *fault);

#endif
