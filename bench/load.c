/* The benchmark's loads, one a function: load NAME COUNT FOLDER.  Each does COUNT times what it is named after.
 * The last line on stdout is the monotonic clock in nanoseconds when the work was done. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { FILES = 100, PATH_BYTES = 4096 };

static int open_file(const char *folder, const char *prefix, long number, int flags)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s%ld", folder, prefix, number);
    int fd = open(path, flags | O_CLOEXEC, 0644);
    if (fd < 0)
        perror(path);
    return fd;
}

/* Opens of 100 files that exist, again and again. */
static int opens(long count, const char *folder)
{
    for (long i = 0; i < count; i++) {
        int fd = open_file(folder, "f", i % FILES, O_RDONLY);
        if (fd < 0)
            return 1;
        close(fd);
    }
    return 0;
}

/* Opens and reads of as many files as there are turns. */
static int distinct(long count, const char *folder)
{
    char byte;
    for (long i = 0; i < count; i++) {
        int fd = open_file(folder, "m", i, O_RDONLY);
        if (fd < 0 || read(fd, &byte, 1) < 0)
            return 1;
        close(fd);
    }
    return 0;
}

/* New files of eight bytes. */
static int creates(long count, const char *folder)
{
    for (long i = 0; i < count; i++) {
        int fd = open_file(folder, "n", i, O_WRONLY | O_CREAT | O_TRUNC);
        if (fd < 0 || write(fd, &i, sizeof i) != sizeof i)
            return 1;
        close(fd);
    }
    return 0;
}

/* Reads of one byte. */
static int reads(long count, const char *folder)
{
    char byte;
    int fd = open_file(folder, "f", 0, O_RDONLY);
    if (fd < 0)
        return 1;
    for (long i = 0; i < count; i++)
        if (pread(fd, &byte, 1, 0) != 1)
            return 1;
    return close(fd);
}

/* Writes of one byte. */
static int writes(long count, const char *folder)
{
    int fd = open_file(folder, "w", 0, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return 1;
    for (long i = 0; i < count; i++)
        if (pwrite(fd, "x", 1, 0) != 1)
            return 1;
    return close(fd);
}

/* The cheapest system call, through libc's syscall(). */
static int getpids(long count, const char *folder)
{
    (void)folder;
    for (long i = 0; i < count; i++)
        syscall(SYS_getpid);
    return 0;
}

/* One start of a program, by vfork and exec, as posix_spawn does it; 0 when it ended well. */
static int started(char **words)
{
    pid_t child;
    int status;
    if (posix_spawn(&child, words[0], NULL, NULL, words, environ) != 0)
        return 1;
    return waitpid(child, &status, 0) != child || status != 0;
}

/* Starts of a program that does nothing. */
static int spawns(long count, const char *folder)
{
    (void)folder;
    char *words[] = {"/bin/true", NULL};
    for (long i = 0; i < count; i++)
        if (started(words))
            return 1;
    return 0;
}

/* A tree of processes, COUNT deep: each starts this program twice, one after the other. */
static int tree(long count, const char *folder)
{
    char below[24];
    snprintf(below, sizeof below, "%ld", count - 1);
    char *words[] = {"./load", "tree", below, (char *)folder, NULL};
    return count > 1 && (started(words) || started(words));
}

static const struct {
    const char *name;
    int (*run)(long count, const char *folder);
} loads[] = {
    {"opens", opens},   {"distinct", distinct}, {"creates", creates}, {"reads", reads},
    {"writes", writes}, {"getpids", getpids},   {"spawns", spawns},     {"tree", tree},
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        if (strcmp(argv[1], loads[i].name) != 0)
            continue;
        int failed = loads[i].run(atol(argv[2]), argv[3]);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
        return failed;
    }
    return 2;
}
