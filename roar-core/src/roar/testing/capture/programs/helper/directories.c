/* Directories: working directories, and directories that move while they are in use. */
#include "modes.h"
#include <linux/fs.h>

static void changes_directory(void) {
    MUST(!get("x") && !chdir("sub") && get("x") && put("y", "1"));
    int d = open("..", O_RDONLY);
    MUST(!fchdir(d) && put("y", "2") && get("a"));
}
static void changes_through_links(void) {
    MUST(!chdir("way") && get("x") && !chdir("..") && get("a") && !chdir("/proc/self/cwd/way") && put("y", "1"));
}
static void fchdir_to_o_path(void) { MUST(!fchdir(open("sub", O_PATH)) && get("x")); }
static void failing_chdir(void) {
    FAILS(chdir("absent"), ENOENT);
    FAILS(chdir("a"), ENOTDIR);
    FAILS(fchdir(99), EBADF);
    FAILS(fchdir(open("a", O_PATH)), ENOTDIR);
    MUST(put("out", "x"));
}
static void dir_above_open(void) {
    MUST(!mkdir("d", 0755));
    int f = open("d/f", O_WRONLY | O_CREAT, 0644);
    MUST(!rename("d", "e") && write(f, "x", 1) == 1);
}
static void dir_above_reading(void) { /* what is read has the name of when it was opened */
    char b;
    int f = open("sub/x", O_RDONLY);
    MUST(!rename("sub", "sub2") && read(f, &b, 1) == 1);
}
static void dir_twice(void) {
    MUST(!mkdir("d", 0755) && put("d/f", "1") && !rename("d", "e"));
    MUST(!mkdir("d", 0755) && put("d/f", "2") && !rename("d", "g"));
}
static void dir_of_a_descriptor_moved(void) {
    MUST(!mkdir("d", 0755));
    int d = open("d", O_RDONLY | O_DIRECTORY), f;
    MUST(!rename("d", "e") && (f = openat(d, "f", O_WRONLY | O_CREAT, 0644)) >= 0 && write(f, "x", 1) == 1);
}
static void working_dir_moved(void) {
    MUST(!mkdir("d", 0755) && !chdir("d") && !rename("../d", "../e") && put("f", "x"));
}
static void working_dir_moved_by_another(void) {
    MUST(!mkdir("d", 0755) && !chdir("d") && put("before", "x"));
    pid_t p = fork();
    if (!p) {
        MUST(!chdir("..") && !rename("d", "e"));
        _exit(0);
    }
    MUST(ended_well(p) && put("after", "x") && get("../a"));
}
static void working_dir_removed(void) {
    MUST(!mkdir("d", 0755) && !chdir("d") && !rmdir("../d"));
    FAILS(open("f", O_WRONLY | O_CREAT, 0644), ENOENT);
    MUST(!chdir("..") || errno == ENOENT);
}
static void dirs_exchanged(void) {
    MUST(!mkdir("d", 0755) && put("d/f", "x") && !renameat2(AT_FDCWD, "d", AT_FDCWD, "sub", RENAME_EXCHANGE));
}
static void dirs_exchanged_then_read(void) {
    MUST(!renameat2(AT_FDCWD, "pkg", AT_FDCWD, "sub", RENAME_EXCHANGE) && get("pkg/x"));
}
static void dir_and_file_exchanged(void) {
    MUST(!mkdir("d", 0755) && put("d/f", "x") && put("n", "y") && !renameat2(AT_FDCWD, "d", AT_FDCWD, "n", RENAME_EXCHANGE));
}
static void dir_over_an_empty_one(void) { MUST(!mkdir("d", 0755) && put("d/f", "x") && !mkdir("e", 0755) && !rename("d", "e")); }
static void dir_into_another(void) {
    MUST(!mkdir("d", 0755) && put("d/f", "x") && !rename("d", "sub/d") && !rename("sub", "s2") && get("s2/d/f"));
}
static void deep_directories(void) { /* deeper than a path can say */
    char name[201];
    memset(name, 'd', 200);
    name[200] = 0;
    MUST(get("a"));
    for (int i = 0; i < 25; i++) MUST(!mkdir(name, 0755) && !chdir(name));
    MUST(put("f", "x") && get("f") && !unlink("f"));
}
static void lists_directories(void) {
    char b[4096];
    int d = open("sub", O_RDONLY | O_DIRECTORY), e = open(".", O_RDONLY);
    MUST(syscall(SYS_getdents64, d, b, sizeof b) > 0 && syscall(SYS_getdents64, e, b, sizeof b) > 0);
}

const struct mode directories[] = {
    MODE(changes_directory), MODE(changes_through_links), MODE(fchdir_to_o_path), MODE(failing_chdir), MODE(dir_above_open),
    MODE(dir_above_reading), MODE(dir_twice), MODE(dir_of_a_descriptor_moved), MODE(working_dir_moved),
    MODE(working_dir_moved_by_another), MODE(working_dir_removed), MODE(dirs_exchanged),
    MODE(dirs_exchanged_then_read), MODE(dir_and_file_exchanged), MODE(dir_over_an_empty_one), MODE(dir_into_another), MODE(deep_directories),
    MODE(lists_directories), NO_MORE,
};
