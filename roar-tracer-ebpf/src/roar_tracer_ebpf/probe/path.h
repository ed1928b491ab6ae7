/* Paths, as the kernel itself would name a file: from its dentry up to the root of who was enrolled first. */

/* Appends the names from (dentry, mount) upwards, leaf first, each with a NUL, to the record's data; at most WALK_NAMES.
 *
 * A global function: the verifier checks it once, by itself, and at each call believes only that it returns a number; inlined
 * it takes over a second to verify.  What it needs comes in the scratch.  Its argument: the offset, the depth above it.
 * The body of the loop has no branch but its exits: with an if/else in it the verifier, whose checkpoints a counted loop always
 * misses, would take 2^WALK_NAMES ways.  The offset goes through memory, so that its bounds are not traced back over all turns. */
int walk(u64 *argument)
{
    u64 depth = (u64)argument >> 32;
    struct scratch *s = place(depth);
    if (!s) return 0;
    struct record *r = &s->record;
    volatile u64 *at = &s->at;
    u64 dentry = s->dentry, mount = s->mount, more = 1;
    u64 root_dentry = G->root_dentry, root_mount = G->root_mount - O_MOUNT_MNT;
    *at = (u64)argument & 0xffffffff;
    NO_UNROLL
    for (int i = 0; i < WALK_NAMES; i++) {
        u64 offset = *at & (2 * OFFSET_MASK + 1);
        u64 parent = LOAD(u64, dentry + O_DENTRY_PARENT);
        u64 hash_and_length = LOAD(u64, dentry + O_DENTRY_NAME);
        u64 name = LOAD(u64, dentry + O_DENTRY_NAME + 8);
        u64 mount_root = LOAD(u64, mount + O_MOUNT_MNT + O_VFSMOUNT_ROOT);
        u64 parent_mount = LOAD(u64, mount + O_MOUNT_PARENT);
        u64 mountpoint = LOAD(u64, mount + O_MOUNT_MOUNTPOINT);
        u64 x = (dentry ^ root_dentry) | (mount ^ root_mount), go_on = NONZERO(x); /* 0: the root */
        x = dentry ^ mount_root;
        u64 crosses = NONZERO(x) - 1; /* all ones: the top of a mount */
        OPAQUE(crosses);
        x = parent_mount ^ mount; x = NONZERO(x); /* 0: the topmost mount */
        u64 y = parent ^ dentry; y = NONZERO(y);  /* 0: the top of a tree */
        go_on &= (crosses & x) | (~crosses & y);
        OPAQUE(go_on);
        if (!go_on) { more = 0; break; }
        u64 length = hash_and_length >> 32 & ~crosses;
        OPAQUE(length);
        if (offset > OFFSET_LIMIT || length > 255) { more = CUT; break; }
        offset &= OFFSET_MASK; length &= 255;
        bpf_probe_read_kernel(r->data + offset, length, (void *)name);
        offset += length;
        r->data[offset] = 0;
        *at = offset + 1 + crosses; /* the top of a mount has no name */
        dentry = (mountpoint & crosses) | (parent & ~crosses);
        mount = (parent_mount & crosses) | (mount & ~crosses);
    }
    s->dentry = dentry; s->mount = mount; s->more = more;
    return *at;
}

/* All names up to the root, likewise a function of its own, of the same argument; returns where they end.  Flags say when it
 * isn't the runner's root. */
int climb(u64 *argument)
{
    u64 depth = (u64)argument >> 32, offset = (u64)argument & (2 * OFFSET_MASK + 1);
    struct scratch *s = place(depth);
    if (!s) return 0;
    volatile struct scratch *v = s;
    NO_UNROLL
    for (int i = 0; i < WALK_CALLS; i++) { /* verification takes longer with WALK_NAMES than with the number of calls */
        offset = ((u64 (*)(u64))SUB_WALK)(offset | depth << 32) & (2 * OFFSET_MASK + 1);
        if (v->more != 1) break;
    }
    if (v->more) {
        s->record.flags |= F_CUT;
        counters()->truncated += 1;
    } else if (v->mount && (v->dentry != G->root_dentry || v->mount != G->root_mount - O_MOUNT_MNT)) {
        /* Not the runner's root: that of another namespace, or of a mount that is in none, as of a memory file */
        u64 namespace = LOAD(u64, v->mount + O_MOUNT_NS), top = LOAD(u64, v->mount + O_MOUNT_MNT + O_VFSMOUNT_ROOT);
        s->record.flags |= v->dentry == top && namespace && namespace < (u64)-4096ll ? F_ELSEWHERE : F_PSEUDO;
    }
    return offset;
}

/* The whole path, after the data that is there already; returns the data's new length. */
INLINE u64 put_walk(struct scratch *s, u64 depth, u64 offset, u64 dentry, u64 mount)
{
    volatile struct scratch *v = s;
    v->dentry = dentry; v->mount = mount - O_MOUNT_MNT; v->more = 1;
    return ((u64 (*)(u64))SUB_CLIMB)(offset | depth << 32) & (2 * OFFSET_MASK + 1);
}

/* A name as a call was given it, as string number n, after the data that is there already; likewise a function of its own.  In
 * the scratch: n, the name and the directory from which it is meant, of which it leaves the struct path in `base`, or 0. */
int put_name(u64 *argument)
{
    u64 depth = (u64)argument >> 32, offset = (u64)argument & OFFSET_MASK;
    struct scratch *s = place(depth);
    if (!s) return 0;
    struct record *r = &s->record;
    u64 n = s->turn, name = s->names[n & 1], directory = s->directories[n & 1];
    s->base = 0;
    long length = s->from_user ? bpf_probe_read_user_str(r->data + offset, NAME_SIZE, (void *)name)
                                     : bpf_probe_read_kernel_str(r->data + offset, NAME_SIZE, (void *)name);
    if (length < 0) { r->flags |= F_CUT; return offset; }
    if (!length) { length = 1; r->data[offset] = 0; } /* an empty one, before 6.13 */
    u8 first = r->data[offset];
    length &= 2 * NAME_SIZE - 1;
    r->string[n & 1] = length;
    offset += length;
    u64 fs = LOAD(u64, current_task() + O_TASK_FS), base;
    if (first == '/') base = fs + O_FS_ROOT;
    else if ((s32)directory == AT_FDCWD) base = fs + O_FS_PWD;
    else {
        u64 file = fd_file(current_task(), directory);
        if (!file) { r->flags |= F_CUT; return offset; }
        base = file + O_FILE_PATH;
    }
    s->base = base;
    if (!first && !LOAD(u64, LOAD(u64, base + 8) + O_DENTRY_HASH + 8)) r->flags |= F_UNLINKED; /* AT_EMPTY_PATH */
    return offset;
}
