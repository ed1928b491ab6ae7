/* Records of files. */

/* Whether what was done with an open file has not been told yet; `flags`: of the record. */
INLINE int is_news(u32 tgid, u32 word, u32 type, u64 file, u32 open_flags, struct file_facts *f, u32 *flags)
{
    if (!is_regular(file, f)) return 0;
    u32 bits = 0;
    u64 salt = 0;
    *flags = 0;
    if (type == R_OPEN) {
        if (f->access & FMODE_PATH || open_flags & FMODE_EXEC) return 0; /* what is executed, the exec itself reports */
        bits = f->access & 3;
        if (!bits) return 0;
        if (f->access & FMODE_CREATED) *flags = F_CREATED;
        /* a file that was changed meanwhile is another input; one that is being changed by the job is not */
        if (bits == 1) salt = state_of(f);
    } else if (type == R_WROTE) bits = 4;
    else if (type == R_MAP) bits = 8;
    if (!bits) return 1;
    u32 new = unreported(tgid, word, f, salt, bits);
    return new || *flags || (open_flags & O_TRUNC && type == R_OPEN);
}

INLINE void put_file(struct record *r, struct file_facts *f)
{
    put_state(r, f->inode);
    if (!LOAD(u64, f->dentry + O_DENTRY_HASH + 8)) r->flags |= F_UNLINKED;
}

/* Ends a record that is begun, of a file; a function of its own, see walk(). */
int tell_file(u64 *argument)
{
    u64 depth = (u64)argument;
    struct file_facts f;
    struct scratch *s = place(depth);
    if (!s || !is_allowed(current_task()) || !is_regular(s->file, &f)) { end(); return 0; }
    struct record *r = &s->record;
    put_file(r, &f);
    u64 first = put_walk(s, depth, 0, f.dentry, f.mount), length = first;
    r->walk[0] = first;
    if (r->flags & F_ELSEWHERE) { /* and its path within its file system, for which the reader knows a mount */
        length = put_walk(s, depth, first, f.dentry, O_MOUNT_MNT);
        r->walk[1] = length - first;
    }
    emit(s, length);
    return 0;
}

/* Something was done with an open file.  `type` is R_OPEN, R_WROTE, R_MAP, R_TRUNCATE or R_TIMES. */
INLINE int report(u32 tgid, u32 word, u32 type, u64 file, u32 open_flags)
{
    struct file_facts f;
    u32 flags;
    u64 depth;
    if (!is_news(tgid, word, type, file, open_flags, &f, &flags)) return 0;
    struct scratch *s = begin(&depth, type, tgid);
    if (!s) { end(); return 0; }
    s->record.flags = flags; s->record.open_flags = open_flags; s->record.op = f.access & 3;
    s->file = file;
    ((int (*)(u64))SUB_TELL_FILE)(depth);
    return 0;
}
