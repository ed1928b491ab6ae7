/* Names of files: temporary ones, links, renames, removals. */
#include "modes.h"
#include <linux/fs.h>
#include <sys/sysmacros.h>

static int unnamed(int flags) {
    int f = open(".", O_TMPFILE | flags, 0644);
    MUST(f >= 0 && write(f, "x", 1) == 1);
    return f;
}
static void tmpfile_linked(void) { MUST(!linkat(AT_FDCWD, by_number(PROC_FD, unnamed(O_RDWR)), AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void tmpfile_linked_by_dirfd(void) {
    int f = unnamed(O_WRONLY), d = open(PROC_FD, O_RDONLY | O_DIRECTORY);
    char number[16];
    snprintf(number, sizeof number, "%d", f);
    MUST(!linkat(d, number, AT_FDCWD, "out", AT_SYMLINK_FOLLOW));
}
static void tmpfile_empty_path(void) { MUST(!linkat(unnamed(O_WRONLY), "", AT_FDCWD, "out", AT_EMPTY_PATH)); }
static void tmpfile_linked_then_written(void) {
    int f = unnamed(O_RDWR);
    MUST(!linkat(AT_FDCWD, by_number(PROC_FD, f), AT_FDCWD, "out", AT_SYMLINK_FOLLOW) && write(f, "more", 4) == 4 && get("out"));
}
static void tmpfile_replaces(void) { /* how a file is replaced at once by one that had no name */
    MUST(!linkat(AT_FDCWD, by_number(PROC_FD, unnamed(O_RDWR)), AT_FDCWD, "a.new", AT_SYMLINK_FOLLOW) && !rename("a.new", "a"));
}
static void tmpfile_dropped(void) { unnamed(O_RDWR); }
static void tmpfile_that_stays_unnamed(void) {
    FAILS(linkat(AT_FDCWD, by_number(PROC_FD, unnamed(O_RDWR | O_EXCL)), AT_FDCWD, "out", AT_SYMLINK_FOLLOW), ENOENT);
}
static void link_followed(void) { MUST(!linkat(AT_FDCWD, "old", AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void link_of_a_link(void) { MUST(!linkat(AT_FDCWD, "old", AT_FDCWD, "older", 0)); }
static void link_open_fd(void) { MUST(!linkat(AT_FDCWD, by_number(PROC_FD, open("a", O_RDONLY)), AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void link_o_path(void) { MUST(!linkat(open("a", O_PATH), "", AT_FDCWD, "out", AT_EMPTY_PATH)); }
static void link_by_dirfds(void) {
    int d = open("sub", O_PATH), e = open(".", O_PATH);
    MUST(!linkat(d, "x", e, "z", 0));
}
static void link_written_through(void) { MUST(!link("a", "z") && put("z", "new")); }
static void exchange(void) { MUST(!renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE)); }
static void exchange_with_new(void) { MUST(put("n", "x") && !renameat2(AT_FDCWD, "n", AT_FDCWD, "b", RENAME_EXCHANGE)); }
static void noreplace(void) { FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST); }
static void noreplace_moves(void) { MUST(!renameat2(AT_FDCWD, "a", AT_FDCWD, "z", RENAME_NOREPLACE)); }
static void rename_to_itself(void) { MUST(!rename("a", "a") && !rename("b", "./sub/../b")); }
static void rename_same_file(void) { MUST(put("n", "x") && !link("n", "z") && !rename("n", "z")); } /* does nothing: both stay */
static void rename_a_link(void) { MUST(!rename("old", "older")); }
static void rename_over_a_link(void) { MUST(!rename("a", "old")); }
static void rename_while_written(void) {
    int f = open("t", O_WRONLY | O_CREAT, 0644);
    MUST(write(f, "1", 1) == 1 && !rename("t", "z") && write(f, "2", 1) == 1);
}
static void rename_by_dirfds(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(!renameat(d, "x", AT_FDCWD, "z") && !renameat(AT_FDCWD, "a", d, "a2"));
}
static void rename_over_what_is_read(void) {
    int f = open("a", O_RDONLY);
    char b;
    MUST(f >= 0 && put("n", "new") && !rename("n", "a") && read(f, &b, 1) == 1 && b == 'a');
}
static void removed(void) { MUST(put("t", "x") && !remove("t") && !mkdir("d", 0755) && !remove("d")); }
static void removed_and_made(void) { MUST(!unlink("a") && put("a", "x")); }
static void read_and_replaced(void) { MUST(get("a") && !unlink("a") && !link("b", "a")); }
static void unlinked_open(void) {
    int f = open("t", O_RDWR | O_CREAT, 0600);
    MUST(!unlink("t") && write(f, "x", 1) == 1);
}
static void unlinked_reading(void) {
    char b;
    int f = open("a", O_RDONLY);
    MUST(!unlink("a") && read(f, &b, 1) == 1);
}
static void unlinked_by_dirfd(void) {
    int d = open("sub", O_PATH);
    MUST(get("sub/x") && !unlinkat(d, "x", 0) && !rmdir("sub"));
}
static void mknod_file(void) { MUST(!mknod("out", S_IFREG | 0644, 0) && !mknodat(AT_FDCWD, "p", S_IFIFO | 0644, 0)); }
static void mknod_then_written(void) { MUST(!mknod("out", S_IFREG | 0644, 0) && put("out", "x")); }
static void symlinkat_(void) {
    int d = open("sub", O_RDONLY | O_DIRECTORY);
    MUST(!symlinkat("x", d, "l") && get("sub/l") && !unlinkat(d, "l", 0));
}
static void dangling_link_written(void) { MUST(!symlink("out", "l") && put("l", "x")); }
static void same_name_again(void) {
    for (int i = 0; i < 3; i++) {
        char to[8];
        sprintf(to, "o%d", i);
        MUST(put("t", to) && !rename("t", to));
    }
}
static void odd_names(void) {
    MUST(put("new\nline", "x") && put("\xff\xfe", "x") && put(" ", "x") && put("\\x41", "x") && put("-rf", "x") && put("a (deleted)", "x"));
}
static void name_of_255_bytes(void) {
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    MUST(put(name, "x"));
}

const struct mode naming[] = {
    MODE(tmpfile_linked), MODE(tmpfile_linked_by_dirfd), MODE(tmpfile_empty_path), MODE(tmpfile_linked_then_written),
    MODE(tmpfile_replaces), MODE(tmpfile_dropped), MODE(tmpfile_that_stays_unnamed), MODE(link_followed), MODE(link_of_a_link),
    MODE(link_open_fd), MODE(link_o_path), MODE(link_by_dirfds), MODE(link_written_through), MODE(exchange),
    MODE(exchange_with_new), MODE(noreplace), MODE(noreplace_moves), MODE(rename_to_itself),
    MODE(rename_same_file), MODE(rename_a_link), MODE(rename_over_a_link), MODE(rename_while_written), MODE(rename_by_dirfds),
    MODE(rename_over_what_is_read), MODE(removed), MODE(removed_and_made), MODE(read_and_replaced), MODE(unlinked_open),
    MODE(unlinked_reading), MODE(unlinked_by_dirfd), MODE(mknod_file), MODE(mknod_then_written), MODE(symlinkat_),
    MODE(dangling_link_written), MODE(same_name_again), MODE(odd_names), MODE(name_of_255_bytes), NO_MORE,
};
