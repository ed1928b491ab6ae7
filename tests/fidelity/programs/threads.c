/* What threads can do to a process: threads WAY. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int opened, failed;

static void *open_files(void *which) {
    char name[64];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "made.%ld.%d", (long)which, i);
        int out = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600), in = open("README", O_RDONLY), none = open("nothing", O_RDONLY);
        failed += out < 0 || in < 0 || none >= 0;
        opened += 2;
        write(out, name, strlen(name));
        close(out);
        close(in);
        failed += rename(name, name + 1) || unlink(name + 1);
    }
    return 0;
}

static void *spin(void *unused) {
    for (;;)
        close(open("README", O_RDONLY));
    return unused;
}

static void *ends(void *unused) {
    exit(12);
    return unused;
}

static void *ends_late(void *pid) {
    char state[64], text[512] = "";
    snprintf(state, sizeof state, "/proc/%ld/stat", (long)pid);
    do { /* until the first thread is a zombie */
        int fd = open(state, O_RDONLY);
        read(fd, text, sizeof text - 1);
        close(fd);
    } while (!strstr(text, ") Z"));
    int fd = open("README", O_RDONLY);
    _exit(fd < 0 ? 14 : 13);
    return 0;
}

static void *becomes(void *program) {
    char *words[] = {program, "-c", "echo $$ $PPID; cat README; exit 15", 0};
    execv(program, words);
    return 0;
}

static void *forks(void *unused) {
    int status;
    pid_t pid = fork();
    if (!pid) {
        execlp("cat", "cat", "README", (char *)0);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    failed += status != 0;
    return unused;
}

int main(int argc, char **argv) {
    pthread_t threads[100];
    const char *way = argc > 1 ? argv[1] : "";
    int count = 0;
    if (!strcmp(way, "open")) {
        for (long i = 0; i < 100; i++)
            count += !pthread_create(&threads[count], 0, open_files, (void *)i);
        for (int i = 0; i < count; i++)
            pthread_join(threads[i], 0);
        printf("%d threads, %d files, %d failures\n", count, opened, failed);
    } else if (!strcmp(way, "killed")) {
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], 0, spin, 0);
        raise(SIGKILL);
    } else if (!strcmp(way, "ended")) {
        pthread_create(&threads[0], 0, spin, 0);
        pthread_create(&threads[1], 0, ends, 0);
        pause();
    } else if (!strcmp(way, "outlived")) {
        pthread_create(&threads[0], 0, ends_late, (void *)(long)getpid());
        pthread_exit(0);
    } else if (!strcmp(way, "exec")) {
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], 0, spin, 0);
        printf("%d %d\n", getpid(), getppid());
        fflush(stdout);
        pthread_create(&threads[5], 0, becomes, "/bin/sh");
        for (;;)
            pause();
    } else if (!strcmp(way, "forks")) {
        for (; count < 20; count++)
            pthread_create(&threads[count], 0, forks, 0);
        for (int i = 0; i < count; i++)
            pthread_join(threads[i], 0);
        return failed;
    }
    return 0;
}
