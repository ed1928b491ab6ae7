/* Capabilities, and what a process must put in order before it uses any. */
#ifndef ROAR_PRIVILEGE_H
#define ROAR_PRIVILEGE_H

#include "fault.h"

/* Whether executing this program gave it more than its caller has: then argv, environment and limits are hostile. */
int privilege_was_gained(void);

/* Raises what bpf(2) needs out of what is permitted; before 5.11 also the limit on locked memory, which maps and programs
 * counted against. */
void privilege_raise(void);

/* Whether bpf(2) may be used, as far as capabilities go. */
int privilege_suffices(void);

/* What to do about a refusal of bpf(2): a code for preflight.py, empty when it wasn't for privilege. */
const char *privilege_advice(int error);

/* Gives up every capability; nothing brings one back.  Does nothing for those who brought theirs along. */
void privilege_drop(void);

/* Takes a name that nobody else can have as long as the descriptor is open, and that needs no file; -1 with EADDRINUSE when
 * somebody has it. */
int name_take(const char *prefix, unsigned number);

/* Holds one of the places that a user's sessions have; given back when the process ends.  For gained privilege alone. */
int privilege_take_place(struct fault *fault);

/* Signals blocked, working directory and standard streams let go of, descriptors from `first_closed` on closed. */
void become_quiet(int first_closed);

/* Opens /dev/null where one of the standard streams is missing, so that nothing else gets its number. */
void fill_standard_streams(void);

int kernel_is_before(int major, int minor);

#endif
