/* Programs that do with files what few do: odd WHAT [ARG]... in the current directory; exits 0 when all went well. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MUST(x) ({ __typeof__(x) _r = (x); if (_r < 0) err(1, "%s", #x); _r; })

/* ---- io_uring, one request at a time */

static struct { int fd; char *sq, *cq; struct io_uring_sqe *sqes; struct io_uring_params p; } ring;

static void ring_open(void) {
    ring.fd = MUST((int)syscall(SYS_io_uring_setup, 4, &ring.p));
    size_t size = ring.p.cq_off.cqes + ring.p.cq_entries * sizeof(struct io_uring_cqe);
    ring.sq = ring.cq = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
    ring.sqes = mmap(NULL, 4 * sizeof *ring.sqes, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
    if (ring.sq == MAP_FAILED || ring.sqes == MAP_FAILED) err(1, "mmap");
}

static int ring_do(struct io_uring_sqe request) {
    unsigned *tail = (unsigned *)(ring.sq + ring.p.sq_off.tail), mask = *(unsigned *)(ring.sq + ring.p.sq_off.ring_mask);
    unsigned at = *tail & mask, *head = (unsigned *)(ring.cq + ring.p.cq_off.head);
    ring.sqes[at] = request;
    ((unsigned *)(ring.sq + ring.p.sq_off.array))[at] = at;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    MUST((int)syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    unsigned cq_mask = *(unsigned *)(ring.cq + ring.p.cq_off.ring_mask);
    int result = ((struct io_uring_cqe *)(ring.cq + ring.p.cq_off.cqes))[*head & cq_mask].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return result;
}

static int ring_open_file(const char *name, int flags) {
    return ring_do((struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (unsigned long)name, .open_flags = flags, .len = 0644});
}

static int ring_names(int op, const char *from, const char *to) {
    struct io_uring_sqe one = {.opcode = op, .fd = AT_FDCWD, .addr = (unsigned long)from, .addr2 = (unsigned long)to};
    if (op != IORING_OP_UNLINKAT && op != IORING_OP_SYMLINKAT) one.len = AT_FDCWD;
    return ring_do(one);
}

static void by_ring(void) {
    ring_open();
    char text[8];
    int in = ring_open_file("in", O_RDONLY), out = ring_open_file("part", O_CREAT | O_WRONLY);
    int both = ring_open_file("changed", O_RDWR), gone = ring_open_file("gone", O_CREAT | O_WRONLY);
    if (in < 0 || out < 0 || both < 0 || gone < 0) errx(1, "open %d %d %d %d", in, out, both, gone);
    if (read(in, text, 2) != 2) err(1, "read");
    for (int fd = out; fd; fd = fd == out ? both : 0)
        if (ring_do((struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = fd, .addr = (unsigned long)"text", .len = 4}) != 4) errx(1, "write");
    if (ring_names(IORING_OP_RENAMEAT, "part", "whole") || ring_names(IORING_OP_UNLINKAT, "gone", NULL)) errx(1, "rename, unlink");
    if (ring_names(IORING_OP_LINKAT, "whole", "hard") || ring_names(IORING_OP_SYMLINKAT, "in", "soft")) errx(1, "link");
    if (ring_names(IORING_OP_RENAMEAT, "nonesuch", "whole") != -ENOENT || ring_names(IORING_OP_UNLINKAT, "none", NULL) != -ENOENT) errx(1, "failing");
    if (ring_open_file("nonesuch", O_RDONLY) != -ENOENT) errx(1, "failing open");
}

/* ---- the others */

static void by_descriptor(const char *address) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, address, sizeof to.sun_path - 1);
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(connect(fd, (struct sockaddr *)&to, sizeof to));
    char byte, space[CMSG_SPACE(sizeof(int))];
    struct iovec one = {&byte, 1};
    struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    MUST(recvmsg(fd, &message, 0));
    int got = *(int *)CMSG_DATA(CMSG_FIRSTHDR(&message));
    MUST(write(got, "text", 4));
}

static void in_jail(void) {
    MUST(chroot("jail"));
    MUST(chdir("/"));
    close(MUST(open("/in", O_RDONLY)));
    MUST(write(MUST(open("sub/../made", O_CREAT | O_WRONLY, 0644)), "x", 1));
    MUST(rename("made", "/moved"));
}

static void in_namespace(void) {
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount("real", "seen", NULL, MS_BIND, NULL));
    close(MUST(open("seen/in", O_RDONLY)));
    MUST(write(MUST(open("seen/made", O_CREAT | O_WRONLY, 0644)), "x", 1));
}

static void *become_cat(void *file) {
    execl("/bin/cat", "cat", (char *)file, NULL);
    err(1, "cat");
}

static void by_thread(char *file) {
    pthread_t thread;
    pthread_create(&thread, NULL, become_cat, file);
    pause();
}

static void *make(void *number) {
    char name[32];
    for (int n = 0; n < 20; n++) {
        snprintf(name, sizeof name, "t%ld-%d", (long)number, n);
        close(MUST(open(name, O_CREAT | O_WRONLY, 0644)));
    }
    return NULL;
}

static void threads(void) {
    pthread_t all[16];
    for (long n = 0; n < 16; n++) pthread_create(all + n, NULL, make, (void *)n);
    for (int n = 0; n < 16; n++) pthread_join(all[n], NULL);
}

/* COUNT files; between two signals to the process PID when there is one */
static void flood(int count, const char *folder) {
    char name[64];
    int directory = MUST(open(folder, O_PATH));
    for (int n = 0; n < count; n++) {
        snprintf(name, sizeof name, "flood-%d", n);
        close(MUST(openat(directory, name, O_CREAT | O_WRONLY, 0644)));
    }
}

/* A file at the end of COUNT directories, each of LENGTH characters. */
static void deep(int count, int length) {
    char name[256];
    memset(name, 'd', sizeof name);
    name[length] = 0;
    for (int n = 0; n < count; n++) {
        MUST(mkdir(name, 0755));
        MUST(chdir(name));
    }
    MUST(write(MUST(open("bottom", O_CREAT | O_WRONLY, 0644)), "x", 1));
}

int main(int count, char **words) {
    const char *what = words[1];
    if (!strcmp(what, "ring")) by_ring();
    else if (!strcmp(what, "descriptor")) by_descriptor(words[2]);
    else if (!strcmp(what, "jail")) in_jail();
    else if (!strcmp(what, "namespace")) in_namespace();
    else if (!strcmp(what, "thread")) by_thread(words[2]);
    else if (!strcmp(what, "threads")) threads();
    else if (!strcmp(what, "flood")) flood(atoi(words[2]), words[3]);
    else if (!strcmp(what, "deep")) deep(atoi(words[2]), atoi(words[3]));
    else errx(2, "what?");
    return count < 2;
}
