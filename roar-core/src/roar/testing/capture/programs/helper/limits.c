/* Little of everything: memory, sizes, descriptors, stack. */
#include "modes.h"
#include <pthread.h>
#include <sys/resource.h>

static void limit(int what, rlim_t value) {
    struct rlimit l = {value, value};
    MUST(!setrlimit(what, &l));
}
static void many_files_small_limit(void) {
    limit(RLIMIT_FSIZE, 1024);
    MUST(!mkdir("q", 0755));
    for (int i = 0; i < 6000; i++) {
        char p[300];
        snprintf(p, sizeof p, "q/%d-%0200d", i, i);
        MUST(put(p, ""));
    }
}
static void little_memory(void) {
    limit(RLIMIT_AS, 64 << 20);
    MUST(get("a") && put("out", "x"));
}
static void few_descriptors(void) {
    limit(RLIMIT_NOFILE, 5);
    MUST(get("a") && put("out", "x"));
    execl("/bin/cp", "cp", "b", "out2", (char *)0);
}
static void no_more_processes(void) {
    limit(RLIMIT_NPROC, 1);
    MUST(get("a") && put("out", "x"));
}
static void *works(void *unused) {
    (void)unused;
    MUST(get("a") && put("out", "x") && !rename("out", "out2"));
    return 0;
}
static void little_stack(void) {
    pthread_t t;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    MUST(!pthread_attr_setstacksize(&attr, 32768) && !pthread_create(&t, &attr, works, 0) && !pthread_join(t, 0));
}
static void little_time(void) {
    limit(RLIMIT_CPU, 20);
    MUST(get("a") && put("out", "x"));
}

const struct mode limits[] = {
    MODE(many_files_small_limit), MODE(little_memory), MODE(few_descriptors), MODE(no_more_processes), MODE(little_stack),
    MODE(little_time), NO_MORE,
};
