/* Noting why something was refused. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct fault *fault, int error, const char *advice, const char *format, ...) {
    va_list arguments;

    memset(fault, 0, sizeof *fault);
    fault->error = (uint32_t)error;
    va_start(arguments, format);
    vsnprintf(fault->step, sizeof fault->step, format, arguments);
    va_end(arguments);
    snprintf(fault->advice, sizeof fault->advice, "%s", advice);
    return -1;
}
