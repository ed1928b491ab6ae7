/* `roar-ebpf check`: what works on this machine, a fact a line, for preflight.py. */
#ifndef ROAR_CHECK_H
#define ROAR_CHECK_H

#include <stdint.h>

/* Prints to standard output; `explain` adds what the verifier says of what it refuses, on standard error. */
int check(uint32_t ring_size, uint32_t tiers, int variant, int explain);

#endif
