/* roar-ebpf: arms the probe that is part of it, and writes down what it sees.
 *
 * An installed copy has file capabilities: then whoever calls it is hostile until the capabilities are gone again
 * (docs/security-ebpf-helper.md).  Nothing is taken from the caller but the few words below. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "arm.h"
#include "check.h"
#include "drain.h"
#include "privilege.h"
#include "talk.h"

#define PROTOCOL 1 /* build.py names installed copies by it, and by the probe's checksum */

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };
enum { LEAST_RING_MIB = 1, MOST_RING_MIB = 64, USUAL_RING_MIB = 16 };

static const char usage[] =
    "usage: roar-ebpf trace|check [--helper PATH] [--ring MIB] [--tier auto|fentry|base] [--variant auto|fast|compat] [--explain]\n"
    "       roar-ebpf --version\n";

struct options {
    const char *helper, *ring, *tier, *variant;
    uint32_t ring_size, tiers;
    int explain, wanted_variant;
};

static int parse_ring(struct options *options) {
    char *end;
    unsigned long size = strtoul(options->ring, &end, 10);

    if (*end || end == options->ring || size < LEAST_RING_MIB || size > MOST_RING_MIB || (size & (size - 1))) return -1;
    options->ring_size = (uint32_t)size << 20;
    return 0;
}

static int parse(struct options *options, int count, char **words) {
    *options = (struct options){NULL, "16", "auto", "auto", USUAL_RING_MIB << 20, ANY_TIER, 0, ANY_VARIANT};
    for (int i = 0; i < count; i++) {
        const char **value = !strcmp(words[i], "--helper") ? &options->helper
            : !strcmp(words[i], "--ring")                  ? &options->ring
            : !strcmp(words[i], "--tier")                  ? &options->tier
            : !strcmp(words[i], "--variant")               ? &options->variant
                                                           : NULL;
        if (!strcmp(words[i], "--explain")) options->explain = 1;
        else if (!value || ++i == count) return -1;
        else *value = words[i];
    }
    if (!strcmp(options->tier, "fentry")) options->tiers = TIER_FENTRY;
    else if (!strcmp(options->tier, "base")) options->tiers = TIER_BASE;
    else if (strcmp(options->tier, "auto")) return -1;
    if (!strcmp(options->variant, "fast")) options->wanted_variant = VARIANT_FAST;
    else if (!strcmp(options->variant, "compat")) options->wanted_variant = VARIANT_COMPAT;
    else if (strcmp(options->variant, "auto")) return -1;
    return parse_ring(options);
}

/* The installed copy takes this process over.  Returns only when it can't. */
static int become_helper(const char *mode, const struct options *options, struct fault *fault) {
    const char *words[] = {options->helper, mode,        "--ring",         options->ring, "--tier", options->tier,
                           "--variant",     options->variant, NULL};
    char *nothing[] = {NULL};

    execve(options->helper, (char **)(uintptr_t)words, nothing);
    return fail(fault, errno, "helper", "running %s", options->helper);
}

static int trace(const struct options *options) {
    static struct armed armed;
    static struct journal journal;
    struct fault fault;

    if (!talk_is_set_up()) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    become_quiet(FIRST_OWN);
    privilege_raise();
    if (options->helper && !privilege_suffices()) {
        become_helper("trace", options, &fault);
        talk_refuse(&fault);
        return EXIT_REFUSED;
    }
    int refused = privilege_take_place(&fault) || arm_prepare(&armed, options->ring_size, options->wanted_variant, &fault)
        || arm_first(&armed, options->tiers, &fault);
    privilege_drop();
    if (!refused) {
        arm_settle(&armed);
        refused = journal_begin(&journal, JOURNAL, &fault) || drain_until_gone(&armed, &journal, &fault);
    }
    if (refused) talk_refuse(&fault);
    talk_end();
    arm_leave(&armed, refused ? EXIT_REFUSED : EXIT_SUCCESS);
    return refused ? EXIT_REFUSED : EXIT_SUCCESS;
}

int main(int count, char **words) {
    struct options options;
    struct fault fault;

    if (privilege_was_gained()) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* before anything: nobody looks into this from now on */
    fill_standard_streams();
    if (geteuid() != getuid() || getegid() != getgid()) return EXIT_USAGE; /* set-user-id is not what this is made for */
    if (count == 2 && !strcmp(words[1], "--version")) return printf("roar-ebpf %d-%08x\n", PROTOCOL, object_checksum()) < 0;
    int is_trace = count > 1 && !strcmp(words[1], "trace"), is_check = count > 1 && !strcmp(words[1], "check");
    if (!(is_trace || is_check) || parse(&options, count - 2, words + 2)
        || (privilege_was_gained() && (options.helper || options.explain))) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (is_trace) return trace(&options);
    privilege_raise();
    if (options.helper && !privilege_suffices()) {
        become_helper("check", &options, &fault);
        fprintf(stderr, "%s: %s\n", fault.step, strerror((int)fault.error));
        return EXIT_REFUSED;
    }
    return check(options.ring_size, options.tiers, options.wanted_variant, options.explain);
}
