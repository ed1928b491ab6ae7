/* Names of files: absolute forms, keys by which a name is known again, the current directory. */
#ifndef ROAR_PATH_H
#define ROAR_PATH_H

#include "sys.h"

/* The name in /proc that opens a descriptor's file again. */
#define DESCRIPTOR_SIZE 32
void path_of_descriptor(int fd, char name[DESCRIPTOR_SIZE]);

/* The kernel's name for an open file, canonical; its length, 0: none or unreachable. */
size_t path_of_fd(int fd, char *buffer, size_t size);

/* Lexical: directory, "/", path, symbolic links as they are; its length, 0: can't be told. */
size_t path_absolute(int dirfd, const char *path, char *buffer, size_t size);

/* As path_absolute; but a symbolic link, and names that mean another file in each process (/proc/self/exe, /dev/fd/3), are
 * followed, which sets *canonical. */
size_t path_meant(int dirfd, const char *path, int is_link, char *buffer, size_t size, int *canonical);

/* As path_absolute, for calls that act on a name and not on what it leads to: the links in its directory are resolved, the
 * last name stays as it is.  *canonical: they surely are. */
size_t path_entry(int dirfd, const char *path, char *buffer, size_t size, int *canonical);

/* Whether a name means another file in each process, or at each use. */
int path_is_shifting(const char *path);

/* A key for "this name, used in this way"; 0: a name that must not be known again (it may mean another file each time). */
u64 path_key(int dirfd, const char *path, int use);

/* Whether the directory part is known to hold no symbolic link, "." or "..", so that only the last name may be one.
 * *key: what to put into the seen table once it has turned out to be so; 0: it can't be known. */
int path_directory_known(int dirfd, const char *path, u64 *key);

/* The working directory of this process, or of a vfork child in its memory, changed. */
void directory_changed(void);

/* From here on threads, or processes in one memory, may have working directories of their own. */
void directory_unshared(void);

/* In the child of a fork: it may have been made while another thread was writing the cache. */
void directory_forget(void);

/* A seccomp filter is coming: from here on no system call of our own. */
void path_quiet(void);
extern int quiet;

/* Differs after chroot or setns: absolute names mean other files. */
extern u32 root_salt;

u64 hash_bytes(u64 seed, const char *bytes, size_t n);

#endif
