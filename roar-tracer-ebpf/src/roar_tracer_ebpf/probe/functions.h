/* fentry tier: the functions in which the kernel does what system calls and io_uring alike ask of it.  Calls that touch no file
 * run nothing.  Each function was seen to be called once an operation, with these arguments, on Linux 5.10, 6.1, 6.12 and 7.3.
 *
 * What is told at a function's entry is pending until the outcome of the call, which another function's end tells. */

/* An argument as a number: with its type, the verifier would allow no arithmetic. */
INLINE u64 argument(u64 *ctx, int n)
{
    u64 value = 0;
    bpf_probe_read_kernel(&value, sizeof(value), ctx + n);
    return value;
}
#define ME() ((u32)(bpf_get_current_pid_tgid() >> 32))
#define THREAD() ((u64)bpf_get_current_pid_tgid())

int at_fadvise(u64 *ctx) /* ksys_fadvise64_64(fd, offset, length, advice) */
{
    return advise(current_task(), ME(), argument(ctx, 1), argument(ctx, 2), argument(ctx, 3));
}

INLINE int opened(u64 *ctx, u64 file, u64 open_flags)
{
    u32 tgid = ME();
    u32 *process = enrolled(tgid);
    if (!process) return 0;
    return report(tgid, *process, R_OPEN, file, open_flags);
}
int after_open(u64 *ctx) /* do_filp_open(directory, name, struct open_flags *): struct file * or an error */
{
    if (!enrolled(ME())) return 0;
    return opened(ctx, argument(ctx, 3), LOAD(u32, argument(ctx, 2) + O_OPEN_FLAG));
}
int after_open_root(u64 *ctx) /* do_file_open_root(root, name, struct open_flags *): as before, for open_by_handle_at(2) */
{
    if (!enrolled(ME())) return 0;
    return opened(ctx, argument(ctx, 3), LOAD(u32, argument(ctx, 2) + O_OPEN_FLAG));
}
int after_open_root4(u64 *ctx) /* the same before 5.13: (dentry, mount, name, struct open_flags *) */
{
    if (!enrolled(ME())) return 0;
    return opened(ctx, argument(ctx, 4), LOAD(u32, argument(ctx, 3) + O_OPEN_FLAG));
}
int after_mmap(u64 *ctx) /* vm_mmap_pgoff(file, address, length, protection, flags, offset): an address or an error */
{
    u64 file = argument(ctx, 0);
    if (!file) return 0;
    u32 tgid = ME();
    u32 *process = enrolled(tgid);
    if (!process || !(argument(ctx, 3) & PROT_WRITE) || !(argument(ctx, 4) & MAP_SHARED) || argument(ctx, 6) >= (u64)-4095ll) return 0;
    return report(tgid, *process, R_MAP, file, 0);
}
INLINE int truncated(u64 *ctx, u64 file, u64 length, s32 result)
{
    u32 tgid = ME();
    u32 *process = enrolled(tgid);
    if (!process || !file || result) return 0;
    return report(tgid, *process, length ? R_WROTE : R_TRUNCATE, file, 0);
}
int after_truncate(u64 *ctx) /* do_truncate(owners, dentry, length, times, file): of ftruncate(2), of an open with O_TRUNC */
{
    return truncated(ctx, argument(ctx, 4), argument(ctx, 2), argument(ctx, 5));
}
int after_truncate4(u64 *ctx) /* the same before 5.12: (dentry, length, times, file) */
{
    return truncated(ctx, argument(ctx, 3), argument(ctx, 1), argument(ctx, 4));
}

/* A record of a path, as it is now: with `pending` its outcome follows. */
INLINE int report_path(u32 type, u64 path, u64 value, u64 pending)
{
    u64 task = current_task();
    if (!is_allowed(task)) return 0;
    u64 depth, dentry = LOAD(u64, path + 8);
    struct scratch *s = begin(&depth, type, ME());
    if (!s) { end(); return 0; }
    struct record *r = &s->record;
    put_state(r, LOAD(u64, dentry + O_DENTRY_INODE));
    r->id = pending; r->open_flags = value;
    if (pending) r->flags = F_PENDING;
    if (!LOAD(u64, dentry + O_DENTRY_HASH + 8)) r->flags |= F_UNLINKED;
    u64 length = put_walk(s, depth, 0, dentry, LOAD(u64, path));
    r->walk[0] = length;
    emit(s, length);
    return 0;
}
int after_truncate_path(u64 *ctx) /* vfs_truncate(path, length) */
{
    if (!enrolled(ME()) || (s32)argument(ctx, 2)) return 0;
    u64 length = argument(ctx, 1);
    return report_path(length ? R_WROTE : R_TRUNCATE, argument(ctx, 0), 0, 0);
}
int at_times(u64 *ctx) /* vfs_utimes(path, times) */
{
    if (!enrolled(ME())) return 0;
    return report_path(R_TIMES, argument(ctx, 0), 0, THREAD());
}

