/* Looks at what execve() is about to run, the way the kernel and ld.so will. */
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <linux/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "observe.h"
#include "path.h"
#include "scratch.h"

#define HEAD_SIZE 4096           /* of the file that is looked at: program headers and notes are at its beginning */
#define MAX_INTERPRETERS 5       /* fs/exec.c */
#define GO_BUILD_ID 4            /* type of the note that cmd/link writes, under the name "Go" */
#define MOUNTED_NOSUID 0x0002    /* ST_NOSUID of statfs(2) */

static int has_go_note(const char *head, u64 size, u64 offset, u64 length) {
    if (offset >= size) return 0;
    if (length > size - offset) length = size - offset;
    for (u64 i = 0; i + 16 <= length;) {
        u32 name, description, type;
        const char *note = head + offset + i;
        __builtin_memcpy(&name, note, 4);
        __builtin_memcpy(&description, note + 4, 4);
        __builtin_memcpy(&type, note + 8, 4);
        if (name == 4 && type == GO_BUILD_ID && mem_equal(note + 12, "Go\0", 4)) return 1;
        i += 12 + (((u64)name + 3) & ~3ull) + (((u64)description + 3) & ~3ull);
    }
    return 0;
}

/* Whether the kernel will set AT_SECURE, so that ld.so drops LD_PRELOAD (security/commoncap.c: the new effective ids
 * against the old real ones; file capabilities count for others than root). */
