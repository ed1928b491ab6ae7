/* Descriptors that come from another process: over a socket, or taken with pidfd_getfd(2). */
#include <fcntl.h>
#include <sys/socket.h>

#include "next.h"
#include "observe.h"
#include "path.h"

static void observe_foreign_fd(int fd) {
    long flags = SYS(__NR_fcntl, fd, F_GETFL);
    if (flags >= 0 && !(flags & O_PATH)) observe_fd(fd, (flags & O_ACCMODE) ? K_WRITE : K_READ, (int)flags);
}

static void observe_passed(const struct msghdr *message) {
    const char *at = message->msg_control, *end = at + message->msg_controllen;
    while (at && (size_t)(end - at) >= sizeof(struct cmsghdr)) {
        const struct cmsghdr *part = (const void *)at;
        if (part->cmsg_len < sizeof *part || part->cmsg_len > (size_t)(end - at)) return;
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            for (size_t i = 0; i + sizeof(int) <= part->cmsg_len - CMSG_LEN(0); i += sizeof(int)) {
                int fd;
                __builtin_memcpy(&fd, CMSG_DATA(part) + i, sizeof fd);
                observe_foreign_fd(fd);
            }
        }
        size_t step = CMSG_ALIGN(part->cmsg_len);
        if (step > (size_t)(end - at)) return;
        at += step;
    }
}

EXPORT ssize_t recvmsg(int socket, struct msghdr *message, int flags) {
    ssize_t n = NEXT(recvmsg)(socket, message, flags);
    if (n >= 0 && message && message->msg_controllen && arena_on() && !quiet) observe_passed(message);
    return n;
}

EXPORT int recvmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
    int n = NEXT(recvmmsg)(socket, messages, count, flags, timeout);
    for (int i = 0; i < n && arena_on() && !quiet; i++)
        if (messages[i].msg_hdr.msg_controllen) observe_passed(&messages[i].msg_hdr);
    return n;
}

extern int pidfd_getfd(int, int, unsigned);

EXPORT int pidfd_getfd(int process, int target, unsigned flags) {
    int fd = NEXT(pidfd_getfd)(process, target, flags);
    if (fd >= 0 && arena_on() && !quiet) observe_foreign_fd(fd);
    return fd;
}
