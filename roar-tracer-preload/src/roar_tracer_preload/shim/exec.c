/* The exec family. */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "launch.h"
#include "next.h"

extern char **environ;
extern int execveat(int, const char *, char *const[], char *const[], int);

static int failure(void) { return *__errno_location(); }

static int call_execve(struct launch *l, char *const *environment) {
    NEXT(execve)(l->path, l->arguments, environment);
    return failure();
}

static int call_execvpe(struct launch *l, char *const *environment) {
    NEXT(execvpe)(l->path, l->arguments, environment);
    return failure();
}

static int call_fexecve(struct launch *l, char *const *environment) {
    NEXT(fexecve)(l->dirfd, l->arguments, environment);
    return failure();
}

static int call_execveat(struct launch *l, char *const *environment) {
    NEXT(execveat)(l->dirfd, l->path, l->arguments, environment, l->at_flags);
    return failure();
}

#define EXEC(...)                                             \
    struct launch l = {.kind = K_EXEC, ##__VA_ARGS__};        \
    launch(&l);                                               \
    return -1

EXPORT int execve(const char *path, char *const arguments[], char *const environment[]) {
    EXEC(.dirfd = AT_FDCWD, .path = path, .arguments = arguments, .environment = environment, .call = call_execve);
}

EXPORT int execv(const char *path, char *const arguments[]) { return execve(path, arguments, environ); }

EXPORT int execvpe(const char *file, char *const arguments[], char *const environment[]) {
    EXEC(.dirfd = AT_FDCWD, .path = file, .search = 1, .arguments = arguments, .environment = environment, .call = call_execvpe);
}

EXPORT int execvp(const char *file, char *const arguments[]) { return execvpe(file, arguments, environ); }

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[]) {
    EXEC(.dirfd = fd, .path = "", .at_flags = AT_EMPTY_PATH, .arguments = arguments, .environment = environment, .call = call_fexecve);
}

EXPORT int execveat(int dirfd, const char *path, char *const arguments[], char *const environment[], int flags) {
    EXEC(.dirfd = dirfd, .path = path, .at_flags = flags, .arguments = arguments, .environment = environment, .call = call_execveat);
}

/* declares `arguments`: the words of the call as a vector, and leaves `rest` behind its NULL */
#define TAKE_ARGUMENTS(first)                                                        \
    va_list rest;                                                                    \
    size_t n = 1;                                                                    \
    va_start(rest, first);                                                           \
    while (va_arg(rest, char *)) n++;                                                \
    va_end(rest);                                                                    \
    char **arguments = alloca((n + 1) * sizeof *arguments);                          \
    va_start(rest, first);                                                           \
    arguments[0] = (char *)first;                                                    \
    for (size_t i = 1; i <= n; i++) arguments[i] = va_arg(rest, char *);

EXPORT int execl(const char *path, const char *first, ...) {
    TAKE_ARGUMENTS(first)
    va_end(rest);
    return execve(path, arguments, environ);
}

EXPORT int execlp(const char *file, const char *first, ...) {
    TAKE_ARGUMENTS(first)
    va_end(rest);
    return execvpe(file, arguments, environ);
}

EXPORT int execle(const char *path, const char *first, ...) {
    TAKE_ARGUMENTS(first)
    char *const *environment = va_arg(rest, char *const *);
    va_end(rest);
    return execve(path, arguments, environment);
}
