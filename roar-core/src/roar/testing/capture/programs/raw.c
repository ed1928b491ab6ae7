/* raw MODE: calls the kernel itself, past libc.
 *
 * ENTRY says how: 64 by `syscall`, 80 by `int $0x80` (the i386 numbers, also from a 64-bit program), 32 by `syscall` with the
 * x32 numbers.  FREESTANDING: without libc.  GO: with the note that Go's linker writes.  Strings and structures are static:
 * int $0x80 takes only addresses of 32 bits. */
#ifdef GO
__asm__(".section .note.go.buildid,\"a\"\n.long 4, 4, 4\n.asciz \"Go\"\n.byte 0\n.long 0\n.previous");
#endif

#if ENTRY == 80
enum { READ = 3, WRITE = 4, OPEN = 5, CLOSE = 6, CREAT = 8, LINK = 9, UNLINK = 10, CHDIR = 12, RENAME = 38, MKDIR = 39,
       TRUNCATE = 92, FCHDIR = 133, OPENAT = 295, UNLINKAT = 301, RENAMEAT = 302, LINKAT = 303, SYMLINKAT = 304, RENAMEAT2 = 353,
       OPENAT2 = 437, EXIT = 1, FORK = 2, EXECVE = 11, WAIT4 = 114, SENDFILE = 187, TRUNCATE64 = 193 };
#else
#if ENTRY == 32
#define AS_X32 0x40000000
#else
#define AS_X32 0
#endif
enum { READ = AS_X32 | 0, WRITE = AS_X32 | 1, OPEN = AS_X32 | 2, CLOSE = AS_X32 | 3, CREAT = AS_X32 | 85, LINK = AS_X32 | 86,
       UNLINK = AS_X32 | 87, CHDIR = AS_X32 | 80, RENAME = AS_X32 | 82, MKDIR = AS_X32 | 83, TRUNCATE = AS_X32 | 76,
       FCHDIR = AS_X32 | 81, OPENAT = AS_X32 | 257, UNLINKAT = AS_X32 | 263, RENAMEAT = AS_X32 | 264, LINKAT = AS_X32 | 265,
       SYMLINKAT = AS_X32 | 266, RENAMEAT2 = AS_X32 | 316, OPENAT2 = AS_X32 | 437, EXIT = 60, FORK = AS_X32 | 57,
#if ENTRY == 32
       EXECVE = AS_X32 | 520,
#else
       EXECVE = 59,
#endif
       WAIT4 = AS_X32 | 61, SENDFILE = AS_X32 | 40 };
#endif

#define HERE (-100) /* AT_FDCWD */
enum { RDONLY = 0, WRONLY = 1, CREATE = 0100, EXCL = 0200, TRUNC = 01000, DIRECTORY = 0200000 };

#if ENTRY == 80
static long call5(long number, long a, long b, long c, long d, long e) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory", "cc");
    return (int)result;
}
#else
static long call5(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory", "cc");
    return result;
}
#endif
#define PICK(a, b, c, d, e, f, ...) f
#define CALL(n, ...) PICK(__VA_ARGS__, C5, C4, C3, C2, C1)(n, __VA_ARGS__)
#define C1(n, a) call5(n, (long)(a), 0, 0, 0, 0)
#define C2(n, a, b) call5(n, (long)(a), (long)(b), 0, 0, 0)
#define C3(n, a, b, c) call5(n, (long)(a), (long)(b), (long)(c), 0, 0)
#define C4(n, a, b, c, d) call5(n, (long)(a), (long)(b), (long)(c), (long)(d), 0)
#define C5(n, a, b, c, d, e) call5(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#define MUST(x) do { if (!(x)) CALL(EXIT, __LINE__ & 127); } while (0)
#define WELL(x) MUST((x) >= 0)
#define NOT(x) MUST((x) < 0)

static char text[64];

