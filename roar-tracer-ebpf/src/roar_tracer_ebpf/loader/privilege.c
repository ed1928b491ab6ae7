/* Capabilities by system call: libcap isn't everywhere. */
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { SYS_RESOURCE = 24, SYS_ADMIN = 21, PERFMON = 38, BPF = 39 }; /* older headers lack the last two */
enum { CLOSE_RANGE = 436 };                                         /* since 5.9, one number everywhere */
enum { PLACES = 32 };
static const uint64_t useful = 1ull << BPF | 1ull << PERFMON | 1ull << SYS_RESOURCE;

struct sets { uint64_t effective, permitted; };

static struct sets get(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    memset(data, 0, sizeof data);
    syscall(SYS_capget, &header, data);
    return (struct sets){
        (uint64_t)data[1].effective << 32 | data[0].effective,
        (uint64_t)data[1].permitted << 32 | data[0].permitted,
    };
}

static int set(struct sets sets) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)sets.effective, (uint32_t)sets.permitted, 0},
        {(uint32_t)(sets.effective >> 32), (uint32_t)(sets.permitted >> 32), 0},
    };
    return (int)syscall(SYS_capset, &header, data);
}

/* AT_SECURE alone isn't enough: a security module may set it for a program that root runs. */
int privilege_was_gained(void) {
    static int answer = -1;

    if (answer < 0) answer = getauxval(AT_SECURE) && !(get().permitted >> SYS_ADMIN & 1);
    return answer;
}

void privilege_raise(void) {
    static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    struct sets sets = get();

    sets.effective |= sets.permitted & useful;
    set(sets);
    if (kernel_is_before(5, 11)) setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

int privilege_suffices(void) {
    static const uint64_t both = 1ull << BPF | 1ull << PERFMON;
    uint64_t effective = get().effective;

    return (effective & both) == both || (effective >> SYS_ADMIN & 1);
}

const char *privilege_advice(int error) {
    char modes[128];

    if (error != EPERM) return "";
    if (!privilege_suffices()) return "caps";
    int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, modes, sizeof modes - 1) : 0;
    if (fd >= 0) close(fd);
    modes[size > 0 ? size : 0] = 0;
    if (strstr(modes, "[confidentiality]")) return "lockdown";
    return kernel_is_before(5, 11) ? "memlock" : ""; /* beyond the limit it was EPERM */
}

void privilege_drop(void) {
    if (!privilege_was_gained()) return;
    if (set((struct sets){0, 0}) || get().permitted || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(70);
}

int name_take(const char *prefix, unsigned number) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* an abstract name: it begins with a zero */
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "roar-ebpf/%s/%u", prefix, number);

    if (fd < 0) return -1;
    if (!bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length))) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int privilege_take_place(struct fault *fault) {
    char user[16];

    if (!privilege_was_gained()) return 0;
    snprintf(user, sizeof user, "%u", (unsigned)getuid());
    for (unsigned i = 0; i < PLACES; i++) {
        if (name_take(user, i) >= 0) return 0;
        if (errno != EADDRINUSE) break;
    }
    return fail(fault, errno == EADDRINUSE ? EUSERS : errno, "sessions", "taking one of the %d places that a user's runs have", PLACES);
}

void fill_standard_streams(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) _exit(70);
}

static void close_from(int first) {
    struct rlimit limit;

    if (!syscall(CLOSE_RANGE, first, ~0u, 0)) return;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    /* descriptors may be above a limit that was lowered later: those stay, and hurt nobody but their owner */
    for (rlim_t fd = (rlim_t)first; fd < limit.rlim_cur && fd < 1 << 20; fd++) close((int)fd);
}

void become_quiet(int first_closed) {
    struct rlimit limit;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    close_from(first_closed);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++) dup2(null, fd);
    if (null >= 3) close(null);
    if (chdir("/")) { /* it stays where it is: a file system that can't be unmounted for that long */
    }
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int kernel_is_before(int major, int minor) {
    struct utsname name;
    char *rest;

    if (uname(&name)) return 0;
    long is_major = strtol(name.release, &rest, 10), is_minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return is_major < major || (is_major == major && is_minor < minor);
}
