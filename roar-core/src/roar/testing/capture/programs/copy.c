/* Does a little real work by libc, whatever else is odd about the program: reads `a`, writes `out`. */
#include <stdio.h>

int main(void) {
    char text[64];
    FILE *from = fopen("a", "r"), *to = fopen("out", "w");
    if (!from || !to || !fgets(text, sizeof text, from) || fputs(text, to) < 0 || fclose(to)) return 9;
    puts("done");
    return 0;
}
