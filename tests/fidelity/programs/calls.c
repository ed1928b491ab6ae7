/* Results and errors of calls about files, the failing ones above all: what they print must not depend on who looks on. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#define SIGN(r) (r < 0 ? -1 : r == 0 ? 0 : 1)
#define SHOW(call) do { errno = 77; long r = (long)(call); printf("%s: %d, errno %d\n", #call, SIGN(r), errno); } while (0)
int main(void) {
    char *none[] = {"x", 0};
    char t[] = "/nodir/XXXXXX", ok[] = "tXXXXXX";
    pid_t pid;
    posix_spawn_file_actions_t fa;
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    SHOW(open("a", O_RDONLY));
    SHOW(open("a", O_RDWR));
    SHOW(open("new", O_RDWR | O_CREAT, 0600));
    SHOW(open("nothere", O_RDONLY));
    SHOW(open("a", O_WRONLY | O_CREAT | O_EXCL, 0600));
    SHOW(open("a/b", O_RDONLY));
    SHOW(open(".", O_WRONLY));
    SHOW(open("loop", O_RDONLY));
    SHOW(openat(99, "a", O_RDONLY));
    SHOW(openat64(AT_FDCWD, "b", O_RDONLY));
    SHOW(creat("nodir/x", 0600));
    SHOW(fopen("nothere", "r"));
    SHOW(fopen("a", "r"));
    SHOW(fopen("a", "?"));
    SHOW(freopen("nothere", "r", fopen("a", "r")));
    SHOW(mkstemp(t));
    SHOW(mkstemp(ok));
    SHOW(rename("nothere", "x"));
    SHOW(rename("a", "nodir/x"));
    SHOW(rename("new", "renamed"));
    SHOW(link("a", "b"));
    SHOW(link("a", "linked"));
    SHOW(linkat(99, "", AT_FDCWD, "x", AT_EMPTY_PATH));
    SHOW(symlink("x", "a"));
    SHOW(symlink("x", "s"));
    SHOW(unlink("nothere"));
    SHOW(unlink("s"));
    SHOW(unlinkat(99, "x", 0));
    SHOW(remove("linked"));
    SHOW(truncate("nothere", 0));
    SHOW(truncate("renamed", 5));
    SHOW(ftruncate(99, 0));
    SHOW(ftruncate(3, 0));
    SHOW(chdir("nothere"));
    SHOW(fchdir(99));
    SHOW(chroot("nothere"));
    SHOW(execv("nothere", none));
    SHOW(execvp("nothere", none));
    SHOW(execv("a", none));
    SHOW(execle("nothere", "x", (char *)0, none));
    SHOW(fexecve(99, none, none));
    SHOW(posix_spawn(&pid, "nothere", 0, 0, none, none));
    SHOW(posix_spawnp(&pid, "nothere", 0, 0, none, none));
    posix_spawn_file_actions_init(&fa);
    SHOW(posix_spawn_file_actions_addopen(&fa, 1, "a", O_RDONLY, 0));
    SHOW(posix_spawn_file_actions_addopen(&fa, -1, "a", O_RDONLY, 0));
    SHOW(mmap(0, 4096, PROT_READ, MAP_SHARED, 99, 0));
    SHOW(mprotect((void *)4096, 4096, PROT_WRITE) );
    SHOW(munmap((void *)1, 1));
    SHOW(futimens(99, 0));
    SHOW(utimes("nothere", 0));
    SHOW(utimensat(AT_FDCWD, "a", 0, 0));
    SHOW(dlopen("./nothere.so", RTLD_NOW));
    SHOW(syscall(SYS_getppid) > 0);
    SHOW(syscall(SYS_openat, AT_FDCWD, "nothere", O_RDONLY));
    SHOW(syscall(SYS_lseek, 99, 0, 0));
    SHOW(syscall(9999));
    SHOW(syscall(SYS_pread64, 99, 0, 0, 0));
    for (int i = 0; i < 3; i++) {
        char *bad = (char *[]){(char *)8, (char *)-1, (char *)-4096}[i];
        SHOW(open(bad, O_RDONLY));
        SHOW(open(bad, O_WRONLY | O_CREAT, 0600));
        SHOW(rename(bad, "b"));
        SHOW(rename("a", bad));
        SHOW(link("a", bad));
        SHOW(symlink("a", bad));
        SHOW(unlink(bad));
        SHOW(truncate(bad, 0));
        SHOW(utimensat(AT_FDCWD, bad, 0, 0));
        SHOW(syscall(SYS_openat, AT_FDCWD, bad, O_RDONLY));
        SHOW(execve(bad, (char *[]){0}, (char *[]){0}));
    }
    SHOW(popen("true", "?"));
    SHOW(system(0));
    return 0;
}
