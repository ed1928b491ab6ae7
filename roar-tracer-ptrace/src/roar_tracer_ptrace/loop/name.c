/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The name of a file as a held thread means it. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, SHORT = 256, LONGEST = 4096, REMEMBERED_NS = 100000000 };
static const char DELETED[] = " (deleted)";

/* The string at `address`, read page by page, as the one after may not be there: its length, or -1. */
static ssize_t read_string(pid_t task, uint64_t address, char *out) {
    size_t length = 0, size = SHORT;
    while (length < LONGEST) {
        size_t rest = PAGE - (address & (PAGE - 1));
        if (size > rest)
            size = rest;
        if (size > LONGEST - length)
            size = LONGEST - length;
        struct iovec local = { out + length, size }, remote = { (void *)(uintptr_t)address, size };
        ssize_t got = process_vm_readv(task, &local, 1, &remote, 1, 0);
        if (got <= 0)
            return -1;
        char *end = memchr(out + length, 0, (size_t)got);
        if (end)
            return end - out;
        length += (size_t)got;
        address += (uint64_t)got;
        size = PAGE;
    }
    errno = ENAMETOOLONG;
    return -1;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The directory in which a path begins, into loop->name: its length, 0 where Python must look closer. */
static ssize_t directory_of(struct loop *loop, int directory) {
    pid_t task = (pid_t)loop->call.pid;
    struct workplace *place = NULL;
    int64_t now = 0;
    char link[64];
    if (directory == AT_FDCWD) {
        now = now_ns();
        place = &loop->workplaces[task % WORKPLACES];
        if (loop->still && place->task == task && now < place->until_ns) {
            memcpy(loop->name, place->path, (size_t)place->length);
            return place->length;
        }
        snprintf(link, sizeof link, "/proc/%d/cwd", task);
    } else {
        snprintf(link, sizeof link, "/proc/%d/fd/%d", task, directory);
    }
    ssize_t length = readlink(link, loop->name, NAME_SIZE / 2 - 1);
    if (length <= 0 || length >= NAME_SIZE / 2 - 1 || *loop->name != '/')
        return 0;
    size_t suffix = sizeof DELETED - 1;
    if ((size_t)length >= suffix && !memcmp(loop->name + length - suffix, DELETED, suffix))
        return 0;
    if (place && length <= WORKPLACE_SIZE) {
        place->task = task;
        place->length = (int32_t)length;
        place->until_ns = now + REMEMBERED_NS;
        memcpy(place->path, loop->name, (size_t)length);
    }
    return length;
}

ssize_t name_of(struct loop *loop, int directory, uint64_t address) {
    char *name = loop->name, *path = name + NAME_SIZE / 2;  /* room for the directory before it */
    ssize_t length = read_string((pid_t)loop->call.pid, address, path);
    if (length < 0)
        return errno == EFAULT || errno == ENAMETOOLONG ? -1 : 0;
    if (!length)
        return 0;
    if (*path == '/') {
        if (!strncmp(path, "/proc/", 6) || !strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/dev/std", 8))
            return 0;
        memmove(name, path, (size_t)length + 1);
        return length;
    }
    ssize_t base = directory_of(loop, directory);
    if (base == 1)
        base = 0;
    else if (!base || base + 1 + length >= LONGEST)
        return 0;
    name[base] = '/';
    memmove(name + base + 1, path, (size_t)length + 1);
    return base + 1 + length;
}
