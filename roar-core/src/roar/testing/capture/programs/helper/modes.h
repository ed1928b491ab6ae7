/* What the files of the helper share.  `helper MODE` runs one mode in a fresh directory that has the files of stage.py; it
 * answers 0, or says what went wrong and answers 9.  Each mode is named after what it does; the tables say what is true of it. */
#ifndef MODES_H
#define MODES_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct mode {
    const char *name;
    void (*run)(void);
};
#define MODE(f) {#f, f}
#define NO_MORE {0, 0}

extern const struct mode opening[], contents[], naming[], directories[], processes[], threads[], descriptors[], failing[], limits[],
    confined[], ring[];
extern char **environ;

#define MUST(x)                                                   \
    do {                                                          \
        if (!(x)) {                                               \
            fprintf(stderr, "%s, line %d: ", __FILE__, __LINE__); \
            perror(#x);                                           \
            exit(9);                                              \
        }                                                         \
    } while (0)
#define FAILS(x, number) MUST((x) < 0 && errno == (number))

/* Makes a file with a text, or replaces its content. */
static inline int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) return 0;
    int ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return !close(fd) && ok;
}

/* Reads a file to its end. */
static inline int get(const char *path) {
    char buffer[4096];
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    while (read(fd, buffer, sizeof buffer) > 0) {}
    return !close(fd);
}

static inline int ended_well(pid_t pid) {
    int status;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* The name under which /proc has an open descriptor of this process. */
static inline const char *by_number(const char *place, int fd) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%d", place, fd);
    return path;
}
#define PROC_FD "/proc/self/fd"

#ifndef SYS_open /* newer architectures have only the calls that take a directory; these numbers are nobody's */
#define SYS_open 0xffffffff
#define SYS_rename 0xffffffff
#define SYS_unlink 0xffffffff
#define SYS_mkdir 0xffffffff
#define ONLY_AT
#endif

#endif
