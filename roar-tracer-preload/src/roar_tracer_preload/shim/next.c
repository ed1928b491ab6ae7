/* Symbol lookup over the loader's link map.
 *
 * dlsym() takes a lock, may allocate, and is not async-signal-safe; this walk reads only what the loader finished before
 * any of our callers ran.  It is also right when two copies of the shim are loaded (a roar run inside a roar run): each
 * finds the other one, then libc. */
#include "next.h"

#include <elf.h>
#include <errno.h>
#include <link.h>

extern struct r_debug _r_debug __attribute__((weak));        /* glibc's name for the loader's list */
extern struct r_debug *_dl_debug_addr __attribute__((weak)); /* musl's */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

#define VERSION_HIDDEN 0x8000 /* bit 15 of a versym entry: name@OLD, which nobody may bind to by default */

static struct link_map *first_object(void) {
    if (&_r_debug) return _r_debug.r_map;
    return &_dl_debug_addr && _dl_debug_addr ? _dl_debug_addr->r_map : 0;
}

static struct link_map *this_object(void) {
    struct link_map *m = first_object();
    while (m && m->l_addr != (ElfW(Addr))__ehdr_start) m = m->l_next;
    return m;
}

struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    const u32 *gnu_hash, *sysv_hash;
    const u16 *versions;
};

static struct symbols symbols_of(const struct link_map *m) {
    struct symbols s = {0};
    if (!m->l_ld) return s;
    for (const ElfW(Dyn) *d = m->l_ld; d->d_tag != DT_NULL; d++) {
        ElfW(Addr) at = d->d_un.d_ptr;
        if (at < m->l_addr) at += m->l_addr; /* glibc relocates these in place, musl and the vdso don't */
        switch (d->d_tag) {
        case DT_SYMTAB: s.table = (const void *)at; break;
        case DT_STRTAB: s.names = (const void *)at; break;
        case DT_GNU_HASH: s.gnu_hash = (const void *)at; break;
        case DT_HASH: s.sysv_hash = (const void *)at; break;
        case DT_VERSYM: s.versions = (const void *)at; break;
        }
    }
    return s;
}

static int defines(const struct symbols *s, u32 i, const char *name) {
    const ElfW(Sym) *symbol = &s->table[i];
    if (symbol->st_shndx == SHN_UNDEF || !symbol->st_value) return 0;
    if (s->versions && (s->versions[i] & VERSION_HIDDEN)) return 0;
    return str_equal(s->names + symbol->st_name, name);
}

static u32 gnu_hash_of(const char *name) {
    u32 h = 5381;
    for (const u8 *c = (const u8 *)name; *c; c++) h = h * 33 + *c;
    return h;
}

/* DT_GNU_HASH: bucket count, first index, bloom words, bloom shift; the bloom filter; buckets; chains */
static u32 find_by_gnu_hash(const struct symbols *s, const char *name) {
    u32 buckets = s->gnu_hash[0], first = s->gnu_hash[1], words = s->gnu_hash[2], shift = s->gnu_hash[3];
    const ElfW(Addr) *bloom = (const void *)(s->gnu_hash + 4);
    const u32 *bucket = (const u32 *)(bloom + words), *chain = bucket + buckets, h = gnu_hash_of(name);
    if (!buckets) return 0;
    ElfW(Addr) filter = bloom[(h / 64) % words];
    if (!((filter >> (h % 64)) & (filter >> ((h >> shift) % 64)) & 1)) return 0;
    u32 i = bucket[h % buckets];
    if (i < first) return 0;
    for (;; i++) {
        u32 c = chain[i - first];
        if ((c | 1) == (h | 1) && defines(s, i, name)) return i;
        if (c & 1) return 0;
    }
}

static u32 find_by_sysv_hash(const struct symbols *s, const char *name) {
    for (u32 i = 1; i < s->sysv_hash[1]; i++)
        if (defines(s, i, name)) return i;
    return 0;
}

static void *find_in(const struct link_map *m, const char *name) {
    struct symbols s = symbols_of(m);
    if (!s.table || !s.names) return 0;
    u32 i = s.gnu_hash ? find_by_gnu_hash(&s, name) : s.sysv_hash ? find_by_sysv_hash(&s, name) : 0;
    if (!i) return 0;
    void *address = (void *)(m->l_addr + s.table[i].st_value);
    if ((s.table[i].st_info & 15) == STT_GNU_IFUNC) return ((void *(*)(void))address)();
    return address;
}

static long nobody_defines_it(void) {
    *__errno_location() = ENOSYS;
    return -1;
}

void *next_symbol(const char *name) {
    struct link_map *m = this_object();
    void *address = 0;
    for (m = m ? m->l_next : 0; m && !address; m = m->l_next) address = find_in(m, name);
    return address ? address : (void *)nobody_defines_it;
}

int next_self(const char **path, u32 *length) {
    struct link_map *m = this_object();
    if (!m || !m->l_name || m->l_name[0] != '/') return 0;
    size_t n = str_len(m->l_name);
    if (n >= 4000) return 0;
    *path = m->l_name; /* the loader keeps the string as long as it keeps us */
    *length = (u32)n;
    return 1;
}

void next_objects(void (*visit)(const char *name)) {
    for (struct link_map *m = first_object(); m; m = m->l_next)
        if (m->l_name && m->l_name[0]) visit(m->l_name);
}
