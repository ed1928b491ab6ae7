/* Programs that die of what they do, or nearly: crash WAY [THREADS]. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t caught;

static void *wait_for_ever(void *unused) {
    for (;;)
        pause();
    return unused;
}

static void fault(void) {
    *(volatile int *)16 = 1;
}

static void take(int number, siginfo_t *info, void *context) {
    (void)context;
    caught = number * 1000 + info->si_code;
    if (number == SIGSEGV)
        siglongjmp(back, 1);
}

static int deep(int n) {
    volatile char much[4096];
    memset((char *)much, n, sizeof much);
    return n ? deep(n + 1) + much[7] : 0;
}

int main(int argc, char **argv) {
    const char *way = argc > 1 ? argv[1] : "";
    struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO};
    for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
        pthread_t thread;
        pthread_create(&thread, 0, wait_for_ever, 0);
    }
    if (!strcmp(way, "core")) {
        fault();
    } else if (!strcmp(way, "abort")) {
        abort();
    } else if (!strcmp(way, "instruction")) {
        __builtin_trap();
    } else if (!strcmp(way, "stack")) {
        return deep(1);
    } else if (!strcmp(way, "breakpoint")) {
        raise(SIGTRAP);
    } else if (!strcmp(way, "caught")) {
        sigaction(SIGTRAP, &action, 0);
        raise(SIGTRAP);
        printf("%d\n", caught);
#if defined(__x86_64__)
        __asm__ volatile("int3");
        printf("%d\n", caught);
#endif
    } else if (!strcmp(way, "handled")) {
        sigaction(SIGSEGV, &action, 0);
        if (!sigsetjmp(back, 1))
            fault();
        printf("%d\n", caught);
    } else if (!strcmp(way, "parent")) {
        int status = 0;
        pid_t pid = fork();
        if (!pid)
            fault();
        waitpid(pid, &status, 0);
        printf("signal %d, core %d\n", WTERMSIG(status), !!WCOREDUMP(status));
    }
    return 0;
}
