/* Calls a program as a hostile user would: another user's id, descriptors, limits and environment of its choice.
 *
 *     caller UID [fd=N:M] [close=N] [nofile=N] [as=N] [fsize=N] [memlock=N] [stack=N] [soft-nofile=N] [nnp] [alarm=MS]
 *                [traced] [env=NAME=VALUE]... -- PROGRAM WORD... */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
    fprintf(stderr, "caller: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void limit(int resource, rlim_t soft, rlim_t hard) {
    struct rlimit limit = {soft, hard};
    if (setrlimit(resource, &limit)) die("setrlimit");
}

static int number_of(const char *option, const char *name, long *number) {
    size_t length = strlen(name);
    if (strncmp(option, name, length) || option[length] != '=') return 0;
    *number = atol(option + length + 1);
    return 1;
}

int main(int count, char **words) {
    char *environment[64] = {NULL};
    int variables = 0, traced = 0, i = 2;
    long number;
    rlim_t nofile = 0;

    if (count < 4) return 99;
    uid_t uid = (uid_t)atol(words[1]);
    for (; i < count && strcmp(words[i], "--"); i++) {
        char *option = words[i];
        int to, from;
        if (sscanf(option, "fd=%d:%d", &to, &from) == 2) {
            if (dup2(from, to) != to) die("dup2");
        } else if (number_of(option, "close", &number)) close((int)number);
        else if (number_of(option, "nofile", &number)) nofile = (rlim_t)number;
        else if (number_of(option, "as", &number)) limit(RLIMIT_AS, (rlim_t)number, (rlim_t)number);
        else if (number_of(option, "fsize", &number)) limit(RLIMIT_FSIZE, (rlim_t)number, (rlim_t)number);
        else if (number_of(option, "memlock", &number)) limit(RLIMIT_MEMLOCK, (rlim_t)number, (rlim_t)number);
        else if (number_of(option, "stack", &number)) limit(RLIMIT_STACK, (rlim_t)number, (rlim_t)number);
        else if (number_of(option, "soft-nofile", &number)) limit(RLIMIT_NOFILE, (rlim_t)number, 4096);
        else if (!strcmp(option, "nnp")) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        else if (number_of(option, "alarm", &number)) {
            struct itimerval soon = {{0, 1000}, {number / 1000, number % 1000 * 1000}};
            setitimer(ITIMER_REAL, &soon, NULL);
        } else if (!strcmp(option, "traced")) traced = 1;
        else if (!strncmp(option, "env=", 4)) environment[variables++] = option + 4;
        else die(option);
    }
    if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))) die("setresuid");
    if (nofile) limit(RLIMIT_NOFILE, nofile, nofile);
    pid_t child = traced ? fork() : 0;
    if (child) {
        int status;
        while (waitpid(child, &status, 0) > 0) {
            if (WIFEXITED(status)) return WEXITSTATUS(status);
            if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
            ptrace(PTRACE_CONT, child, 0, 0);
        }
        return 99;
    }
    if (traced && ptrace(PTRACE_TRACEME, 0, 0, 0)) die("ptrace");
    execve(words[i + 1], words + i + 1, environment);
    die(words[i + 1]);
}
