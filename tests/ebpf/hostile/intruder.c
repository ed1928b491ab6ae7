/* What a hostile user tries on a session that it has started: looks into its process, takes its descriptors, and reaches for
 * the machine's BPF objects.  Prints a line for each attempt: its name, and the errno (0: it got through).
 *
 *     intruder PID [process]    with a second word, the process alone */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>

static void tell(const char *what, long result) {
    printf("%s %d\n", what, result < 0 ? errno : 0);
}

static void open_of(int pid, const char *what, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
    int fd = open(path, flags);
    tell(what, fd);
    if (fd >= 0) close(fd);
}

static void steal_descriptors(int pid) {
    int pidfd = (int)syscall(434, pid, 0), stolen = 0;
    tell("pidfd_open", pidfd);
    for (int fd = 0; fd < 64; fd++)
        if (syscall(438, pidfd, fd, 0) >= 0) stolen++;
    printf("stolen %d\n", stolen);
}

static void look_into(int pid) {
    char buffer[16];
    struct iovec ours = {buffer, sizeof buffer}, its = {(void *)0x10000, sizeof buffer};
    struct perf_event_attr sampling = {.type = PERF_TYPE_SOFTWARE, .size = sizeof sampling, .exclude_kernel = 1};

    tell("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
    tell("process_vm_readv", process_vm_readv(pid, &ours, 1, &its, 1, 0));
    tell("perf_event_open", syscall(SYS_perf_event_open, &sampling, pid, -1, -1, 0));
    open_of(pid, "mem", O_RDWR);
    open_of(pid, "maps", O_RDONLY);
    open_of(pid, "environ", O_RDONLY);
    open_of(pid, "fd", O_RDONLY | O_DIRECTORY);
    open_of(pid, "exe", O_RDONLY);
}

static long bpf(int command, union bpf_attr *attributes) {
    return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* Any program, map or link of the machine. */
static void reach(const char *what, int next, int by_id) {
    union bpf_attr attributes;
    int reached = 0;

    for (uint32_t id = 1; id < 20000; id++) {
        memset(&attributes, 0, sizeof attributes);
        attributes.prog_id = id; /* map_id and link_id are the same field */
        if (bpf(by_id, &attributes) >= 0) reached++;
    }
    memset(&attributes, 0, sizeof attributes);
    tell(what, reached ? 0 : next < 0 ? -1 : bpf(next, &attributes));
}

int main(int count, char **words) {
    int pid = count > 1 ? atoi(words[1]) : 0;

    look_into(pid);
    steal_descriptors(pid);
    if (count > 2) return 0;
    reach("programs", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
    reach("maps", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
    reach("links", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID);
    return 0;
}
