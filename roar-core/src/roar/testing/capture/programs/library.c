/* A library that opens files when it is asked to, and when it is used by a program of its own name. */
#include <fcntl.h>
#include <unistd.h>

void copies(void) {
    char text[64];
    int from = open("a", O_RDONLY), to = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    long size = read(from, text, sizeof text);
    if (write(to, text, size) != size) _exit(9);
}
