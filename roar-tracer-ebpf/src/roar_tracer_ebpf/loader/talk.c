/* Talking to roar. */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct reply {
    uint32_t error, tier;
    uint64_t cookie[2];
    uint32_t ring_bytes, variant, skipped, probe; /* its checksum */
    char step[96], advice[32];
};
_Static_assert(sizeof(struct reply) == 168, "as tracer.py has it");

int talk_is_set_up(void) {
    struct stat facts;
    int type, flags = fcntl(JOURNAL, F_GETFL);
    socklen_t size = sizeof type;

    if (getsockopt(CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM) return 0;
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH)) return 0;
    if (fstat(JOURNAL, &facts) || !S_ISREG(facts.st_mode)) return 0;
    return !fcntl(CONTROL, F_SETFD, 0) && !fcntl(JOURNAL, F_SETFD, 0);
}

static void say(const void *what, size_t size) {
    while (send(CONTROL, what, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) continue;
}

void talk_refuse(const struct fault *fault) {
    struct reply reply;

    memset(&reply, 0, sizeof reply);
    reply.error = fault->error ? fault->error : ENODATA; /* 0 would mean armed */
    memcpy(reply.step, fault->step, sizeof reply.step);
    memcpy(reply.advice, fault->advice, sizeof reply.advice);
    say(&reply, sizeof reply);
}

void talk_armed(const struct armed *armed) {
    struct reply reply;

    memset(&reply, 0, sizeof reply);
    reply.tier = armed->tier;
    memcpy(reply.cookie, armed->session.cookie, sizeof reply.cookie);
    reply.ring_bytes = armed->maps.ring_size;
    reply.variant = (uint32_t)armed->variant;
    reply.skipped = armed->skipped;
    reply.probe = armed->object.checksum;
    say(&reply, sizeof reply);
}

enum request talk_request(void) {
    char byte;
    ssize_t got = recv(CONTROL, &byte, 1, MSG_DONTWAIT);

    if (got == 1) return byte == SYNC ? WANTS_SYNC : NOTHING;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return NOTHING;
    return HAS_GONE;
}

void talk_answer(char answer) {
    say(&answer, 1);
}

void talk_end(void) {
    flock(JOURNAL, LOCK_UN); /* somebody else may have the same open file */
    close(JOURNAL);
    close(CONTROL);
}
