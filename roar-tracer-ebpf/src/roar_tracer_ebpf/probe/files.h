/* Regular files that a process opened, changed or mapped. */
struct file_facts { u64 file, dentry, mount, inode; u32 mode, access; };

INLINE u64 fd_file(u64 task, u64 fd)
{
    u64 table = LOAD(u64, LOAD(u64, task + O_TASK_FILES) + O_FILES_FDT);
    if ((u32)fd >= LOAD(u32, table + O_FDT_MAX)) return 0;
    return LOAD(u64, LOAD(u64, table + O_FDT_FD) + (u64)(u32)fd * 8);
}
INLINE int is_regular(u64 file, struct file_facts *f)
{
    if (!file || file >= (u64)-4096ll) return 0;
    f->file = file;
    f->inode = LOAD(u64, file + O_FILE_INODE);
    f->mode = LOAD(u16, f->inode + O_INODE_MODE);
    if ((f->mode & S_IFMT) != S_IFREG) return 0;
    f->mount = LOAD(u64, file + O_FILE_PATH);
    f->dentry = LOAD(u64, file + O_FILE_PATH + 8);
    f->access = LOAD(u32, file + O_FILE_MODE);
    return 1;
}

/* What of `bits` was not yet reported of this file by this process, and from now on is.
 *
 * A direct-mapped cache of 56-bit fingerprints with 8 bits each: nothing to allocate, lock or expire, and a slot is one store.
 * Two files in one slot only repeat an event.  Addresses and inode numbers come again at once after an unlink, so the name and
 * the parent are in it; `salt`: what else must be the same. */
INLINE u32 unreported(u32 tgid, u32 word, struct file_facts *f, u64 salt, u32 bits)
{
    u64 h = (f->dentry + (tgid ^ (u64)word << 24) * 0x9FB21C651E98DF25ull) * 0x9E3779B97F4A7C15ull;
    h ^= (f->inode + LOAD(u32, f->inode + O_INODE_GENERATION) + salt) * 0xC2B2AE3D27D4EB4Full;
    h ^= LOAD(u64, f->dentry + O_DENTRY_PARENT) * 0x165667B19E3779F9ull;
    h ^= LOAD(u64, f->dentry + O_DENTRY_NAME) * 0xD6E8FEB86659FD93ull;
    h ^= (f->mount + (h >> 29)) * 0xFF51AFD7ED558CCDull;
    h ^= h >> 32;
    h *= 0xC4CEB9FE1A85EC53ull;
    h ^= h >> 29;
    u64 *slot = &G->seen[(h >> 40) & (SEEN_SLOTS - 1)];
    u64 fingerprint = h << 8, old = *slot;
    if ((old & ~255ull) == fingerprint) {
        bits &= ~(u32)old;
        if (bits) *slot = old | bits;
        return bits;
    }
    *slot = fingerprint | bits;
    return bits;
}
INLINE u64 state_of(struct file_facts *f)
{
    return LOAD(u64, f->inode + O_INODE_SIZE) * 0x9E3779B97F4A7C15ull
        + LOAD(u64, f->inode + O_INODE_MTIME) * 1000000007ull + LOAD(u32, f->inode + O_INODE_MTIME_NS);
}
INLINE void put_state(struct record *r, u64 inode)
{
    r->ino = LOAD(u64, inode + O_INODE_INO);
    r->dev = LOAD(u32, LOAD(u64, inode + O_INODE_SB) + O_SB_DEV);
    r->mode = LOAD(u16, inode + O_INODE_MODE);
    r->size = LOAD(u64, inode + O_INODE_SIZE);
    r->mtime = LOAD(u64, inode + O_INODE_MTIME);
    r->mtime_ns = LOAD(u32, inode + O_INODE_MTIME_NS);
    r->ctime = LOAD(u64, inode + O_INODE_CTIME);
    r->ctime_ns = LOAD(u32, inode + O_INODE_CTIME_NS);
}
