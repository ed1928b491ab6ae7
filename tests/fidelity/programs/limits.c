/* Programs that come to their limits: limits WAY [NUMBER]. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int number_of(int *fds, const char *name) {
    int count = 0;
    while (count < 5000 && (fds[count] = open(name, O_RDONLY)) >= 0)
        count++;
    return count;
}

int main(int argc, char **argv) {
    static int fds[5000];
    const char *way = argc > 1 ? argv[1] : "";
    int number = argc > 2 ? atoi(argv[2]) : 0, wrong = 0;
    char block[1024];
    memset(block, 'x', sizeof block);
    if (!strcmp(way, "descriptors")) { /* how many, and what works when there are none left */
        int count = number_of(fds, "README");
        printf("%d, then: %s\n", count, strerror(errno));
        printf("created: %s\n", open("made", O_WRONLY | O_CREAT, 0600) < 0 ? strerror(errno) : "yes");
        printf("renamed: %d\n", rename("README", "other"));
        printf("linked: %d\n", link("other", "README"));
        printf("removed: %d\n", unlink("other"));
        for (int i = 0; i < count; i++)
            close(fds[i]);
        printf("again: %d\n", number_of(fds, "README"));
    } else if (!strcmp(way, "program")) { /* becomes one that can't open its libraries */
        number_of(fds, "README");
        execlp("true", "true", (char *)0);
    } else if (!strcmp(way, "file")) { /* KiB that go into a file, with and without the signal */
        signal(SIGXFSZ, number ? SIG_IGN : SIG_DFL);
        int out = open("made", O_WRONLY | O_CREAT | O_TRUNC, 0600), count = 0;
        while (count < 100000 && write(out, block, sizeof block) == sizeof block)
            count++;
        printf("%d, then: %s\n", count, strerror(errno));
    } else if (!strcmp(way, "opens")) {
        for (int i = 0; i < number; i++) {
            int fd = open("README", O_RDONLY);
            wrong += fd < 0;
            close(fd);
        }
        printf("%d wrong\n", wrong);
    } else if (!strcmp(way, "files")) {
        for (int i = 0; i < number; i++) {
            char name[32];
            snprintf(name, sizeof name, "made.%d", i);
            int fd = open(name, O_WRONLY | O_CREAT, 0600);
            wrong += fd < 0 || write(fd, block, 10) != 10;
            close(fd);
            wrong += unlink(name);
        }
        printf("%d wrong\n", wrong);
    } else if (!strcmp(way, "time")) {
        for (;;)
            ;
    } else if (!strcmp(way, "memory")) { /* MiB, to the nearest 16 */
        int count = 0;
        while (count < 100000 && mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            count++;
        printf("%d, then: %s; open: %d\n", count * 16, strerror(errno), open("README", O_RDONLY) >= 0);
    }
    return 0;
}
