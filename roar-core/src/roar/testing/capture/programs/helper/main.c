/* helper MODE: looks the mode up and runs it. */
#include "modes.h"

static const struct mode *const tables[] = {opening, contents, naming,  directories, processes, threads,
                                            descriptors, failing, limits, confined, ring};

int main(int count, char **words) {
    for (size_t i = 0; count > 1 && i < sizeof tables / sizeof *tables; i++) {
        for (const struct mode *mode = tables[i]; mode->name; mode++) {
            if (strcmp(mode->name, words[1])) continue;
            mode->run();
            return 0;
        }
    }
    fprintf(stderr, "no such mode\n");
    return 2;
}
