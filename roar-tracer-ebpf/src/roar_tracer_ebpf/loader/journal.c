/* Writing the journal, also where there is no room for it. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int journal_begin(struct journal *journal, int fd, struct fault *fault) {
    struct journal_header empty;
    int flags = fcntl(fd, F_GETFL);
    static const char step[] = "writing the journal";

    *journal = (struct journal){fd, sizeof empty, 0};
    if (flags < 0) return fail(fault, errno, "", step);
    /* pwrite(2), BUGS: on a descriptor for appending, the offset would not be looked at */
    if ((flags & O_APPEND) && fcntl(fd, F_SETFL, flags & ~O_APPEND)) return fail(fault, errno, "", step);
    if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) return fail(fault, errno, "", "locking the journal");
    memset(&empty, 0, sizeof empty);
    if (journal_describe(journal, &empty)) return fail(fault, errno, "disk", step);
    return 0;
}

int journal_is_awaited(const struct journal *journal) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

    return !fcntl(journal->fd, F_GETLK, &lock) && lock.l_type != F_UNLCK;
}

int journal_describe(const struct journal *journal, struct journal_header *header) {
    ssize_t written;

    memcpy(header->magic, "ROAREBPF", sizeof header->magic);
    header->lost_by_disk = journal->lost;
    header->end = journal->end;
    do written = pwrite(journal->fd, header, sizeof *header, 0);
    while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written < sizeof *header) errno = ENOSPC;
    return written == (ssize_t)sizeof *header ? 0 : -1;
}

/* Returns how much of it was written. */
static size_t write_out(const struct journal *journal, const struct ring *ring, struct span span) {
    size_t size = (size_t)(span.to - span.from), done = 0;

    while (done < size) {
        struct iovec parts[2];
        int count = ring_memory(ring, span, done, parts);
        ssize_t written = pwritev(journal->fd, parts, count, (off_t)(journal->end + done));
        if (written > 0) done += (size_t)written;
        else if (written == 0 || errno != EINTR) break;
    }
    return done;
}

void journal_append(struct journal *journal, const struct ring *ring, struct span span) {
    size_t written = write_out(journal, ring, span);
    uint64_t at = span.from;

    if (written == span.to - span.from) {
        journal->end += written;
        return;
    }
    while (at + ring_record(ring, at) <= span.from + written) at += ring_record(ring, at);
    journal->end += at - span.from;
    for (; at < span.to; at += ring_record(ring, at)) journal->lost++;
    if (ftruncate(journal->fd, (off_t)journal->end)) { /* half a record stays, behind the header's `end` */
    }
}
