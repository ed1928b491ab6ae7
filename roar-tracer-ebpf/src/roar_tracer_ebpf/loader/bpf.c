/* bpf(2): packing attributes as the kernel reads them (include/uapi/linux/bpf.h, union bpf_attr). */
#include "bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COMMAND_CREATE_MAP = 0, COMMAND_LOAD = 5, COMMAND_INFO = 15, COMMAND_ATTACH = 17, COMMAND_LOAD_BTF = 18 };
enum { NAME_SIZE = 16 };
/* The verifier gives up when a signal is pending, also one that can't be blocked: whoever is stopped or frozen begins again. */
enum { MOST_PUT_OFF = 1000 };

static uint64_t address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

static int call(long command, void *attributes, size_t size) {
    return (int)syscall(SYS_bpf, command, attributes, size);
}

static void set_name(char to[NAME_SIZE], const char *name) {
    strncpy(to, name, NAME_SIZE - 1);
}

int bpf_create_map(const struct map_attributes *attributes) {
    struct {
        uint32_t type, key_size, value_size, entries, flags, inner, node;
        char name[NAME_SIZE];
    } raw;

    memset(&raw, 0, sizeof raw);
    raw.type = attributes->type;
    raw.key_size = attributes->key_size;
    raw.value_size = attributes->value_size;
    raw.entries = attributes->entries;
    raw.flags = attributes->flags;
    set_name(raw.name, attributes->name);
    return call(COMMAND_CREATE_MAP, &raw, sizeof raw);
}

int bpf_load(const struct load_attributes *attributes) {
    struct {
        uint32_t type, count;
        uint64_t instructions, license;
        uint32_t log_level, log_size;
        uint64_t log;
        uint32_t version, flags;
        char name[NAME_SIZE];
        uint32_t interface, attach_type, btf, function_size;
        uint64_t functions;
        uint32_t function_count, line_size;
        uint64_t lines;
        uint32_t line_count, attach_btf_id;
    } raw;

    _Static_assert(sizeof raw == 112, "attach_btf_id ends at 112");
    memset(&raw, 0, sizeof raw);
    raw.type = attributes->type;
    raw.count = attributes->count;
    raw.instructions = address(attributes->instructions);
    raw.license = address("GPL"); /* the probes' helpers and kfuncs are for such programs alone */
    if (attributes->log) {
        raw.log_level = 1;
        raw.log_size = attributes->log_size;
        raw.log = address(attributes->log);
    }
    set_name(raw.name, attributes->name);
    raw.attach_type = attributes->attach_type;
    raw.btf = (uint32_t)attributes->btf;
    raw.function_size = 8;
    raw.functions = address(attributes->functions);
    raw.function_count = attributes->function_count;
    raw.attach_btf_id = attributes->attach_btf_id;
    int fd;
    for (int i = 0; (fd = call(COMMAND_LOAD, &raw, sizeof raw)) < 0 && errno == EAGAIN && i < MOST_PUT_OFF; i++) continue;
    return fd;
}

int bpf_attach(int program, const char *tracepoint) {
    struct { uint64_t name; uint32_t program, padding; } raw = {address(tracepoint), (uint32_t)program, 0};

    return call(COMMAND_ATTACH, &raw, sizeof raw);
}

int bpf_load_btf(const void *blob, uint32_t size) {
    struct { uint64_t blob, log; uint32_t size, log_size, log_level, padding; } raw;

    memset(&raw, 0, sizeof raw);
    raw.blob = address(blob);
    raw.size = size;
    return call(COMMAND_LOAD_BTF, &raw, sizeof raw);
}

struct program_facts bpf_facts(int program) {
    /* struct bpf_prog_info: recursion_misses since 5.12, verified_insns since 5.16 */
    enum { MISSES_AT = 208, VERIFIED_AT = 216, SIZE = 232 };
    unsigned char info[SIZE];
    struct { uint32_t program, size; uint64_t info; } raw = {(uint32_t)program, SIZE, address(info)};
    struct program_facts facts = {0, 0};

    memset(info, 0, sizeof info);
    if (!call(COMMAND_INFO, &raw, sizeof raw)) {
        memcpy(&facts.misses, info + MISSES_AT, sizeof facts.misses);
        memcpy(&facts.verified, info + VERIFIED_AT, sizeof facts.verified);
    }
    return facts;
}
