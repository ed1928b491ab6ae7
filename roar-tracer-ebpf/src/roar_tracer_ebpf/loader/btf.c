/* Reading /sys/kernel/btf/vmlinux; the format is Documentation/bpf/btf.rst of the kernel. */
#include "btf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "/sys/kernel/btf/vmlinux"

enum { MAGIC = 0xeb9f, HEADER = 24, MOST_BYTES = 256 << 20, DEPTH = 32 };

/* Words behind the three of each type: a constant number, or so many for each member. */
static const uint8_t constant[32] = {[1] = 1, [3] = 3, [14] = 1, [17] = 1};
static const uint8_t each[32] = {[4] = 3, [5] = 3, [6] = 2, [13] = 2, [15] = 3, [19] = 3};
enum { LAST_KIND = 19 };

static uint32_t kind_of(uint32_t info) { return info >> 24 & 31; }

static uint32_t size_of(uint32_t info) {
    return 3u + constant[kind_of(info)] + each[kind_of(info)] * (info & 0xffff);
}

/* Mapped where the kernel lets (6.16 and later): that spares copying 5 MB. */
static void *contents(int fd, size_t size) {
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    size_t had = 0;

    if (at != MAP_FAILED) return at;
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    while (at != MAP_FAILED && had < size) {
        ssize_t got = read(fd, (char *)at + had, size - had);
        if (got > 0) {
            had += (size_t)got;
            continue;
        }
        if (got < 0 && errno == EINTR) continue;
        int error = got ? errno : EIO;
        munmap(at, size);
        errno = error;
        return MAP_FAILED;
    }
    return at;
}

static int parse_header(struct btf *btf) {
    uint32_t header[6];

    if (btf->size < HEADER) return -1;
    memcpy(header, btf->mapping, HEADER);
    size_t types = (size_t)header[1] + header[2], names = (size_t)header[1] + header[4];
    if ((header[0] & 0xffff) != MAGIC || types % 4 || types + header[3] > btf->size || names + header[5] > btf->size || !header[5])
        return -1;
    btf->words = (const uint32_t *)(const void *)((const char *)btf->mapping + types);
    btf->word_count = header[3] / 4;
    btf->names = (const char *)btf->mapping + names;
    btf->names_size = header[5];
    return btf->names[header[5] - 1] ? -1 : 0;
}

int btf_open(struct btf *btf, struct fault *fault) {
    struct stat facts;
    int fd = open(PATH, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &facts) || facts.st_size > MOST_BYTES) {
        int error = fd < 0 || facts.st_size <= MOST_BYTES ? errno : EFBIG;
        if (fd >= 0) close(fd);
        return fail(fault, error, "btf", "reading " PATH);
    }
    btf->size = (size_t)facts.st_size;
    btf->mapping = contents(fd, btf->size);
    int error = errno;
    close(fd);
    if (btf->mapping == MAP_FAILED) return fail(fault, error, "btf", "reading " PATH);
    if (!parse_header(btf)) return 0;
    btf_close(btf);
    return fail(fault, EINVAL, "btf", "reading " PATH);
}

void btf_close(struct btf *btf) {
    munmap(btf->mapping, btf->size);
}

static const char *name_at(const struct btf *btf, uint32_t offset) {
    return offset < btf->names_size ? btf->names + offset : "";
}

/* Which first letters are wanted at all: looking at four of them turns most of the names away. */
enum { SIEVE_BITS = 12 };

static uint32_t first_letters(const char *name) {
    uint32_t letters;
    memcpy(&letters, name, sizeof letters);
    return letters * 2654435761u >> (32 - SIEVE_BITS);
}

static void look_at(struct wanted *wanted, size_t count, uint32_t kind, const char *name, uint32_t id) {
    for (size_t i = 0; i < count; i++)
        if (wanted[i].kind == kind && !wanted[i].id && wanted[i].name[0] == name[0] && !strcmp(wanted[i].name, name))
            wanted[i].id = id;
}

static int by_letters(const void *a, const void *b) {
    uint32_t left = first_letters(((const struct wanted *)a)->name), right = first_letters(((const struct wanted *)b)->name);
    return left < right ? -1 : left > right;
}