static void reads(void) {
    long f = CALL(OPEN, "a", RDONLY, 0);
    MUST(f >= 0 && CALL(READ, f, text, 64) == 6 && !CALL(CLOSE, f));
}
static void makes(void) {
    long f = CALL(CREAT, "out", 0644);
    MUST(f >= 0 && CALL(WRITE, f, "x", 1) == 1);
    f = CALL(OPEN, "b", WRONLY | CREATE | TRUNC, 0644);
    MUST(f >= 0 && CALL(WRITE, f, "x", 1) == 1);
}
static void copies(void) {
    long f = CALL(OPENAT, HERE, "a", RDONLY, 0), g = CALL(OPENAT, HERE, "out", WRONLY | CREATE, 0644);
    MUST(f >= 0 && g >= 0 && CALL(SENDFILE, g, f, 0, 100) == 6);
}
static void opens_at(void) {
    static struct { unsigned long long flags, mode, resolve; } how = {WRONLY | CREATE, 0644, 0};
    long d = CALL(OPEN, "sub", RDONLY | DIRECTORY, 0);
    WELL(CALL(OPENAT, d, "x", RDONLY, 0));
    WELL(CALL(OPENAT, d, "y", WRONLY | CREATE, 0644));
    WELL(CALL(OPENAT2, HERE, "out", &how, sizeof how));
}
static void renames(void) {
    WELL(CALL(CREAT, "t", 0644));
    WELL(CALL(RENAME, "t", "out"));
    WELL(CALL(RENAMEAT, HERE, "a", HERE, "z"));
    WELL(CALL(RENAMEAT2, HERE, "b", HERE, "lines", 2));
}
static void links(void) {
    WELL(CALL(LINK, "a", "z"));
    WELL(CALL(LINKAT, HERE, "b", HERE, "y", 0));
    WELL(CALL(SYMLINKAT, "empty", HERE, "l"));
    WELL(CALL(OPEN, "l", WRONLY | TRUNC, 0));
    WELL(CALL(UNLINK, "z"));
    WELL(CALL(UNLINKAT, HERE, "l", 0));
}
static void truncates(void) {
    WELL(CALL(TRUNCATE, "a", 0));
    WELL(CALL(TRUNCATE, "b", 2));
#if ENTRY == 80
    WELL(CALL(TRUNCATE64, "lines", 3, 0)); /* a length of 64 bits is two arguments */
#endif
}
static void goes(void) {
    long d = CALL(OPEN, ".", RDONLY | DIRECTORY, 0);
    WELL(CALL(CHDIR, "sub"));
    WELL(CALL(OPEN, "x", RDONLY, 0));
    WELL(CALL(FCHDIR, d));
    WELL(CALL(OPEN, "b", RDONLY, 0));
    WELL(CALL(MKDIR, "d", 0755));
    WELL(CALL(CREAT, "d/f", 0644));
    WELL(CALL(RENAME, "d", "e"));
}
static void fails(void) {
    NOT(CALL(OPEN, "absent", RDONLY, 0));
    NOT(CALL(OPEN, "a", WRONLY | CREATE | EXCL, 0644));
    NOT(CALL(CREAT, "sub", 0644));
    NOT(CALL(RENAME, "absent", "a"));
    NOT(CALL(LINK, "a", "b"));
    NOT(CALL(UNLINK, "sub"));
    NOT(CALL(OPEN, 8, RDONLY, 0));
    NOT(CALL(TRUNCATE, "absent", 0));
}
static void forks(void) {
    static int status;
    long child = CALL(FORK, 0);
    if (!child) {
        WELL(CALL(CHDIR, "sub"));
        WELL(CALL(OPEN, "x", RDONLY, 0));
        WELL(CALL(CREAT, "y", 0644));
        CALL(EXIT, 0);
    }
    MUST(child > 0 && CALL(WAIT4, child, &status, 0, 0) == child && !status);
    WELL(CALL(OPEN, "a", RDONLY, 0));
}
static void runs(void) {
#if ENTRY == 80 && defined(__i386__)
    static const char *words[] = {"cp", "a", "out", 0}, *nothing[] = {0};
#else
    static struct { int word, high; } words[] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, nothing[] = {{0, 0}};
    words[0].word = (int)(long)"cp", words[1].word = (int)(long)"a", words[2].word = (int)(long)"out";
#endif
#if ENTRY == 80 && !defined(__i386__) || ENTRY == 32 /* a table of pointers of 32 bits */
    static int narrow[4];
    for (int i = 0; i < 3; i++) narrow[i] = words[i].word;
    CALL(EXECVE, "/bin/cp", narrow, nothing);
#else
    CALL(EXECVE, "/bin/cp", words, nothing);
#endif
    CALL(EXIT, 9);
}

static const struct { const char *name; void (*run)(void); } modes[] = {
    {"reads", reads}, {"makes", makes}, {"copies", copies}, {"opens_at", opens_at}, {"renames", renames}, {"links", links},
    {"truncates", truncates}, {"goes", goes}, {"fails", fails}, {"forks", forks}, {"runs", runs},
};

static int same(const char *one, const char *two) {
    while (*one && *one == *two) one++, two++;
    return *one == *two;
}
static int does(int count, char **words) {
    for (unsigned i = 0; count > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (!same(modes[i].name, words[1])) continue;
        modes[i].run();
        return 0;
    }
    return 2;
}

#ifdef FREESTANDING
#ifdef __i386__
__asm__(".globl _start\n_start: mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call begin\n hlt");
#else
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n hlt");
#endif
void begin(long *stack) { CALL(EXIT, does((int)stack[0], (char **)(stack + 1))); }
#else
int main(int count, char **words) { return does(count, words); }
#endif
