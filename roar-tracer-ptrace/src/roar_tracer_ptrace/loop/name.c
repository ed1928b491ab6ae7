/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The name of a file as a held thread means it. */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, SHORT = 256, LONGEST = 4096 };
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

ssize_t name_of(char *name, pid_t task, int directory, uint64_t address) {
    char *path = name + NAME_SIZE / 2;  /* room for the directory before it */
    ssize_t length = read_string(task, address, path);
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
    char link[64];
    if (directory == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", task);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", task, directory);
    ssize_t base = readlink(link, name, NAME_SIZE / 2 - 1);
    if (base <= 0 || base >= NAME_SIZE / 2 - 1 || *name != '/')
        return 0;
    size_t suffix = sizeof DELETED - 1;
    if ((size_t)base >= suffix && !memcmp(name + base - suffix, DELETED, suffix))
        return 0;
    if (base == 1)
        base = 0;
    name[base] = '/';
    memmove(name + base + 1, path, (size_t)length + 1);
    return base + 1 + length;
}