int btf_find(struct btf *btf, struct wanted *wanted, size_t count, struct fault *fault) {
    /* first of those with these letters, plus one: they are next to one another */
    static uint16_t sieve[1 << SIEVE_BITS];
    static const uint32_t kinds = 1u << KIND_STRUCT | 1u << KIND_TYPEDEF | 1u << KIND_FUNC;
    uint32_t id = 1, at = 0, longest_name = btf->names_size - (btf->names_size < 4 ? btf->names_size : 4);

    memset(sieve, 0, sizeof sieve);
    qsort(wanted, count, sizeof *wanted, by_letters);
    for (size_t i = count; i-- > 0;) sieve[first_letters(wanted[i].name)] = (uint16_t)(i + 1);
    for (; at + 3 <= btf->word_count; id++) {
        uint32_t offset = btf->words[at], info = btf->words[at + 1], kind = kind_of(info);
        if (id % STRIDE == 0 || id == 1) {
            if (id >= MOST_TYPES) return fail(fault, E2BIG, "btf", "reading the kernel's types");
            btf->starts[id / STRIDE] = at;
        }
        if (kind > LAST_KIND) return fail(fault, EINVAL, "btf", "reading the kernel's types of kind %u", kind);
        if (kinds >> kind & 1 && offset <= longest_name) {
            const char *name = btf->names + offset;
            uint32_t letters = first_letters(name);
            if (sieve[letters]) {
                size_t from = sieve[letters] - 1u, to = from + 1;
                while (to < count && first_letters(wanted[to].name) == letters) to++;
                look_at(wanted + from, to - from, kind, name, id);
            }
        }
        at += size_of(info);
    }
    btf->type_count = id;
    return 0;
}

/* The type's words; of the type 0, which is void, NULL. */
static const uint32_t *type_at(const struct btf *btf, uint32_t id) {
    if (!id || id >= btf->type_count) return NULL;
    uint32_t at = btf->starts[id / STRIDE], from = id < STRIDE ? 1 : id - id % STRIDE;
    for (; from < id; from++) at += size_of(btf->words[at + 1]);
    return at + size_of(btf->words[at + 1]) <= btf->word_count ? btf->words + at : NULL;
}

/* Without typedefs, const, volatile, restrict and type tags. */
static const uint32_t *bare(const struct btf *btf, uint32_t id) {
    for (int depth = 0; depth < DEPTH; depth++) {
        const uint32_t *type = type_at(btf, id);
        if (!type) return NULL;
        uint32_t kind = kind_of(type[1]);
        if (!(kind >= KIND_TYPEDEF && kind <= 11) && kind != 18) return type;
        id = type[2];
    }
    return NULL;
}

static int64_t find_member(const struct btf *btf, const uint32_t *type, struct text name, uint32_t *member_type, int depth) {
    if (!type || depth > DEPTH || (kind_of(type[1]) != KIND_STRUCT && kind_of(type[1]) != KIND_UNION)) return -1;
    for (uint32_t i = 0; i < (type[1] & 0xffff); i++) {
        const uint32_t *member = type + 3 + 3 * i;
        const char *called = name_at(btf, member[0]);
        int64_t offset = (type[1] >> 31 ? member[2] & 0xffffff : member[2]) / 8; /* in bits, with a width above if flagged */
        if (!*called) {
            int64_t inner = find_member(btf, bare(btf, member[1]), name, member_type, depth + 1);
            if (inner >= 0) return offset + inner;
        } else if (!strncmp(called, name.at, name.length) && !called[name.length]) {
            *member_type = member[1];
            return offset;
        }
    }
    return -1;
}

int64_t btf_member(const struct btf *btf, uint32_t type, struct text path) {
    int64_t total = 0;

    while (path.length) {
        const char *dot = memchr(path.at, '.', path.length);
        struct text part = {path.at, dot ? (size_t)(dot - path.at) : path.length};
        int64_t offset = find_member(btf, bare(btf, type), part, &type, 0);
        if (offset < 0) return -1;
        total += offset;
        path.at += part.length + (dot != NULL);
        path.length -= part.length + (dot != NULL);
    }
    return total;
}

int btf_parameters(const struct btf *btf, uint32_t id) {
    const uint32_t *type = bare(btf, id);

    if (type && (kind_of(type[1]) == KIND_PTR || kind_of(type[1]) == KIND_FUNC)) type = bare(btf, type[2]);
    return type && kind_of(type[1]) == KIND_FUNC_PROTO ? (int)(type[1] & 0xffff) : -1;
}
