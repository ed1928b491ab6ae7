/* Draining. */
#include "drain.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

/* The probe wakes us when a quarter of the ring is full; otherwise it is looked into now and then.  That keeps a command
 * that opens file after file from waking this process at each of them. */
enum { ROUND_MS = 50, IDLE_ROUND_MS = 100, AWAITED_ROUND_MS = 5, IDLE_AFTER = 20 };
/* A record is only just being written for as long as its process, in the middle of it, gets no processor. */
enum { HEADER_EVERY_MS = 1000, BUSY_TRIES = 100 * 1000, BUSY_PAUSE_NS = 100 * 1000 };
enum { AT_ONCE = 1 << 20 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns whether there was anything. */
static int drain(struct armed *armed, struct journal *journal) {
    struct span span;
    int any = 0;

    while (span = ring_next(&armed->ring, AT_ONCE), span.to > span.from) {
        journal_append(journal, &armed->ring, span);
        ring_taken(&armed->ring, span);
        any = 1;
    }
    return any;
}

/* All that was in the ring when it was called, also what is only just being written there. */
static void drain_to_here(struct armed *armed, struct journal *journal) {
    static const struct timespec pause = {0, BUSY_PAUSE_NS};
    uint64_t here = ring_produced(&armed->ring);

    for (int i = 0; i < BUSY_TRIES; i++) {
        drain(armed, journal);
        if (*armed->ring.consumer >= here) return;
        nanosleep(&pause, NULL);
    }
}

/* `more`: bits of the flags. */
static int describe(const struct armed *armed, const struct journal *journal, uint64_t more) {
    uint64_t sums[COUNTERS];
    maps_sum(&armed->maps, sums);
    struct journal_header header = {
        .emitted = sums[EMITTED], .drops = sums[DROPS], .drop_bytes = sums[DROP_BYTES],
        .truncated = sums[TRUNCATED], .suppressed = sums[SUPPRESSED], .enrol_failed = sums[ENROL_FAILED],
        .misses = arm_misses(armed),
        .flags = armed->tier | (uint64_t)armed->variant << 8 | (uint64_t)armed->skipped << 16 | more,
    };
    return journal_describe(journal, &header);
}

int drain_until_gone(struct armed *armed, struct journal *journal, struct fault *fault) {
    struct epoll_event control = {.events = EPOLLIN, .data.fd = CONTROL};
    /* a ring with anything in it is ready all the time: only being woken counts */
    struct epoll_event ring = {.events = EPOLLIN | EPOLLET, .data.fd = armed->maps.ring};
    int64_t described_ms = now_ms();
    uint64_t answers = 0;
    int idle = 0, changed = 0, awaited = 0, events = epoll_create1(EPOLL_CLOEXEC);

    if (events < 0 || epoll_ctl(events, EPOLL_CTL_ADD, CONTROL, &control)
        || epoll_ctl(events, EPOLL_CTL_ADD, armed->maps.ring, &ring))
        return fail(fault, errno, "", "waiting for events");
    if (describe(armed, journal, 0)) return fail(fault, errno, "disk", "writing the journal"); /* the tier is known from the start */
    talk_armed(armed);
    for (;;) {
        struct epoll_event ready[2];
        enum request request = NOTHING;
        epoll_wait(events, ready, 2, awaited ? AWAITED_ROUND_MS : idle > IDLE_AFTER ? IDLE_ROUND_MS : ROUND_MS);
        request = talk_request();
        awaited = journal_is_awaited(journal);
        if (request != NOTHING || awaited) {
            drain_to_here(armed, journal);
            answers += (uint64_t)awaited << JOURNAL_ANSWERS_AT;
            int failed = describe(armed, journal, answers | (request == HAS_GONE ? JOURNAL_FINISHED : 0));
            if (request == HAS_GONE) return 0;
            if (request == WANTS_SYNC) talk_answer(failed ? UNWRITTEN : SYNCED);
            changed = 0;
            described_ms = now_ms();
            continue;
        }
        int any = drain(armed, journal);
        idle = any ? 0 : idle + (idle <= IDLE_AFTER);
        changed |= any;
        if (changed && now_ms() - described_ms >= HEADER_EVERY_MS) {
            describe(armed, journal, answers);
            changed = 0;
            described_ms = now_ms();
        }
    }
}
