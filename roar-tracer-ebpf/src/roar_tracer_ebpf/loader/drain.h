/* Carrying records from the ring to the journal for as long as roar lives. */
#ifndef ROAR_DRAIN_H
#define ROAR_DRAIN_H

#include "arm.h"
#include "fault.h"
#include "journal.h"

/* Returns when roar has gone, after the last drain; -1 when it couldn't begin. */
int drain_until_gone(struct armed *armed, struct journal *journal, struct fault *fault);

#endif
