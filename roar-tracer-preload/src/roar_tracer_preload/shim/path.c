/* Names of files.
 *
 * The current directory is cached, and only while nothing can have changed it behind us.  vfork children share this memory
 * but not the directory: a chdir in one (Python's subprocess with cwd=) would poison the parent's cache.  So chdir only
 * forgets, and only the owner of the memory stores.  Nor may it have been moved: whoever of the run moves a directory says so
 * in the arena. */
#include "path.h"

#include <fcntl.h>

#include "arena.h"
#include "process.h"
#include "scratch.h"

#define KERNEL_PATH_MAX 4096

int quiet;
u32 root_salt;

static struct {
    u64 epoch;    /* raised by every chdir: a directory that was read before is not stored after */
    u64 hash;     /* of the text; 0: nothing cached */
    u64 moves;    /* directory_moves() before it was read */
    int unshared; /* there is no directory that is everybody's: nothing is cached any more */
    u32 sequence; /* odd while the text is being written */
    u32 length;
    char *text;
} directory;

/* ---- hashes ---- */

static inline u64 mix(u64 a, u64 b) {
    __uint128_t product = (__uint128_t)a * b;
    return (u64)product ^ (u64)(product >> 64);
}

u64 hash_bytes(u64 seed, const char *bytes, size_t n) {
    u64 h = seed;
    for (; n >= 8; n -= 8, bytes += 8) {
        u64 word;
        __builtin_memcpy(&word, bytes, 8);
        h = mix(h ^ word, 0x9E3779B97F4A7C15ull);
    }
    u64 tail = n;
    for (size_t i = 0; i < n; i++) tail |= (u64)(u8)bytes[i] << (8 * i + 8);
    return mix(h ^ tail, 0xD6E8FEB86659FD93ull);
}

/* ---- the current directory ---- */

void directory_changed(void) {
    __atomic_fetch_add(&directory.epoch, 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&directory.hash, 0, __ATOMIC_RELEASE);
}

void directory_unshared(void) {
    __atomic_store_n(&directory.unshared, 1, __ATOMIC_RELEASE);
    directory_changed();
}

void directory_forget(void) {
    directory_changed();
    directory.unshared = 0; /* whoever forks is alone in the child */
    __atomic_store_n(&directory.sequence, 0, __ATOMIC_RELEASE);
}

