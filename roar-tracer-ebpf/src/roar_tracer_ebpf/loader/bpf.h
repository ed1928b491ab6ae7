/* bpf(2), in as many commands as are used here.
 *
 * The attributes are written out instead of taken from <linux/bpf.h>: the headers of an old distribution lack some, and the
 * kernel's interface never changes.  What a kernel doesn't know must be zero, so attributes are no longer than they need be. */
#ifndef ROAR_BPF_H
#define ROAR_BPF_H

#include <stdint.h>

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_RINGBUF = 27 };
enum { FLAG_MMAPABLE = 1 << 10 };
enum { TYPE_RAW_TRACEPOINT = 17, TYPE_TRACING = 26 };
enum { ATTACH_RAW_TP = 23, ATTACH_FENTRY = 24, ATTACH_FEXIT = 25 };

struct map_attributes {
    uint32_t type, key_size, value_size, entries, flags;
    const char *name;
};

struct load_attributes {
    uint32_t type, attach_type, attach_btf_id;
    const uint64_t *instructions;
    uint32_t count;
    int btf;
    const uint32_t *functions; /* pairs: instruction, BTF id */
    uint32_t function_count;
    const char *name;
    char *log;
    uint32_t log_size;
};

/* All return a descriptor (close-on-exec by the kernel), or -1 with errno. */
int bpf_create_map(const struct map_attributes *attributes);
int bpf_load(const struct load_attributes *attributes);
int bpf_attach(int program, const char *tracepoint);
int bpf_load_btf(const void *blob, uint32_t size);

struct program_facts { uint64_t misses; uint32_t verified; };

/* What the kernel tells of a loaded program, zeros where it doesn't. */
struct program_facts bpf_facts(int program);

#endif
