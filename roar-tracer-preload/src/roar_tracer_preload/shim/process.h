/* The process that the shim lives in. */
#ifndef ROAR_PROCESS_H
#define ROAR_PROCESS_H

#include "sys.h"

/* Pid of the process whose memory this is; a vfork child sees its parent's. */
extern u32 process_owner;

/* Pid of the caller. */
u32 process_id(void);

/* To be called before a seccomp filter is set: under one, a system call of ours could kill the program.  From here on
 * names are recorded as they are given, and the run is told to be blind. */
void process_confined(void);

#endif
