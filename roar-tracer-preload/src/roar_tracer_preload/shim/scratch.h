/* Memory for paths: they are too long for a signal handler's stack (sigaltstack may be 2 KiB). */
#ifndef ROAR_SCRATCH_H
#define ROAR_SCRATCH_H

#include <stddef.h>

#define SCRATCH_SIZE 8448 /* two longest paths and a little */

/* SCRATCH_SIZE bytes, or null when all are taken: then the loss has been counted. */
char *scratch_get(void);

/* Gives one back; takes null. */
void scratch_put(char *buffer);

/* A further buffer of the same size that is this process's for ever (path.c keeps the directory in it); may be null. */
char *scratch_kept(void);

#endif
