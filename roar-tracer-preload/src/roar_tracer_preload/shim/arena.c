/* Attaching to the arena, allocating records, and the shared tables. */
#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "next.h"
#include "path.h"
#include "process.h"
#include "scratch.h"

struct arena_head *arena;
const char *shim_path;
u32 shim_length;

static int unavailable;  /* attaching failed once: don't try at each event */
static char **segments;  /* where this process has mapped each segment but the first; made on first need */
#define UNMAPPABLE ((char *)-1)

extern int clock_gettime(clockid_t, struct timespec *) __attribute__((weak));

/* The calls that libc itself makes, so that a sandbox which lets libc work lets us (many forbid statx). */
int sys_stat(int dirfd, const char *path, int at_flags, struct file_state *st) {
    struct stat s; /* the kernel's layout on 64-bit architectures */
    if (!may_be_text(path)) return -EFAULT;
    if (!*path && !(at_flags & AT_EMPTY_PATH)) return -ENOENT;
    long rc = *path ? SYS(__NR_newfstatat, dirfd, path, &s, at_flags) : SYS(__NR_fstat, dirfd, &s);
    if (rc < 0) return (int)rc;
    st->mode = s.st_mode;
    st->links = (u32)s.st_nlink;
    st->uid = s.st_uid;
    st->gid = s.st_gid;
    st->dev = s.st_dev;
    st->ino = s.st_ino;
    st->size = (u64)s.st_size;
    st->mtime = (u64)s.st_mtim.tv_sec * 1000000000u + (u64)s.st_mtim.tv_nsec;
    st->ctime = (u64)s.st_ctim.tv_sec * 1000000000u + (u64)s.st_ctim.tv_nsec;
    return 0;
}

