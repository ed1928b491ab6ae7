/* The socket to roar. */
#ifndef ROAR_TALK_H
#define ROAR_TALK_H

#include "arm.h"
#include "fault.h"

enum { CONTROL = 3, JOURNAL = 4, FIRST_OWN = 5 };

/* What roar asks for, and the answers; `UNWRITTEN`: the journal's header isn't up to date. */
enum { SYNC = 'S', SYNCED = 'S', UNWRITTEN = 'E' };
enum request { NOTHING, WANTS_SYNC, HAS_GONE };

/* Whether the descriptors are what they should be; nothing is written to them otherwise. */
int talk_is_set_up(void);

void talk_refuse(const struct fault *fault);
void talk_armed(const struct armed *armed);

/* Never block. */
enum request talk_request(void);
void talk_answer(char answer);

/* Closes both descriptors: whoever waits for that need wait no longer. */
void talk_end(void);

#endif
