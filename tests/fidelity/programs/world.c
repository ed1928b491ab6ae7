/* What a process can ask about itself, as "fact: value" lines.  `world -- CMD ARG...` becomes CMD after the settings before it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

static void bytes(const char *fact, int number, const char *text) {
    printf("%s %d: ", fact, number);
    for (; *text; text++)
        printf(*text > ' ' && *text < 127 && *text != '\\' ? "%c" : "\\x%02x", (unsigned char)*text);
    putchar('\n');
}

/* Lines of /proc/self/status whose value is the process's own. */
static void status(void) {
    static const char *const taken[] = {"Umask", "TracerPid", "Uid", "Gid", "Groups", "Threads", "SigPnd", "ShdPnd", "SigBlk",
        "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
        "Speculation_Store_Bypass", "SpeculationIndirectBranch", "Cpus_allowed", "Mems_allowed", "THP_enabled", "VmLck"};
    char line[4096];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        size_t length = strcspn(line, ":");
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
            if (strlen(taken[i]) == length && !strncmp(taken[i], line, length))
                printf("%.*s: %s", (int)length, line, line + length + 2);
    }
    if (file)
        fclose(file);
}

static void whole(const char *path) {
    char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    printf("%s: ", path);
    if (n < 0)
        printf("errno %d", errno);
    for (ssize_t i = 0; i < n; i++)
        putchar(text[i] == '\n' ? '|' : text[i] ? text[i] : ' ');
    putchar('\n');
    if (fd >= 0)
        close(fd);
}

static void descriptors(void) {
    int found[1024], count = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder)) && count < 1024;)
        if (*entry->d_name != '.' && atoi(entry->d_name) != dirfd(folder))
            found[count++] = atoi(entry->d_name);
    if (folder)
        closedir(folder);
    for (int i = 0; i < count; i++) {
        char link[64], name[PATH_MAX + 1] = "";
        struct stat s;
        int fd = found[i];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, name, PATH_MAX) < 0 || fstat(fd, &s) < 0)
            continue;
        if (*name != '/')
            *strpbrk(name, ":") = 0; /* pipe:[123]: the number is another each time */
        printf("descriptor %d: %s mode %o flags %o cloexec %d offset %ld\n", fd, name, s.st_mode & S_IFMT,
            fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), S_ISREG(s.st_mode) ? (long)lseek(fd, 0, SEEK_CUR) : 0L);
        if (isatty(fd))
            printf("terminal %d: foreground %d session %d\n", fd, tcgetpgrp(fd) == getpgrp(), tcgetsid(fd) == getsid(0));
    }
}

static void settings(void) {
    int number = 0;
    printf("PDEATHSIG: %d\n", (prctl(PR_GET_PDEATHSIG, &number), number));
    printf("CHILD_SUBREAPER: %d\n", (prctl(PR_GET_CHILD_SUBREAPER, &number), number));
    printf("DUMPABLE: %d\n", prctl(PR_GET_DUMPABLE));
    printf("KEEPCAPS: %d\n", prctl(PR_GET_KEEPCAPS));
    printf("SECUREBITS: %d\n", prctl(PR_GET_SECUREBITS));
    printf("TIMERSLACK: %d\n", prctl(PR_GET_TIMERSLACK));
    printf("THP_DISABLE: %d\n", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    printf("NO_NEW_PRIVS: %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    printf("TSC: %d\n", (prctl(PR_GET_TSC, &number), number));
    for (int which = 0; which < 3; which++)
        printf("speculation %d: %d\n", which, prctl(PR_GET_SPECULATION_CTRL, which, 0, 0, 0));
    printf("personality: %x\n", personality(0xffffffff));
    for (int which = 0; which < RLIM_NLIMITS; which++) {
        struct rlimit limit;
        getrlimit(which, &limit);
        printf("limit %d: %lld %lld\n", which, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    for (int which = 0; which < 3; which++) {
        struct itimerval timer;
        getitimer(which, &timer);
        printf("timer %d: %d\n", which, timer.it_value.tv_sec || timer.it_value.tv_usec);
    }
    struct sched_param parameters;
    stack_t stack;
    sched_getparam(0, &parameters);
    sigaltstack(0, &stack);
    printf("nice: %d\npolicy: %d %d\nionice: %ld\nsignal stack: %d\n", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0),
        parameters.sched_priority, syscall(SYS_ioprio_get, 1, 0), stack.ss_flags);
    printf("secure: %lu\nname of execve: %s\n", getauxval(AT_SECURE), (char *)getauxval(AT_EXECFN));
}

static void relations(void) {
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
    printf("session is the parent's: %d\n", getsid(0) == getsid(getppid()));
    printf("group is the parent's: %d\n", getpgrp() == getpgid(getppid()));
    printf("leads its session: %d\n", getsid(0) == getpid());
    printf("leads its group: %d\n", getpgrp() == getpid());
    printf("terminal: %d\n", tty >= 0);
    if (tty >= 0)
        close(tty);
}

/* SETTING=VALUE words before "--": what is set before the command is started. */
static void set(const char *word) {
    const char *value = strchr(word, '=') + 1;
    int number = atoi(value);
    struct rlimit limit = {number, number};
    if (!strncmp(word, "slack=", 6))
        prctl(PR_SET_TIMERSLACK, number);
    else if (!strncmp(word, "dumpable=", 9))
        prctl(PR_SET_DUMPABLE, number);
    else if (!strncmp(word, "new=", 4))
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    else if (!strncmp(word, "thp=", 4))
        prctl(PR_SET_THP_DISABLE, number, 0, 0, 0);
    else if (!strncmp(word, "personality=", 12))
        personality(number);
    else if (!strncmp(word, "core=", 5))
        setrlimit(RLIMIT_CORE, &limit);
    else if (!strncmp(word, "locks=", 6))
        setrlimit(RLIMIT_MEMLOCK, &limit);
    else if (!strncmp(word, "queue=", 6))
        setrlimit(RLIMIT_MSGQUEUE, &limit);
    else if (!strncmp(word, "pending=", 8))
        setrlimit(RLIMIT_SIGPENDING, &limit);
    else
        exit(125);
}

int main(int argc, char **argv, char **env) {
    int command = 1;
    while (command < argc && strcmp(argv[command], "--"))
        command++;
    if (command < argc) {
        for (int i = 1; i < command; i++)
            set(argv[i]);
        execvp(argv[command + 1], argv + command + 1);
        return 127;
    }
    descriptors(); /* first: stdio opens none, but what follows might */
    for (int i = 0; i < argc; i++)
        bytes("word", i, argv[i]);
    for (int i = 0; env[i]; i++)
        bytes("variable", i, env[i]);
    status();
    settings();
    relations();
    static const char *const files[] = {"/proc/self/oom_score_adj", "/proc/self/coredump_filter", "/proc/self/comm",
        "/proc/self/cmdline", "/proc/self/cgroup", "/proc/self/attr/current", "/proc/self/loginuid"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        whole(files[i]);
    static const char *const links[] = {"cwd", "root", "exe", "ns/mnt", "ns/pid", "ns/pid_for_children", "ns/user", "ns/net",
        "ns/ipc", "ns/uts", "ns/cgroup", "ns/time"};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char path[64], name[PATH_MAX + 1] = "";
        snprintf(path, sizeof path, "/proc/self/%s", links[i]);
        if (readlink(path, name, PATH_MAX) >= 0)
            printf("link %s: %s\n", links[i], name);
    }
    char cwd[PATH_MAX];
    printf("directory: %s\n", getcwd(cwd, sizeof cwd) ? cwd : strerror(errno));
    return 0;
}