/* `path`: room for shim_length + sizeof "arena". */
static int open_arena(char *path) {
    u32 n = shim_length;
    mem_copy(path, shim_path, n);
    while (n && path[n - 1] != '/') n--;
    mem_copy(path + n, "arena", sizeof "arena");
    return (int)SYS(__NR_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

/* Apart, so that its buffer is on the stack only while a process starts; next_self() bounds the length. */
__attribute__((noinline)) static int open_arena_at_start(void) {
    char path[4096];
    return open_arena(path);
}

int arena_attach(void) {
    if (arena) return 1;
    if (unavailable) return 0;
    unavailable = 1;
    if (!shim_length && !next_self(&shim_path, &shim_length)) return 0;
    int fd = open_arena_at_start();
    if (fd < 0) return 0;
    long at = SYS(__NR_mmap, 0, ARENA_BASE + ARENA_SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SYS(__NR_close, fd);
    if (!is_mapped(at)) return 0;
    struct arena_head *head = (void *)at, *none = 0;
    if (head->magic != ARENA_MAGIC ||
        !__atomic_compare_exchange_n(&arena, &none, head, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        SYS(__NR_munmap, at, ARENA_BASE + ARENA_SEGMENT);
        return arena != 0;
    }
    return 1;
}

static char **segment_table(void) {
    char **table = __atomic_load_n(&segments, __ATOMIC_ACQUIRE), **none = 0;
    if (likely(table != 0)) return table;
    if (quiet) return 0;
    size_t size = ARENA_MAX_SEGMENTS * sizeof *table;
    long at = SYS(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!is_mapped(at)) return 0;
    if (__atomic_compare_exchange_n(&segments, &none, (char **)at, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return (char **)at;
    SYS(__NR_munmap, at, size);
    return none;
}

/* The runner made the file as long as it may get (sparse), so that no process ever extends it: under RLIMIT_FSIZE that
 * raises SIGXFSZ.  Blocks are reserved first: a store to a page without one is a SIGBUS when the disk is full. */
static char *map_segment(u64 i) {
    char *path = scratch_get(); /* this may be a signal handler, on a stack of 2 KiB */
    int fd = path ? open_arena(path) : -1;
    scratch_put(path);
    if (fd < 0) return 0;
    u64 offset = ARENA_BASE + i * (u64)ARENA_SEGMENT;
    long at = -1, rc = SYS(__NR_fallocate, fd, FALLOC_FL_KEEP_SIZE, offset, ARENA_SEGMENT);
    if (rc == 0 || rc == -EOPNOTSUPP || rc == -ENOSYS)
        at = SYS(__NR_mmap, 0, ARENA_SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    else if (rc == -ENOSPC || rc == -EDQUOT) /* full for everyone; else `used` would run on over holes */
        __atomic_store_n(&arena->limit, i * (u64)ARENA_SEGMENT, __ATOMIC_RELEASE);
    SYS(__NR_close, fd);
    return is_mapped(at) ? (char *)at : 0;
}

/* The address of segment i in this process, mapped on first need; null when it can't be. */
static char *segment(u64 i) {
    if (i >= ARENA_MAX_SEGMENTS) return 0;
    if (likely(i == 0)) return (char *)arena + ARENA_BASE;
    char **table = segment_table(), *none = 0;
    if (!table) return 0;
    char *known = __atomic_load_n(&table[i], __ATOMIC_ACQUIRE);
    if (likely(known != 0)) return known == UNMAPPABLE ? 0 : known;
    if (quiet) return 0; /* the filter could kill the program for our calls */
    char *mapped = map_segment(i);
    if (__atomic_compare_exchange_n(&table[i], &none, mapped ? mapped : UNMAPPABLE, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return mapped;
    if (mapped) SYS(__NR_munmap, mapped, ARENA_SEGMENT);
    return none == UNMAPPABLE ? 0 : none;
}

static void begin(struct record *r, int kind, u64 size) {
    r->words = (u16)(size / 8);
    r->kind = (u8)kind;
    __atomic_store_n(&r->magic, RECORD_MAGIC, __ATOMIC_RELEASE);
}

static void pad(u64 offset, u64 size) {
    char *s = size ? segment(offset / ARENA_SEGMENT) : 0;
    if (s) begin((void *)(s + offset % ARENA_SEGMENT), K_PAD, size);
}

/* Room for a record within one segment; null: none. */
static struct record *allocate(u64 size) {
    for (int attempt = 0; attempt < 4; attempt++) {
        u64 limit = __atomic_load_n(&arena->limit, __ATOMIC_ACQUIRE);
        /* looking before adding keeps `used` from growing for ever; racing adds pass the limit by a little, no harm */
        if (__atomic_load_n(&arena->used, __ATOMIC_RELAXED) + size > limit) return 0;
        u64 at = __atomic_fetch_add(&arena->used, size, __ATOMIC_RELAXED);
        if (at + size > limit) return 0;
        if (at / ARENA_SEGMENT == (at + size - 1) / ARENA_SEGMENT) {
            char *s = segment(at / ARENA_SEGMENT);
            return s ? (struct record *)(s + at % ARENA_SEGMENT) : 0;
        }
        u64 edge = (at / ARENA_SEGMENT + 1) * ARENA_SEGMENT;
        pad(at, edge - at);
        pad(edge, at + size - edge);
    }
    return 0;
}

void arena_drop(void) {
    if (arena) __atomic_fetch_add(&arena->dropped, 1, __ATOMIC_RELAXED);
}

/* Of these it matters little which process of one memory they are from, and asking costs more than the rest of a record. */
static int is_about_files(int kind) { return kind >= K_READ && kind <= K_TRUNCATE; }

struct record *record_new(int kind, u32 flags, const char *text1, size_t length1, const char *text2, size_t length2) {
    if (!arena_on()) return 0;
    u64 size = (sizeof(struct record) + length1 + 1 + length2 + 1 + 7) & ~7ull;
    struct record *r = allocate(size);
    if (!r) {
        arena_drop();
        return 0;
    }
    begin(r, kind, size);
    struct timespec now = {0, 0}; /* the clock that file times are taken from; a process's first look costs a page fault */
    if (clock_gettime && kind != K_START) clock_gettime(CLOCK_REALTIME_COARSE, &now);
    r->time = (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
    r->pid = is_about_files(kind) && process_owner ? process_owner : process_id();
    r->flags = flags;
    r->length1 = (u16)length1;
    r->length2 = (u16)length2;
    mem_copy(r->text, text1, length1);
    mem_copy(r->text + length1 + 1, text2, length2);
    record_state(r, S_PENDING);
    return r;
}

void record_stat(struct record *r, const struct file_state *st, int bits) {
    if (!r) return;
    r->dev = st->dev;
    r->ino = st->ino;
    r->size = st->size;
    r->mtime = st->mtime;
    r->ctime = st->ctime;
    r->mode = st->mode;
    r->bits |= (u8)(bits | B_STAT);
}

struct record *blind_new(int reason, const char *what) {
    struct record *r = record_new(K_BLIND, 0, what, str_len(what), "", 0);
    if (r) r->reason = (u8)reason;
    return r;
}

void tell_blind(int reason, const char *what) { record_state(blind_new(reason, what), S_OK); }

/* Buckets of one cache line; a full one loses the entry at a place that the key picks. */
#define WAYS 8
static u64 *bucket_of(u64 key) {
    u64 *table = (u64 *)((char *)arena + ARENA_SEEN_AT);
    return table + ((key >> 20) & (ARENA_SEEN / WAYS - 1)) * WAYS;
}

int seen_has(u64 key) {
    u64 *bucket = bucket_of(key);
    for (int i = 0; i < WAYS; i++) {
        u64 entry = __atomic_load_n(&bucket[i], __ATOMIC_RELAXED);
        if (entry == key) return 1;
        if (!entry) return 0;
    }
    return 0;
}

void seen_add(u64 key) {
    u64 *bucket = bucket_of(key);
    for (int i = 0; i < WAYS; i++) {
        u64 entry = __atomic_load_n(&bucket[i], __ATOMIC_RELAXED);
        if (entry == key) return;
        if (!entry) {
            __atomic_store_n(&bucket[i], key, __ATOMIC_RELAXED);
            return;
        }
    }
    __atomic_store_n(&bucket[key & (WAYS - 1)], key, __ATOMIC_RELAXED);
}

/* Chosen by the last name alone, so that processes which name one file differently agree.  Collisions cost a repeated event. */
u32 *generation_of(const char *name, size_t length) {
    return &arena->generations[hash_bytes(2, name, length) & (ARENA_GENERATIONS - 1)];
}

void generation_raise(const char *path) {
    if (!arena) return;
    size_t end = str_len(path), begin_;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin_ = end; begin_ && path[begin_ - 1] != '/'; begin_--) {}
    __atomic_fetch_add(generation_of(path + begin_, end - begin_), 1, __ATOMIC_ACQ_REL);
}

void generation_raise_all(void) {
    if (arena) __atomic_fetch_add(&arena->generation_all, 1, __ATOMIC_ACQ_REL);
}

void directory_moved(void) {
    if (arena) __atomic_fetch_add(&arena->directory_moves, 1, __ATOMIC_ACQ_REL);
    generation_raise_all();
}
