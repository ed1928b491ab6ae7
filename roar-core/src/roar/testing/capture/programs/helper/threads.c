/* Threads and signal handlers: several at work at once, in odd places. */
#include "modes.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static void together(void *(*work)(void *), long count) {
    pthread_t t[16];
    for (long i = 0; i < count; i++) MUST(!pthread_create(&t[i], 0, work, (void *)i));
    for (long i = 0; i < count; i++) MUST(!pthread_join(t[i], 0));
}
static void *make_fifty(void *which) {
    char p[64];
    for (int i = 0; i < 50; i++) {
        snprintf(p, sizeof p, "t%ld_%d", (long)which, i);
        MUST(put(p, "x"));
    }
    return 0;
}
static void threads_(void) { together(make_fifty, 4); }
static void *reads_and_fails(void *which) {
    (void)which;
    for (int i = 0; i < 200; i++) MUST(get("a") && !get("absent") && get("sub/../b"));
    return 0;
}
static void threads_read_the_same(void) { together(reads_and_fails, 4); }
static void *renames_its_own(void *which) {
    char from[32], to[32];
    for (int i = 0; i < 40; i++) {
        snprintf(from, sizeof from, "r%ld.%d", (long)which, i);
        snprintf(to, sizeof to, "r%ld", (long)which);
        MUST(put(from, "x") && !rename(from, to));
    }
    return 0;
}
static void threads_rename(void) { together(renames_its_own, 4); }
static void *goes_to_sub(void *unused) {
    (void)unused;
    MUST(!chdir("sub"));
    return 0;
}
static void thread_changes_directory(void) { /* for all of them */
    together(goes_to_sub, 1);
    MUST(get("x") && put("y", "x"));
}
static void *goes_alone(void *unused) {
    (void)unused;
    MUST(!unshare(CLONE_FS) && !chdir("sub") && get("x"));
    return 0;
}
static void thread_with_own_directory(void) {
    together(goes_alone, 1);
    MUST(!get("x") && get("a") && put("out", "x"));
}
static void *become_cat(void *path) {
    execl("/bin/cat", "cat", (char *)path, (char *)0);
    return 0;
}
static void thread_exec(void) {
    pthread_t t;
    pthread_create(&t, 0, become_cat, "a");
    pthread_join(t, 0);
    exit(9);
}
static void *reads_on(void *unused) {
    (void)unused;
    for (;;) get("b");
}
static void thread_exec_amid_others(void) {
    pthread_t t[3];
    MUST(get("b"));
    for (int i = 0; i < 2; i++) pthread_create(&t[i], 0, reads_on, 0);
    pthread_create(&t[2], 0, become_cat, "a");
    pthread_join(t[2], 0);
    exit(9);
}
static void exit_amid_others(void) {
    pthread_t t[3];
    MUST(get("b"));
    for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, reads_on, 0);
    MUST(put("out", "x"));
    exit(0);
}
static pthread_t leader;
static void *outlives_the_leader(void *unused) {
    (void)unused;
    pthread_join(leader, 0);
    MUST(get("a") && put("out", "x"));
    exit(0);
}
static void leader_ends_first(void) {
    pthread_t t;
    leader = pthread_self();
    pthread_create(&t, 0, outlives_the_leader, 0);
    pthread_exit(0);
}
static void *forks(void *which) {
    pid_t p = fork();
    if (!p) {
        char path[16];
        snprintf(path, sizeof path, "f%ld", (long)which);
        _exit(!(get("a") && put(path, "x")));
    }
    MUST(ended_well(p));
    return 0;
}
static void threads_fork(void) { together(forks, 8); }

static volatile int handled;
static void on_signal(int n) {
    (void)n;
    char b[8];
    int f = open("a", O_RDONLY);
    if (f >= 0 && read(f, b, 1) == 1 && !close(f)) handled++;
}
static void small_stack(void) {
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 2 * sysconf(_SC_MINSIGSTKSZ) + 1024};
    MUST(!sigaltstack(&stack, 0) && !sigaction(SIGUSR1, &act, 0));
    for (int i = 0; i < 200; i++) {
        raise(SIGUSR1);
        MUST(get("b"));
    }
    MUST(handled == 200);
}
static void interrupted(void) { /* handlers that open, in the midst of what opens, each time somewhere else */
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    MUST(!sigaction(SIGALRM, &act, 0));
    for (int i = 0; i < 1000; i++) {
        struct { struct { long s, u; } every, first; } once = {{0, 0}, {0, 1 + i % 97}};
        char p[32];
        sprintf(p, "sub/n%d", i);
        MUST(!syscall(SYS_setitimer, 0, &once, 0));
        MUST(put(p, "") && !unlink(p));
    }
    MUST(handled);
}

const struct mode threads[] = {
    {"threads", threads_}, MODE(threads_read_the_same), MODE(threads_rename), MODE(thread_changes_directory),
    MODE(thread_with_own_directory), MODE(thread_exec), MODE(thread_exec_amid_others), MODE(exit_amid_others),
    MODE(leader_ends_first), MODE(threads_fork), MODE(small_stack), MODE(interrupted), NO_MORE,
};
