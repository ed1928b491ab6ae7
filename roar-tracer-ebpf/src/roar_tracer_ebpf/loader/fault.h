/* Why something was refused: what the reply to roar says. */
#ifndef ROAR_FAULT_H
#define ROAR_FAULT_H

#include <stdint.h>

struct fault {
    uint32_t error;  /* errno; 0 with a step: refused without one, as a canary that nobody saw */
    char step[96];   /* what was tried, as prose */
    char advice[32]; /* a code that preflight.py turns into a remedy */
};

/* Notes it and returns -1. */
int fail(struct fault *fault, int error, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