static void directory_store(const char *text, u32 length, u64 hash, u64 epoch, u64 moves) {
    char *kept = __atomic_load_n(&directory.unshared, __ATOMIC_ACQUIRE) ? 0 : scratch_kept();
    u32 sequence = __atomic_load_n(&directory.sequence, __ATOMIC_RELAXED);
    if (!kept || sequence & 1) return;
    if (!__atomic_compare_exchange_n(&directory.sequence, &sequence, sequence + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    directory.text = kept;
    directory.length = length;
    directory.moves = moves;
    mem_copy(kept, text, length + 1);
    __atomic_store_n(&directory.hash, hash, __ATOMIC_RELEASE);
    if (__atomic_load_n(&directory.epoch, __ATOMIC_ACQUIRE) != epoch) __atomic_store_n(&directory.hash, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&directory.sequence, sequence + 2, __ATOMIC_RELEASE);
}

/* The hash of the cached directory while it has that name; 0: nothing is cached.  Under a filter it can't be asked for again. */
static inline u64 directory_cached(void) {
    u64 h = __atomic_load_n(&directory.hash, __ATOMIC_ACQUIRE);
    return likely(directory.moves == directory_moves()) || quiet ? h : 0;
}

/* The cached directory into `buffer`; its length, 0 when nothing is cached. */
static size_t directory_load(char *buffer, size_t size) {
    u32 before = __atomic_load_n(&directory.sequence, __ATOMIC_ACQUIRE);
    if (before & 1 || !directory_cached() || directory.length >= size) return 0;
    size_t n = directory.length;
    mem_copy(buffer, directory.text, n);
    buffer[n] = 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&directory.sequence, __ATOMIC_RELAXED) == before ? n : 0;
}

int path_is_shifting(const char *path) {
    return has_prefix(path, "/proc") || (has_prefix(path, "/dev/") && !has_prefix(path, "/dev/shm/"));
}

/* The current directory into `buffer`; its length, 0: none, or "(unreachable)…" after a chroot or an unmount. */
static size_t directory_text(char *buffer, size_t size) {
    size_t n = directory_load(buffer, size);
    if (n || quiet) return n;
    u64 epoch = __atomic_load_n(&directory.epoch, __ATOMIC_ACQUIRE), moves = directory_moves();
    long rc = SYS(__NR_getcwd, buffer, size < KERNEL_PATH_MAX ? size : KERNEL_PATH_MAX);
    if (rc <= 1 || buffer[0] != '/') return 0;
    n = (size_t)rc - 1;
    if (!path_is_shifting(buffer) && SYS(__NR_getpid) == (long)process_owner)
        directory_store(buffer, (u32)n, hash_bytes(1, buffer, n) | 1, epoch, moves);
    return n;
}

/* 0: not known, or not to be relied on. */
static u64 directory_hash(void) {
    u64 h = directory_cached();
    if (likely(h != 0)) return h;
    char *buffer = scratch_get();
    if (!buffer) return 0;
    size_t n = directory_text(buffer, SCRATCH_SIZE);
    if (n && !path_is_shifting(buffer)) h = hash_bytes(1, buffer, n) | 1;
    scratch_put(buffer);
    return h;
}

void path_quiet(void) {
    (void)directory_hash(); /* where we are when the filter comes is where we stay, for all we can tell later */
    quiet = 1;
}

/* ---- keys ---- */

static size_t split(const char *path, size_t *last) {
    size_t n = 0;
    *last = 0;
    for (; path[n]; n++)
        if (path[n] == '/') *last = n + 1;
    return n;
}

u64 path_key(int dirfd, const char *path, int use) {
    size_t last, n = split(path, &last);
    u64 base = path[0] == '/' ? 3 : dirfd == AT_FDCWD ? directory_hash() : 0;
    if (!n || !base || path_is_shifting(path)) return 0;
    u64 generation = __atomic_load_n(generation_of(path + last, n - last), __ATOMIC_ACQUIRE);
    u64 seed = mix((base + root_salt) ^ ((u64)use << 56) ^ generation, 0x9E3779B97F4A7C15ull ^ generation_of_all());
    u64 key = hash_bytes(seed, path, n);
    return key ? key : 1;
}

int path_directory_known(int dirfd, const char *path, u64 *key) {
    size_t last, n = split(path, &last);
    *key = 0;
    if (last == n || (path[0] != '/' && dirfd != AT_FDCWD) || path_is_shifting(path)) return 0;
    if (str_equal(path + last, ".") || str_equal(path + last, "..")) return 0;
    if (last == 0) return 1; /* in the current directory itself, and getcwd is canonical */
    u64 base = path[0] == '/' ? 5 : directory_hash();
    if (!base) return 0;
    u64 h = hash_bytes(mix(base + root_salt, generation_of_all() ^ 0x9E3779B97F4A7C15ull), path, last);
    *key = h ? h : 1;
    return seen_has(*key);
}

/* ---- absolute forms ---- */

void path_of_descriptor(int fd, char name[DESCRIPTOR_SIZE]) {
    char digits[12];
    int k = 14, d = 0;
    u32 v = (u32)fd;
    mem_copy(name, "/proc/self/fd/", (size_t)k);
    do digits[d++] = (char)('0' + v % 10);
    while (v /= 10);
    while (d) name[k++] = digits[--d];
    name[k] = 0;
}

size_t path_of_fd(int fd, char *buffer, size_t size) {
    char link[DESCRIPTOR_SIZE];
    if (quiet) return 0;
    path_of_descriptor(fd, link);
    long n = SYS(__NR_readlinkat, AT_FDCWD, link, buffer, size - 1);
    if (n <= 0 || buffer[0] != '/' || (size_t)n >= size - 1) return 0;
    buffer[n] = 0;
    return (size_t)n;
}

size_t path_absolute(int dirfd, const char *path, char *buffer, size_t size) {
    size_t k = 0, n = str_len(path);
    if (path[0] != '/') {
        k = dirfd == AT_FDCWD ? directory_text(buffer, size) : path_of_fd(dirfd, buffer, size);
        if (!k || k + 1 >= size) return 0;
        if (buffer[k - 1] != '/') buffer[k++] = '/';
    }
    if (k + n + 1 > size) return 0;
    mem_copy(buffer + k, path, n + 1);
    return k + n;
}

size_t path_meant(int dirfd, const char *path, int is_link, char *buffer, size_t size, int *canonical) {
    *canonical = 0;
    if (likely(!is_link && !path_is_shifting(path)) || quiet) return path_absolute(dirfd, path, buffer, size);
    int fd = (int)SYS(__NR_openat, dirfd, path, O_PATH | O_CLOEXEC);
    size_t n = fd >= 0 ? path_of_fd(fd, buffer, size) : 0;
    if (fd >= 0) SYS(__NR_close, fd);
    if (!n) return path_absolute(dirfd, path, buffer, size);
    *canonical = 1;
    return n;
}

/* The canonical name of the directory part of `path`, which is `last` bytes long, with a slash behind it; its length, 0: none. */
static size_t directory_of(int dirfd, const char *path, size_t last, char *buffer, size_t size) {
    char *folder = scratch_get();
    if (!folder || last >= SCRATCH_SIZE) {
        scratch_put(folder);
        return 0;
    }
    mem_copy(folder, path, last);
    folder[last] = 0;
    int fd = (int)SYS(__NR_openat, dirfd, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    scratch_put(folder);
    size_t n = fd >= 0 ? path_of_fd(fd, buffer, size) : 0;
    if (fd >= 0) SYS(__NR_close, fd);
    if (!n || n + 1 >= size) return 0;
    if (buffer[n - 1] != '/') buffer[n++] = '/';
    return n;
}

size_t path_entry(int dirfd, const char *path, char *buffer, size_t size, int *canonical) {
    u64 key;
    size_t last, n = split(path, &last);
    int known = path_directory_known(dirfd, path, &key);
    const char *name = path + last;
    *canonical = !quiet && n > last && !str_equal(name, ".") && !str_equal(name, "..");
    if (!*canonical || known || last == 0) return path_absolute(dirfd, path, buffer, size);
    size_t k = directory_of(dirfd, path, last, buffer, size);
    if (!k || k + (n - last) + 1 > size) {
        *canonical = 0;
        return path_absolute(dirfd, path, buffer, size);
    }
    mem_copy(buffer + k, name, n - last + 1);
    k += n - last;
    if (key) { /* the next time it need not be asked for */
        char *lexical = scratch_get();
        size_t m = lexical ? path_absolute(dirfd, path, lexical, SCRATCH_SIZE) : 0;
        if (m == k && mem_equal(buffer, lexical, k)) seen_add(key);
        scratch_put(lexical);
    }
    return k;
}
