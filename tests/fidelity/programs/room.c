/* How much execve(2) takes: room arguments|environment|word|none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 100000

/* Whether a process can become this program with `size` bytes of words; it ends with the number of bytes that it got, modulo 251. */
static int fits(char *program, const char *what, long size) {
    long pieces = strcmp(what, "word") ? (size + PIECE - 1) / PIECE : 1, n = 0;
    char **words = calloc(pieces + 3, sizeof *words), *none[] = {"count", 0}, *empty[] = {0};
    int environment = !strcmp(what, "environment"), status;
    if (!environment) {
        words[n++] = "count";
        words[n++] = "it";
    }
    for (long left = size; left > 0;) {
        long length = pieces == 1 ? left : left > PIECE ? PIECE : left;
        words[n] = malloc(length + 1);
        memset(words[n], 'x', length);
        if (environment && length > 1)
            words[n][1] = '=';
        words[n++][length] = 0;
        left -= length;
    }
    pid_t pid = fork();
    if (!pid) {
        execve(program, environment ? none : words, environment ? words : empty);
        _exit(errno == E2BIG ? 253 : 254);
    }
    waitpid(pid, &status, 0);
    for (n = environment ? 0 : 2; words[n]; n++)
        free(words[n]);
    free(words);
    if (!WIFEXITED(status))
        printf("signal %d\n", WTERMSIG(status));
    else if (WEXITSTATUS(status) == 254)
        printf("another error\n");
    else if (WEXITSTATUS(status) < 251 && !environment && WEXITSTATUS(status) != size % 251)
        printf("%ld came as another number\n", size);
    return WEXITSTATUS(status) < 251;
}

int main(int argc, char **argv) {
    char program[4096] = "";
    if (argc && !strcmp(argv[0], "count")) {
        long bytes = 0;
        for (int i = 2; i < argc; i++)
            bytes += strlen(argv[i]);
        return bytes % 251;
    }
    if (!argc || !*argv[0])
        return 7;
    readlink("/proc/self/exe", program, sizeof program - 1);
    if (!strcmp(argv[1], "none")) {
        char *empty[] = {0};
        execve(program, empty, empty);
        return 1;
    }
    struct rlimit limit = {2 << 20, 2 << 20}; /* the kernel's bound is a quarter of it */
    setrlimit(RLIMIT_STACK, &limit);
    long low = 1, high = 1 << 21;
    while (high - low > 1) {
        long middle = (low + high) / 2;
        *(fits(program, argv[1], middle) ? &low : &high) = middle;
    }
    printf("%ld\n", low);
    return 0;
}
