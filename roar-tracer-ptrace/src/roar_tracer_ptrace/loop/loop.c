/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Waiting for calls, answering those that tell nothing new. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static void let_go(struct loop *loop) {
    loop->answer.id = loop->call.id;
    loop->answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(loop->listener, SECCOMP_IOCTL_NOTIF_SEND, &loop->answer);  /* fails when the thread was killed meanwhile */
}

static enum quick quick_of(const struct loop *loop) {
    for (size_t i = 0; i < sizeof loop->interfaces / sizeof *loop->interfaces; i++) {
        const struct interface *interface = &loop->interfaces[i];
        if (interface->audit == loop->call.data.arch) {
            uint32_t number = (uint32_t)loop->call.data.nr & interface->mask;
            return number < NUMBERS ? interface->quick[number] : NOT_QUICK;
        }
    }
    return NOT_QUICK;
}

static int is_awaited(const struct loop *loop) {
    for (int32_t i = 0; i < loop->awaited_count; i++)
        if (loop->awaited[i] == (int32_t)loop->call.pid)
            return 1;
    return 0;
}

/* known.bits_of */
static uint32_t bits_of(uint64_t flags) {
    if (flags & O_TRUNC)
        return REPLACE;
    switch (flags & O_ACCMODE) {
    case O_RDONLY: return READ;
    case O_WRONLY: return ADD;
    default: return READ | ADD;
    }
}

/* Listener._tells_nothing */
static int tells_nothing(struct loop *loop) {
    const uint64_t *args = (const uint64_t *)loop->call.data.args;
    int directory = AT_FDCWD;
    uint64_t address = args[0], flags = 0;
    enum quick quick = quick_of(loop);

    loop->has_name = 0;
    if (quick == NOT_QUICK || loop->careful || is_awaited(loop))
        return 0;
    if (quick == QUICK_OPENAT) {
        directory = (int)args[0];
        address = args[1];
        flags = args[2];
    } else if (quick == QUICK_OPEN) {
        flags = args[1];
    }
    ssize_t length = name_of(loop, directory, address);
    if (length <= 0)
        return length < 0;
    loop->has_name = 1;
    uint32_t bits = known_get(&loop->known, loop->name);
    if (quick == QUICK_EXECVE)
        return bits & RUN || access(loop->name, X_OK) != 0;
    if (flags & (O_EXCL | (O_TMPFILE & ~O_DIRECTORY)))
        return 0;
    uint32_t wanted = bits_of(flags) | (flags & O_CREAT ? FIXED : 0);
    if ((bits & wanted) == wanted)
        return 1;
    return wanted == READ && access(loop->name, R_OK) != 0;
}

EXPORT struct loop *roar_loop_new(int listener, int wake) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop) {
        loop->listener = listener;
        loop->wake = wake;
    }
    return loop;
}

EXPORT void roar_loop_interface(struct loop *loop, int which, uint32_t audit, uint32_t mask, const uint8_t *quick) {
    struct interface *interface = &loop->interfaces[which];
    interface->audit = audit;
    interface->mask = mask;
    memcpy(interface->quick, quick, sizeof interface->quick);
}

EXPORT int roar_loop_known(struct loop *loop, const char *name, uint32_t bits) {
    return known_put(&loop->known, name, bits);
}

EXPORT void roar_loop_forget(struct loop *loop) {
    known_clear(&loop->known);
    memset(loop->workplaces, 0, sizeof loop->workplaces);
}

/* A thread is about to change its working directory, which others may share. */
EXPORT void roar_loop_wander(struct loop *loop) {
    memset(loop->workplaces, 0, sizeof loop->workplaces);
}

/* Answers the call that was returned last, and waits for what comes next: enum came. */
EXPORT int roar_loop_wait(struct loop *loop, int timeout_ms) {
    struct pollfd fds[2] = { { .fd = loop->listener, .events = POLLIN }, { .fd = loop->wake, .events = POLLIN } };

    if (loop->due) {
        loop->due = 0;
        let_go(loop);
    }
    for (;;) {
        int ready = poll(fds, 2, timeout_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return QUIET;
        if (fds[1].revents)
            return WAKE;
        if (!(fds[0].revents & POLLIN))
            return END;
        memset(&loop->call, 0, sizeof loop->call);  /* the kernel wants it so */
        if (ioctl(loop->listener, SECCOMP_IOCTL_NOTIF_RECV, &loop->call) < 0)
            continue;  /* the thread was just killed */
        if (!tells_nothing(loop)) {
            loop->due = 1;
            return CALL;
        }
        let_go(loop);
    }
}
