/* Ways to open a file that exists, or that is made by it. */
#include "modes.h"
#include <linux/openat2.h>
#include <sys/mman.h>

static void rdwr_read(void) {
    char b[9];
    int f = open("a", O_RDWR);
    MUST(f >= 0 && read(f, b, 1) == 1);
}
static void rdwr_write(void) {
    int f = open("a", O_RDWR);
    MUST(f >= 0 && pwrite(f, "Z", 1, 0) == 1);
}
static void rdwr_trunc(void) {
    char b[9];
    int f = open("a", O_RDWR | O_TRUNC);
    MUST(f >= 0 && write(f, "Z", 1) == 1 && lseek(f, 0, 0) == 0 && read(f, b, 1) == 1);
}
static void rdonly_trunc(void) { MUST(open("a", O_RDONLY | O_TRUNC) >= 0); }
static void wronly_nothing(void) { MUST(open("a", O_WRONLY) >= 0); }
static void wronly_overwrite(void) {
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && write(f, "Z", 1) == 1);
}
static void neither_reads_nor_writes(void) { /* access mode 3: only ioctl(2) may be done with it */
    char b;
    int f = open("a", 3);
    MUST(f >= 0);
    FAILS(read(f, &b, 1), EBADF);
    FAILS(write(f, "x", 1), EBADF);
}
static void creat_existing(void) { MUST(creat("a", 0644) >= 0); }
static void creat64_new(void) { MUST(creat64("out", 0644) >= 0); }
static void excl_new(void) {
    int f = open("out", O_RDWR | O_CREAT | O_EXCL, 0644);
    MUST(f >= 0 && write(f, "x", 1) == 1);
}
static void rdonly_creat(void) { MUST(open("out", O_RDONLY | O_CREAT, 0644) >= 0); }
static void rdonly_creat_existing(void) {
    char b;
    int f = open("a", O_RDONLY | O_CREAT, 0644);
    MUST(f >= 0 && read(f, &b, 1) == 1);
}
static void many_flags(void) {
    char b;
    int f = open("a", O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_DSYNC | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
    MUST(f >= 0 && read(f, &b, 1) == 1);
}
static void append_and_read(void) {
    char b;
    int f = open("a", O_RDWR | O_APPEND);
    MUST(f >= 0 && write(f, "x", 1) == 1 && lseek(f, 0, 0) == 0 && read(f, &b, 1) == 1);
}
static void o_path(void) { MUST(open("a", O_PATH) >= 0); }
static void reopen(void) { MUST(open(by_number(PROC_FD, open("a", O_PATH)), O_RDONLY) >= 0); }
static void reopen_to_write(void) {
    int f = open(by_number(PROC_FD, open("a", O_PATH)), O_WRONLY | O_TRUNC);
    MUST(f >= 0 && write(f, "x", 1) == 1);
}
static void reopen_by_dev_fd(void) { MUST(get(by_number("/dev/fd", open("a", O_PATH)))); }
static void reopen_relative(void) {
    int f = open("a", O_PATH), d = open(PROC_FD, O_RDONLY | O_DIRECTORY);
    char number[16];
    snprintf(number, sizeof number, "%d", f);
    MUST(openat(d, number, O_RDONLY) >= 0);
}
static void reopen_the_parents(void) {
    char place[64];
    int f = open("a", O_PATH);
    snprintf(place, sizeof place, "/proc/%d/fd", (int)getpid());
    const char *path = by_number(place, f);
    pid_t p = fork();
    if (!p) {
        close(f);
        MUST(get(path));
        _exit(0);
    }
    MUST(ended_well(p));
}
static void reopen_unlinked(void) { /* what has no name any more is still a file from before */
    int f = open("a", O_PATH);
    MUST(!unlink("a") && open(by_number(PROC_FD, f), O_RDONLY) >= 0);
}
static void proc_cwd(void) { MUST(get("/proc/self/cwd/a") && put("/proc/self/cwd/out", "x")); }
static void proc_thread_cwd(void) { MUST(get("/proc/thread-self/cwd/sub/x")); }
static void proc_root(void) {
    char here[4096], path[5000];
    MUST(getcwd(here, sizeof here));
    snprintf(path, sizeof path, "/proc/self/root%s/a", here);
    MUST(get(path));
}
static void end_of_page(void) { /* the name ends where memory does */
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(!munmap(p + 4096, 4096));
    memcpy(p + 4094, "a", 2);
    MUST(open(p + 4094, O_RDONLY) >= 0);
}
static void across_pages(void) { /* the name is in two pages */
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(p + 4093, "sub/x", 6);
    MUST(open(p + 4093, O_RDONLY) >= 0);
}
static void longest_name(void) { /* 4095 bytes */
    char path[4096];
    for (int i = 0; i < 4094; i += 2) memcpy(path + i, "./", 2);
    memcpy(path + 4094, "a", 2);
    MUST(strlen(path) == 4095 && get(path));
}
static void dots_and_slashes(void) { MUST(get("sub/../sub/.././//a") && put(".//sub/./../sub//y", "x")); }
static void dotdot_after_a_link(void) { /* deep -> d/e: deep/.. is d, not here */
    MUST(!mkdir("d", 0755) && !mkdir("d/e", 0755) && !symlink("d/e", "deep") && put("deep/../f", "x") && get("way/../a"));
}

/* ---- openat2(2) */

static int how(int dir, const char *path, unsigned long long flags, unsigned long long resolve) {
    struct open_how h = {.flags = flags, .mode = flags & O_CREAT ? 0644 : 0, .resolve = resolve};
    return (int)syscall(SYS_openat2, dir, path, &h, sizeof h);
}
static void openat2_read(void) { MUST(how(AT_FDCWD, "a", O_RDONLY, 0) >= 0); }
static void openat2_create(void) { MUST(how(AT_FDCWD, "out", O_WRONLY | O_CREAT, 0) >= 0); }
static void openat2_beneath(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(how(d, "x", O_RDONLY, RESOLVE_BENEATH) >= 0 && how(d, "y", O_WRONLY | O_CREAT, RESOLVE_BENEATH) >= 0);
    FAILS(how(d, "../a", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    FAILS(how(d, "/etc/passwd", O_RDONLY, RESOLVE_BENEATH), EXDEV);
}
static void openat2_in_root(void) { /* / and .. are the directory's */
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(how(d, "/x", O_RDONLY, RESOLVE_IN_ROOT) >= 0 && how(d, "/../../y", O_WRONLY | O_CREAT, RESOLVE_IN_ROOT) >= 0);
    FAILS(how(d, "../a", O_RDONLY, RESOLVE_IN_ROOT), ENOENT);
}
static void openat2_in_root_overwrite(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    int f = how(d, "/../x", O_WRONLY | O_TRUNC, RESOLVE_IN_ROOT);
    MUST(f >= 0 && write(f, "n", 1) == 1);
}
static void openat2_no_symlinks(void) {
    MUST(how(AT_FDCWD, "a", O_RDONLY, RESOLVE_NO_SYMLINKS) >= 0);
    FAILS(how(AT_FDCWD, "old", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    FAILS(how(AT_FDCWD, "way/x", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
}
static void openat2_no_magiclinks(void) { FAILS(how(AT_FDCWD, by_number(PROC_FD, open("a", O_PATH)), O_RDONLY, RESOLVE_NO_MAGICLINKS), ELOOP); }
static void openat2_no_xdev(void) {
    MUST(how(AT_FDCWD, "a", O_RDONLY, RESOLVE_NO_XDEV) >= 0);
    FAILS(how(AT_FDCWD, "/proc/self/cwd/b", O_RDONLY, RESOLVE_NO_XDEV), EXDEV);
}
static void openat2_cached(void) { /* only what the kernel has in its cache: after the first open, both */
    MUST(get("a"));
    int f = how(AT_FDCWD, "a", O_RDONLY, RESOLVE_CACHED);
    MUST(f >= 0 || errno == EAGAIN || errno == EINVAL);
}
static void openat2_larger_struct(void) {
    struct { struct open_how how; char more[16]; } h = {.how.flags = O_RDONLY};
    MUST(syscall(SYS_openat2, AT_FDCWD, "a", &h, sizeof h) >= 0);
    h.more[3] = 1;
    FAILS(syscall(SYS_openat2, AT_FDCWD, "b", &h, sizeof h), E2BIG);
}
static void openat2_refused(void) {
    FAILS(how(AT_FDCWD, "a", O_RDONLY, 1ull << 40), EINVAL);
    FAILS(how(AT_FDCWD, "b", 1ull << 40, 0), EINVAL);
    struct open_how h = {.flags = O_RDONLY};
    FAILS(syscall(SYS_openat2, AT_FDCWD, "a", &h, 8), EINVAL);
    FAILS(syscall(SYS_openat2, AT_FDCWD, "a", (void *)8, sizeof h), EFAULT);
}

/* ---- other ways */

static void by_syscall(void) {
#ifdef ONLY_AT
    MUST(syscall(SYS_openat, AT_FDCWD, "a", O_RDONLY) >= 0);
#else
    MUST(syscall(SYS_open, "a", O_RDONLY) >= 0);
#endif
    MUST(syscall(SYS_openat, AT_FDCWD, "out", O_WRONLY | O_CREAT, 0644) >= 0);
    MUST(!syscall(SYS_renameat2, AT_FDCWD, "out", AT_FDCWD, "out2", 0));
}
static void creat_by_syscall(void) {
#ifdef ONLY_AT
    MUST(creat("out", 0644) >= 0);
#else
    MUST(syscall(SYS_creat, "t", 0644) >= 0 && !syscall(SYS_rename, "t", "out"));
#endif
}
static int by_handle(const char *path, int flags) {
    struct { struct file_handle head; char body[128]; } h = {.head.handle_bytes = 128};
    int mount, failed = name_to_handle_at(AT_FDCWD, path, &h.head, &mount, 0);
    if (failed && errno == EOPNOTSUPP) return open(path, flags); /* this file system has none */
    MUST(!failed);
    return open_by_handle_at(AT_FDCWD, &h.head, flags);
}
static void handle(void) { MUST(by_handle("a", O_RDONLY) >= 0); }
static void handle_written(void) {
    int f = by_handle("a", O_WRONLY | O_TRUNC);
    MUST(f >= 0 && write(f, "x", 1) == 1);
}
static void dirfd_(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(d >= 0 && openat(d, "x", O_RDONLY) >= 0 && openat(d, "y", O_WRONLY | O_CREAT, 0644) >= 0);
    MUST(!renameat(d, "y", AT_FDCWD, "z"));
}
static void dirfd_is_ignored(void) { /* an absolute name needs none */
    char here[4096], path[5000];
    MUST(getcwd(here, sizeof here));
    snprintf(path, sizeof path, "%s/a", here);
    MUST(openat(-99, path, O_RDONLY) >= 0);
}
static void dirfd_by_o_path(void) {
    int d = open("sub", O_PATH);
    MUST(openat(d, "../b", O_RDONLY) >= 0 && openat(d, "x", O_RDONLY) >= 0);
}
static void fopen_modes(void) {
    FILE *f;
    MUST((f = fopen("a", "r+e")) && fgetc(f) == 'a' && !fclose(f));
    MUST((f = fopen("b", "a")) && fputs("more", f) >= 0 && !fclose(f));
    MUST((f = fopen("out", "wx")) && fputs("new", f) >= 0 && !fclose(f));
    MUST(!fopen("out", "wx"));
    MUST((f = fopen("sub/x", "w+")) && fputs("new", f) >= 0 && !fclose(f));
}
static void fopen64_modes(void) {
    FILE *f;
    MUST((f = fopen64("a", "rm")) && fgetc(f) == 'a' && !fclose(f));
    MUST((f = fopen64("b", "a+")) && fgetc(f) == 'b' && fputs("x", f) >= 0 && !fclose(f));
    MUST(!fopen64("absent", "r") && !fopen64("absent", "r+"));
}
static void freopened(void) {
    MUST(freopen("a", "r", stdin) && getchar() == 'a' && freopen("out", "w", stdout));
    puts("x");
}
static void freopened_without_a_name(void) { /* the same file in another mode */
    FILE *f = fopen("a", "r");
    MUST(f && fgetc(f) == 'a');
    MUST((f = freopen(0, "r+", f)) && !fseek(f, 0, SEEK_SET) && fputc('Z', f) == 'Z' && !fclose(f));
}
static void many_temporaries(void) {
    char one[] = "oneXXXXXX", two[] = "twoXXXXXX.txt";
    MUST(mkstemp(one) >= 0 && !rename(one, "out"));
    MUST(mkstemps(two, 4) >= 0 && !unlink(two));
    FILE *f = tmpfile();
    MUST(f && fputs("x", f) >= 0);
}

const struct mode opening[] = {
    MODE(rdwr_read), MODE(rdwr_write), MODE(rdwr_trunc), MODE(rdonly_trunc), MODE(wronly_nothing), MODE(wronly_overwrite),
    MODE(neither_reads_nor_writes), MODE(creat_existing), MODE(creat64_new), MODE(excl_new), MODE(rdonly_creat),
    MODE(rdonly_creat_existing), MODE(many_flags), MODE(append_and_read), MODE(o_path), MODE(reopen), MODE(reopen_to_write),
    MODE(reopen_by_dev_fd), MODE(reopen_relative), MODE(reopen_the_parents), MODE(reopen_unlinked), MODE(proc_cwd),
    MODE(proc_thread_cwd), MODE(proc_root), MODE(end_of_page), MODE(across_pages), MODE(longest_name), MODE(dots_and_slashes),
    MODE(dotdot_after_a_link), MODE(openat2_read), MODE(openat2_create), MODE(openat2_beneath), MODE(openat2_in_root),
    MODE(openat2_in_root_overwrite), MODE(openat2_no_symlinks), MODE(openat2_no_magiclinks), MODE(openat2_no_xdev),
    MODE(openat2_cached), MODE(openat2_larger_struct), MODE(openat2_refused), MODE(by_syscall), MODE(creat_by_syscall),
    MODE(handle), MODE(handle_written), MODE(dirfd_), MODE(dirfd_is_ignored), MODE(dirfd_by_o_path), MODE(fopen_modes),
    MODE(fopen64_modes), MODE(freopened), MODE(freopened_without_a_name), MODE(many_temporaries), NO_MORE,
};
