/* Which identity and privileges a program has that was set-id or has capabilities. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "Uid", 3) || !strncmp(line, "Gid", 3) || !strncmp(line, "Cap", 3))
            fputs(line, stdout);
    printf("secure %lu, dumpable %d, can read: %d\n", getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE), open("README", O_RDONLY) >= 0);
    return 0;
}
