/* Raw system calls and the few string routines that the shim needs.
 *
 * Nothing here touches errno, the heap, stdio or thread-local storage, so all of it may run in a signal handler, in a
 * vfork child, or before libc is initialised.  Results are -errno on failure, as the kernel gives them. */
#ifndef ROAR_SYS_H
#define ROAR_SYS_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#if defined(__x86_64__)
#define ROAR_MACHINE 62 /* EM_X86_64 */
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
#define ROAR_MACHINE 183 /* EM_AARCH64 */
static inline long sys6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "roar preload: sys6() and ROAR_MACHINE are not written for this architecture"
#endif

/* SYS(number, up to six arguments) */
#define SYS(n, ...) SYS_PADDED(n, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_PADDED(n, a, b, c, d, e, f, ...) sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* mmap(2) returns an address or -errno in the same word */
static inline int is_mapped(long address) { return !(address < 0 && address > -4096); }

/* the part of struct stat that matters; times in nanoseconds since the epoch */
struct file_state {
    u32 mode, links, uid, gid;
    u64 dev, ino, size, mtime, ctime;
};

/* fstatat(2) into `st`; an empty path with AT_EMPTY_PATH is fstat(2) of dirfd.  0 or -errno. */
int sys_stat(int dirfd, const char *path, int at_flags, struct file_state *st);

static inline size_t str_len(const char *s) {
    size_t n = 0;
    while (s[n]) n++;
    return n;
}

static inline void mem_copy(void *to, const void *from, size_t n) {
    char *a = to;
    const char *b = from;
    for (; n >= 8; n -= 8, a += 8, b += 8) __builtin_memcpy(a, b, 8);
    while (n--) *a++ = *b++;
}

static inline int mem_equal(const void *x, const void *y, size_t n) {
    const char *a = x, *b = y;
    while (n--)
        if (*a++ != *b++) return 0;
    return 1;
}

static inline int str_equal(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

static inline int has_prefix(const char *s, const char *prefix) {
    while (*prefix)
        if (*s++ != *prefix++) return 0;
    return 1;
}

/* Not null, not in the page that is never mapped, not an error code or an address of the kernel's: such a pointer is the
 * program's to pass, and the kernel's to refuse with EFAULT. */
static inline int may_be_text(const char *s) { return (unsigned long)s >= 4096 && (long)s > 0; }

#endif
