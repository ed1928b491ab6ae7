/* Does with the table of the loop in C what the lines of its input say, and prints what it finds: p NAME BITS, g NAME, c. */
#include "loop.h"

#include <stdio.h>

int main(void) {
    struct known known = { 0 };
    char what, name[256];
    unsigned bits;
    while (scanf(" %c", &what) == 1) {
        if (what == 'c')
            known_clear(&known);
        else if (scanf(" %255s", name) != 1)
            return 1;
        if (what == 'p' && (scanf(" %u", &bits) != 1 || known_put(&known, name, bits) < 0))
            return 1;
        if (what == 'g')
            printf("%u\n", known_get(&known, name));
    }
    known_clear(&known);
    return 0;
}
