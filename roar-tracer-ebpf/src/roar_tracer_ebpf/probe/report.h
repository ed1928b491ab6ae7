/* Records of files. */

/* A record with the file's state and path. */
INLINE int report_file(u64 task, u32 type, u32 tgid, struct file_facts *f, u32 flags, u32 open_flags, u32 op)
{
    if (!is_allowed(task)) return 0;
    u64 depth;
    struct scratch *s = begin(&depth, type, tgid);
    if (!s) { end(); return 0; }
    struct record *r = &s->record;
    r->flags = flags; r->open_flags = open_flags; r->op = op;
    put_state(r, f->inode);
    if (!LOAD(u64, f->dentry + O_DENTRY_HASH + 8)) r->flags |= F_UNLINKED;
    u64 first = put_walk(s, depth, 0, f->dentry, f->mount), length = first;
    r->walk[0] = first;
    if (r->flags & F_ELSEWHERE) { /* and its path within its file system, for which the reader knows a mount */
        length = put_walk(s, depth, first, f->dentry, O_MOUNT_MNT);
        r->walk[1] = length - first;
    }
    emit(s, length);
    return 0;
}

/* Something was done with an open file.  `type` is R_OPEN, R_WROTE, R_MAP, R_TRUNCATE or R_TIMES. */
INLINE int report(u64 task, u32 tgid, u32 word, u32 type, u64 file, u32 open_flags)
{
    struct file_facts f;
    if (!is_regular(file, &f)) return 0;
    u32 bits = 0, flags = 0;
    u64 salt = 0;
    if (type == R_OPEN) {
        if (f.access & FMODE_PATH || open_flags & FMODE_EXEC) return 0; /* what is executed, the exec itself reports */
        bits = f.access & 3;
        if (!bits) return 0;
        if (f.access & FMODE_CREATED) flags |= F_CREATED;
        /* a file that was changed meanwhile is another input; one that is being changed by the job is not */
        if (bits == 1) salt = state_of(&f);
    } else if (type == R_WROTE) bits = 4;
    else if (type == R_MAP) bits = 8;
    if (!bits || flags || (open_flags & O_TRUNC && type == R_OPEN)) {
        if (bits) unreported(tgid, word, &f, salt, bits);
    } else if (!unreported(tgid, word, &f, salt, bits)) return 0;
    return report_file(task, type, tgid, &f, flags, open_flags, f.access & 3);
}
