/* Ways to change or copy what is in a file. */
#include "modes.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define NEW(path) open64(path, O_WRONLY | O_CREAT, 0644)

static char *mapped(int f, int protection, int kind) {
    char *m = mmap(0, 1, protection, kind, f, 0);
    MUST(m != MAP_FAILED);
    return m;
}
static void mmap_write(void) { *mapped(open("a", O_RDWR), PROT_READ | PROT_WRITE, MAP_SHARED) = 'Q'; }
static void mmap_write_after_close(void) {
    int f = open("a", O_RDWR);
    char *m = mapped(f, PROT_READ | PROT_WRITE, MAP_SHARED);
    MUST(!close(f));
    *m = 'Q';
    MUST(!munmap(m, 1));
}
static void mmap_write_by_child(void) {
    char *m = mapped(open("a", O_RDWR), PROT_READ | PROT_WRITE, MAP_SHARED);
    pid_t p = fork();
    if (!p) {
        *m = 'Q';
        _exit(0);
    }
    MUST(ended_well(p));
}
static void mmap_write_new(void) {
    int f = open("out", O_RDWR | O_CREAT, 0644);
    MUST(!ftruncate(f, 4096));
    memcpy(mapped(f, PROT_READ | PROT_WRITE, MAP_SHARED), "text", 4);
}
static void mmap_private(void) { *mapped(open("a", O_RDONLY), PROT_READ | PROT_WRITE, MAP_PRIVATE) = 'Q'; }
static void mmap_shared_read(void) {
    char *m = mapped(open("a", O_RDWR), PROT_READ, MAP_SHARED);
    MUST(*m == 'a' && !munmap(m, 1));
}
static void mprotect_write(void) {
    int f = open("a", O_RDWR);
    char *m = mapped(f, PROT_READ, MAP_SHARED);
    close(f);
    MUST(!mprotect(m, 1, PROT_READ | PROT_WRITE));
    *m = 'Q';
}
static void remapped_write(void) {
    int f = open("a", O_RDWR);
    char *m = mapped(f, PROT_READ | PROT_WRITE, MAP_SHARED);
    close(f);
    MUST((m = mremap(m, 4096, 8192, MREMAP_MAYMOVE)) != MAP_FAILED);
    *m = 'Q';
}
static void truncate_zero(void) { MUST(!truncate("a", 0)); }
static void truncate_shorter(void) { MUST(!truncate("a", 2)); }
static void truncate_longer(void) { MUST(!truncate64("a", 5000)); }
static void truncate_through_a_link(void) { MUST(!truncate("old", 3)); }
static void ftruncate_(void) {
    int f = open("a", O_RDWR);
    MUST(!ftruncate(f, 1));
}
static void ftruncate_zero(void) {
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && !ftruncate64(f, 0));
}
static void times_set_back(void) {
    struct stat s;
    MUST(!stat("a", &s));
    int f = open("a", O_WRONLY);
    MUST(pwrite(f, "B", 1, 0) == 1);
    struct timespec t[2] = {s.st_atim, s.st_mtim};
    MUST(!futimens(f, t));
}
static void times_only(void) {
    struct timeval t[2] = {{5, 5}, {5, 5}};
    MUST(!utimes("a", t) && !chmod("a", 0600));
    setxattr("a", "user.note", "x", 1, 0); /* where the file system has them */
}
static void writes_nothing(void) {
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && write(f, "", 0) == 0);
}
static void writes_the_same(void) {
    int f = open("a", O_RDWR);
    char b[6];
    MUST(read(f, b, 6) == 6 && pwrite(f, b, 6, 0) == 6);
}
static void writes_in_pieces(void) {
    struct iovec v[2] = {{"one", 3}, {"two", 3}};
    int f = NEW("out"), g = open("a", O_WRONLY);
    MUST(writev(f, v, 2) == 6 && pwritev(f, v, 2, 6) == 6 && pwritev2(g, v, 1, 1, 0) == 3);
}
static void fallocate_new(void) {
    int f = NEW("out");
    MUST(f >= 0 && !posix_fallocate(f, 0, 4096));
}
static void hole_punched(void) {
    int f = open("a", O_WRONLY);
    MUST(f >= 0 && !fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3));
}
static void copy_range(void) {
    int f = open("a", O_RDONLY), g = NEW("out"), h = NEW("out2");
    MUST(copy_file_range(f, 0, g, 0, 100, 0) >= 0);
    lseek(f, 0, 0);
    MUST(sendfile(h, f, 0, 100) >= 0);
}
static void copy_range_into_itself(void) {
    off64_t from = 0, to = 3;
    int f = open("a", O_RDWR);
    MUST(copy_file_range(f, &from, f, &to, 3, 0) == 3);
}
static void spliced(void) {
    int f = open("a", O_RDONLY), g = NEW("out"), h = NEW("out2"), p[2], q[2];
    MUST(!pipe(p) && !pipe(q));
    MUST(splice(f, 0, p[1], 0, 100, 0) > 0 && tee(p[0], q[1], 100, 0) > 0);
    MUST(splice(p[0], 0, g, 0, 100, 0) > 0 && splice(q[0], 0, h, 0, 100, 0) > 0);
}
static void vmspliced(void) {
    struct iovec v = {"from memory", 11};
    int g = NEW("out"), p[2];
    MUST(!pipe(p) && vmsplice(p[1], &v, 1, 0) == 11 && splice(p[0], 0, g, 0, 100, 0) == 11);
}
static void large_offsets(void) {
    int f = NEW("out");
    MUST(lseek64(f, 5000000000ll, SEEK_SET) == 5000000000ll && write(f, "x", 1) == 1 && !ftruncate64(f, 10));
}

const struct mode contents[] = {
    MODE(mmap_write), MODE(mmap_write_after_close), MODE(mmap_write_by_child), MODE(mmap_write_new), MODE(mmap_private),
    MODE(mmap_shared_read), MODE(mprotect_write), MODE(remapped_write), MODE(truncate_zero), MODE(truncate_shorter),
    MODE(truncate_longer), MODE(truncate_through_a_link), MODE(ftruncate_), MODE(ftruncate_zero), MODE(times_set_back),
    MODE(times_only), MODE(writes_nothing), MODE(writes_the_same), MODE(writes_in_pieces), MODE(fallocate_new), MODE(hole_punched),
    MODE(copy_range), MODE(copy_range_into_itself), MODE(spliced), MODE(vmspliced), MODE(large_offsets), NO_MORE,
};
