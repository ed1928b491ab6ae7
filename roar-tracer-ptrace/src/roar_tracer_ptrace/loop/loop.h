/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop of listener.py in C: answers the calls that tell nothing new, and returns all others to Python.  It knows no rules
 * of its own: what is known of a name, and when a name alone says enough, it is told by Python. */
#ifndef ROAR_LOOP_H
#define ROAR_LOOP_H

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { NUMBERS = 640, MOST_AWAITED = 64, NAME_SIZE = 8192 };

/* listener.py's Came */
enum came { CALL = 1, WAKE = 2, QUIET = 3, END = 4 };

/* what accelerated.py calls the calls that can be answered here */
enum quick { NOT_QUICK, QUICK_OPEN, QUICK_OPENAT, QUICK_EXECVE };

/* known.py */
enum { READ = 1, ADD = 2, REPLACE = 4, RUN = 8, FIXED = 16 };

struct interface {
    uint32_t audit;
    uint32_t mask;           /* of the number */
    uint8_t quick[NUMBERS];  /* enum quick by number */
};

/* Working directories: of few threads and for a moment, in which no process number can come back. */
enum { WORKPLACES = 16, WORKPLACE_SIZE = 256 };
struct workplace { int32_t task; int32_t length; int64_t until_ns; char path[WORKPLACE_SIZE]; };

struct known {
    struct entry { char *name; uint32_t hash; uint32_t bits; } *entries;
    size_t room, used;
};

/* The first fields are accelerated.py's: a change here is a change there. */
struct loop {
    int32_t listener, wake;
    int32_t careful;                 /* answer nothing here */
    int32_t still;                   /* nobody is just changing a working directory, or moving one */
    int32_t awaited_count;
    int32_t awaited[MOST_AWAITED];   /* threads whose next call Python wants to see */
    int32_t has_name;                /* `name` is that of the call's file */
    int32_t due;                     /* `call` waits for its answer */
    int32_t padding;
    struct seccomp_notif call;
    char name[NAME_SIZE];
    struct interface interfaces[2];
    struct known known;
    struct workplace workplaces[WORKPLACES];
    struct seccomp_notif_resp answer;
};

uint32_t known_get(const struct known *known, const char *name);
int known_put(struct known *known, const char *name, uint32_t bits);
void known_clear(struct known *known);

/* Puts the absolute name of a path in the held thread's memory into loop->name: its length, 0 where Python must look closer,
 * -1 when the call will fail. */
ssize_t name_of(struct loop *loop, int directory, uint64_t address);

#endif