INLINE int outcome(u32 op, s32 result, u64 inode)
{
    u32 tgid = ME();
    if (!enrolled(tgid)) return 0;
    u64 depth;
    struct scratch *s = begin(&depth, R_OUTCOME, tgid);
    if (!s) { end(); return 0; }
    struct record *r = &s->record;
    if (inode) put_state(r, inode);
    r->op = op; r->id = THREAD(); r->size = (s64)result;
    emit(s, 0);
    return 0;
}
int after_times(u64 *ctx)
{
    if (!enrolled(ME())) return 0;
    return outcome(0, argument(ctx, 2), LOAD(u64, LOAD(u64, argument(ctx, 0) + 8) + O_DENTRY_INODE));
}

/* Names, by their directories and entries: what security modules are asked before it is done. */
INLINE int report_entries(u32 op, u64 value, u64 mount, u64 dentry, u64 mount2, u64 dentry2)
{
    u64 task = current_task(), zero = G->zero;
    if (!is_allowed(task)) return 0;
    u64 depth, length = 0;
    struct scratch *s = begin(&depth, R_NAMES, ME());
    if (!s) { end(); return 0; }
    struct record *r = &s->record;
    r->op = op; r->id = THREAD(); r->flags = F_PENDING | F_EXACT; r->open_flags = value;
    put_state(r, LOAD(u64, dentry + O_DENTRY_INODE));
    if (!LOAD(u64, dentry + O_DENTRY_HASH + 8)) r->flags |= F_UNLINKED;
    mount += zero; dentry += zero; mount2 += zero; dentry2 += zero;
    NO_UNROLL
    for (int i = 0; i < 2; i++) {
        u64 before = length;
        length = put_walk(s, depth, length, dentry, mount);
        r->walk[i & 1] = length - before;
        if (!dentry2) break;
        mount = mount2; dentry = dentry2; dentry2 = 0;
    }
    emit(s, length);
    return 0;
}
int at_rename(u64 *ctx) /* security_path_rename(old directory, old entry, new directory, new entry, flags) */
{
    if (!enrolled(ME())) return 0;
    u64 inode = LOAD(u64, argument(ctx, 1) + O_DENTRY_INODE);
    if (inode && inode == LOAD(u64, argument(ctx, 3) + O_DENTRY_INODE)) return 0; /* two names of one file: nothing happens */
    return report_entries(A_RENAMEAT2, argument(ctx, 4), LOAD(u64, argument(ctx, 0)), argument(ctx, 1),
                          LOAD(u64, argument(ctx, 2)), argument(ctx, 3));
}
int at_link(u64 *ctx) /* security_path_link(old entry, new directory, new entry): both are of one mount */
{
    if (!enrolled(ME())) return 0;
    u64 mount = LOAD(u64, argument(ctx, 1));
    return report_entries(A_LINKAT, 0, mount, argument(ctx, 0), mount, argument(ctx, 2));
}
int at_symlink(u64 *ctx) /* security_path_symlink(directory, entry, text) */
{
    if (!enrolled(ME())) return 0;
    return report_entries(A_SYMLINKAT, 0, LOAD(u64, argument(ctx, 0)), argument(ctx, 1), 0, 0);
}
int at_unlink(u64 *ctx) /* security_path_unlink(directory, entry) */
{
    if (!enrolled(ME())) return 0;
    return report_entries(A_UNLINKAT, 0, LOAD(u64, argument(ctx, 0)), argument(ctx, 1), 0, 0);
}
int at_mknod(u64 *ctx) /* security_path_mknod(directory, entry, mode, device): of creating opens, too */
{
    if (!enrolled(ME())) return 0;
    return report_entries(A_MKNODAT, argument(ctx, 2), LOAD(u64, argument(ctx, 0)), argument(ctx, 1), 0, 0);
}
int after_rename(u64 *ctx) { return outcome(A_RENAMEAT2, argument(ctx, 5), 0); }  /* do_renameat2(directory, name, directory, name, flags) */
int after_link(u64 *ctx) { return outcome(A_LINKAT, argument(ctx, 5), 0); }    /* do_linkat(directory, name, directory, name, flags) */
int after_symlink(u64 *ctx) { return outcome(A_SYMLINKAT, argument(ctx, 3), 0); } /* do_symlinkat(text, directory, name) */
int after_unlink(u64 *ctx) { return outcome(A_UNLINKAT, argument(ctx, 2), 0); }  /* do_unlinkat(directory, name) */
int after_mknod(u64 *ctx) { return outcome(A_MKNODAT, argument(ctx, 4), 0); }   /* do_mknodat(directory, name, mode, device) */
