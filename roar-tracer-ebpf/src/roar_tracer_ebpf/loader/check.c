/* The check. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "arm.h"
#include "bpf.h"
#include "privilege.h"

static struct armed armed;

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

static void tell(const char *key, const struct fault *fault) {
    printf("%s=%s\t%s\t%s\n", key, fault->error ? strerror((int)fault->error) : "unseen", fault->step, fault->advice);
}

static void tell_programs(const char *tier) {
    char name[64];

    for (unsigned i = 0; i < armed.object.program_count; i++)
        if (armed.programs[i] >= 0)
            printf("insns.%s.%s=%u\n", tier, text_copy(armed.object.programs[i].name, name, sizeof name),
                   bpf_facts(armed.programs[i]).verified);
}

static int try_tier(uint32_t tier, const char *name, int explain) {
    char key[32];
    struct fault fault;
    long long begun = now_us();
    int refused = arm_tier(&armed, tier, explain ? stderr : NULL, &fault);

    snprintf(key, sizeof key, "tier.%s", name);
    if (refused) tell(key, &fault);
    else printf("%s=ok\n", key);
    printf("%s_us=%lld\n", name, now_us() - begun);
    if (!refused) {
        printf("skipped.%s=%u\n", name, armed.skipped);
        tell_programs(name);
    }
    return refused;
}

int check(uint32_t ring_size, uint32_t tiers, int variant, int explain) {
    struct fault fault;
    struct utsname name;
    int works = 0;
    static char output[1 << 16]; /* more than it prints: nothing is written before the capabilities are gone */

    setvbuf(stdout, output, _IOFBF, sizeof output);
    if (!uname(&name)) printf("kernel=%s\nmachine=%s\n", name.release, name.machine);
    printf("gained=%d\n", privilege_was_gained());
    privilege_raise();
    printf("caps=%s\n", privilege_suffices() ? "ok" : "missing");
    long long begun = now_us();
    if (privilege_take_place(&fault) || arm_prepare(&armed, ring_size, variant, &fault)) {
        tell("prepare", &fault);
    } else {
        printf("prepare=ok\nprepare_us=%lld\nvariant=%s\n", now_us() - begun, armed.variant ? "fast" : "compat");
        if (tiers & TIER_BASE) works |= !try_tier(TIER_BASE, "base", explain);
        arm_release(&armed, 0);
        /* last: it is slow to take back, which arm_leave leaves to another process */
        if (tiers & TIER_FENTRY) works |= !try_tier(TIER_FENTRY, "fentry", explain);
    }
    privilege_drop();
    fflush(stdout);
    arm_leave(&armed, works ? EXIT_SUCCESS : EXIT_FAILURE);
    return works ? EXIT_SUCCESS : EXIT_FAILURE;
}