static int is_secure(int fd, const struct file_state *st) {
    char capabilities[32];
    struct statfs fs;
    u32 uid = (u32)SYS(__NR_getuid), gid = (u32)SYS(__NR_getgid);
    u32 euid = (u32)SYS(__NR_geteuid), egid = (u32)SYS(__NR_getegid);
    int gains = SYS(__NR_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
    if (gains && (st->mode & (S_ISUID | S_ISGID)) && SYS(__NR_fstatfs, fd, &fs) == 0 && fs.f_flags & MOUNTED_NOSUID) gains = 0;
    if (gains && st->mode & S_ISUID) euid = st->uid;
    if (gains && (st->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) egid = st->gid;
    if (euid != uid || egid != gid) return 1;
    return gains && uid != 0 && SYS(__NR_fgetxattr, fd, "security.capability", capabilities, sizeof capabilities) > 0;
}

static int is_loader(const char *path) {
    const char *base = path;
    for (const char *c = path; *c; c++)
        if (*c == '/') base = c + 1;
    return has_prefix(base, "ld-linux-") || has_prefix(base, "ld-musl-") || has_prefix(base, "ld64.so") || has_prefix(base, "ld-2.");
}

static int is_known_loader(int fd, u64 offset) {
    char path[64];
    long n = SYS(__NR_pread64, fd, path, sizeof path - 1, offset);
    path[n > 0 ? n : 0] = 0;
    return is_loader(path);
}

/* The offset in the file of an address in memory; 0: in no segment. */
static u64 offset_of(const char *head, u64 size, u64 address) {
    const ElfW(Ehdr) *e = (const void *)head;
    for (u32 i = 0; i < e->e_phnum; i++) {
        u64 at = e->e_phoff + i * sizeof(ElfW(Phdr));
        if (e->e_phoff > size || at + sizeof(ElfW(Phdr)) > size) break;
        const ElfW(Phdr) *segment = (const void *)(head + at);
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && address - segment->p_vaddr < segment->p_filesz)
            return address - segment->p_vaddr + segment->p_offset;
    }
    return 0;
}

/* AddressSanitizer's runtime ends the program when another library was loaded before it. */
static int must_be_first(int fd, u64 name) {
    char text[24];
    long n = SYS(__NR_pread64, fd, text, sizeof text - 1, name);
    text[n > 0 ? n : 0] = 0;
    return has_prefix(text, "libasan.so") || has_prefix(text, "libclang_rt.asan");
}

static int is_sanitized(int fd, const char *head, u64 size, const ElfW(Phdr) * dynamic) {
    ElfW(Dyn) *entries = (void *)scratch_get();
    u64 names = 0, wanted = dynamic->p_filesz < SCRATCH_SIZE ? dynamic->p_filesz : SCRATCH_SIZE;
    long n = entries ? SYS(__NR_pread64, fd, entries, wanted, dynamic->p_offset) : 0;
    u64 count = n > 0 ? (u64)n / sizeof *entries : 0;
    int found = 0;
    for (u64 i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
        if (entries[i].d_tag == DT_STRTAB) names = offset_of(head, size, entries[i].d_un.d_ptr);
    for (u64 i = 0; names && i < count && entries[i].d_tag != DT_NULL && !found; i++)
        if (entries[i].d_tag == DT_NEEDED) found = must_be_first(fd, names + entries[i].d_un.d_val);
    scratch_put((char *)entries);
    return found;
}

static int examine_elf(int fd, const struct file_state *st, const char *path, const char *head, u64 size) {
    const ElfW(Ehdr) *e = (const void *)head;
    const ElfW(Phdr) *dynamic = 0;
    int has_loader = 0, knows_loader = 1, go = 0;
    if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != ROAR_MACHINE) return BLIND_FOREIGN;
    for (u32 i = 0; i < e->e_phnum; i++) {
        u64 at = e->e_phoff + i * sizeof(ElfW(Phdr));
        if (e->e_phoff > size || at + sizeof(ElfW(Phdr)) > size) break;
        const ElfW(Phdr) *segment = (const void *)(head + at);
        if (segment->p_type == PT_NOTE) go |= has_go_note(head, size, segment->p_offset, segment->p_filesz);
        if (segment->p_type == PT_DYNAMIC) dynamic = segment;
        if (segment->p_type == PT_INTERP) {
            has_loader = 1;
            knows_loader = is_known_loader(fd, segment->p_offset);
        }
    }
    if (go) return BLIND_GO; /* also when dynamic: its runtime calls the kernel directly */
    /* a loader that is run as a program takes LD_PRELOAD for the one that it was given; were it none, its missing START would tell */
    if (!has_loader && !(dynamic && is_loader(path))) return BLIND_STATIC;
    if (!knows_loader) return BLIND_LOADER;
    if (dynamic && is_sanitized(fd, head, size, dynamic)) return BLIND_SANITIZER;
    return is_secure(fd, st) ? BLIND_SETUID : BLIND_NOT;
}

/* Cuts the interpreter's name out of a script's first line; null: there is none. */
static char *interpreter_of(char *head, u64 size) {
    head[size < HEAD_SIZE ? size : HEAD_SIZE - 1] = 0;
    char *name = head + 2, *end;
    while (*name == ' ' || *name == '\t') name++;
    for (end = name; *end && *end != ' ' && *end != '\t' && *end != '\n'; end++) {}
    *end = 0;
    return *name ? name : 0;
}

static int open_program(int dirfd, const char *path, int at_flags) {
    if (at_flags & AT_EMPTY_PATH && !*path) return (int)SYS(__NR_fcntl, dirfd, F_DUPFD_CLOEXEC, 0);
    return (int)SYS(__NR_openat, dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* A program that may be run and not read: all that its mode says. */
static int examine_unreadable(int dirfd, const char *path) {
    struct file_state st;
    if (sys_stat(dirfd, path, 0, &st) || !S_ISREG(st.mode) || !(st.mode & (S_ISUID | S_ISGID))) return BLIND_NOT;
    return st.uid != (u32)SYS(__NR_getuid) ? BLIND_SETUID : BLIND_NOT;
}

static int examine(int dirfd, const char *path, int at_flags, int depth) {
    struct file_state st;
    int reason = BLIND_NOT, fd = open_program(dirfd, path, at_flags);
    if (fd < 0) return examine_unreadable(dirfd, path);
    char *head = sys_stat(fd, "", AT_EMPTY_PATH, &st) || !S_ISREG(st.mode) ? 0 : scratch_get();
    if (head) {
        long n = SYS(__NR_pread64, fd, head, HEAD_SIZE, 0);
        if (depth > 0) observe_object(dirfd, path); /* depth 0 is in the record of the start itself */
        if (n > 2 && mem_equal(head, "#!", 2)) {
            char *interpreter = interpreter_of(head, (u64)n);
            if (interpreter && depth < MAX_INTERPRETERS) reason = examine(AT_FDCWD, interpreter, 0, depth + 1);
        } else if (n >= (long)sizeof(ElfW(Ehdr)) && mem_equal(head, ELFMAG, SELFMAG)) {
            reason = examine_elf(fd, &st, path, head, (u64)n);
        }
    }
    scratch_put(head);
    SYS(__NR_close, fd);
    return reason;
}

int program_examine(int dirfd, const char *path, int at_flags) { return quiet ? BLIND_NOT : examine(dirfd, path, at_flags, 0); }
