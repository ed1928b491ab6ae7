/* What execve() is about to run. */
#ifndef ROAR_PROGRAM_H
#define ROAR_PROGRAM_H

#include "arena.h"

/* Why the shim will see nothing of a program (enum blind), BLIND_NOT if it will.  Scripts are followed to their interpreter,
 * and interpreters recorded as read. */
int program_examine(int dirfd, const char *path, int at_flags);

#endif
