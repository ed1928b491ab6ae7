/* Records: put together in memory of this processor's, then copied to the ring.
 *
 * Where the kernel can be preempted, a program may be interrupted by another on the same processor: each takes the next of
 * SCRATCH_DEPTH places.  That two met in one place all the same, `owner` tells: the record counts as lost. */
struct record { /* of the ring; layout.py's RECORD */
    u16 type, flags;
    u32 tgid;
    u64 time;            /* CLOCK_MONOTONIC, ns */
    u64 ino, size;
    s64 mtime, ctime;    /* s */
    u32 mtime_ns, ctime_ns;
    u32 dev, mode;
    u32 open_flags, op;
    u64 id;              /* ties an OUTCOME to what it is of */
    u16 string[2], walk[4]; /* lengths of what follows: strings and walked paths in turn */
    u32 spare;
    u8 data[DATA_SIZE];
} __attribute__((packed, aligned(8)));
struct scratch {
    struct record record;
    u64 owner, at, dentry, mount, more; /* of walk() */
    u64 file;                           /* of tell_file() */
    u64 directories[2], names[2];       /* of tell_names() and put_name() */
    u64 from_user, turn, base;
};

INLINE struct scratch *place(u64 depth)
{
    u32 key = depth & (SCRATCH_DEPTH - 1);
    return (struct scratch *)map_lookup(MAP(M_SCRATCH), &key);
}

/* A record of a type, empty; to be ended by emit() or end(), which take the depth back. */
INLINE struct scratch *begin(u64 *depth, u32 type, u32 tgid)
{
    struct counters *c = counters();
    *depth = c->depth;
    __sync_fetch_and_add(&c->depth, 1);
    struct scratch *s = place(*depth);
    if (!s) return 0;
    struct record *r = &s->record;
    r->type = type; r->flags = 0; r->tgid = tgid; r->time = bpf_ktime_get_ns();
    r->ino = r->size = 0; r->mtime = r->ctime = 0; r->mtime_ns = r->ctime_ns = 0;
    r->dev = r->mode = r->open_flags = r->op = 0; r->id = 0; r->spare = 0;
    r->string[0] = r->string[1] = r->walk[0] = r->walk[1] = r->walk[2] = r->walk[3] = 0;
    s->owner = r->time ^ tgid;
    return s;
}
INLINE void end(void) { __sync_fetch_and_add(&counters()->depth, -1); }
INLINE void drop(u64 length)
{
    struct counters *c = counters();
    c->drops += 1;
    c->drop_bytes += length;
}

INLINE void emit(struct scratch *s, u64 length)
{
    struct counters *c = counters();
    u64 wake = ring_query(MAP(M_RING), 0) > G->wake_at ? RING_FORCE_WAKEUP : RING_NO_WAKEUP;
    length = (length + HEAD_SIZE) & (LONGEST_RECORD - 1);
    int torn = s->owner != (s->record.time ^ s->record.tgid);
    if (torn || ring_output(MAP(M_RING), s, length, wake) < 0) drop(length);
    else c->emitted += 1;
    end();
}
/* What a process does that has another user, group or capabilities that the caller lacks (set-user-id and set-group-id programs, and
 * those with file capabilities), is not the caller's to know. */
INLINE int is_allowed(u64 task)
{
    u64 only = G->only_user;
    if (!only) return 1;
    u64 cred = LOAD(u64, task + O_TASK_CRED);
    u64 gained = LOAD(u64, cred + O_CRED_CAPABILITIES) & ~G->privileges;
    if (LOAD(u32, cred + O_CRED_FSUID) == (u32)(only - 1) && LOAD(u32, cred + O_CRED_FSGID) == LOAD(u32, cred + O_CRED_GID)
        && (!gained || LOAD(u64, cred + O_CRED_NAMESPACE) != G->namespace)) return 1;
    counters()->suppressed += 1;
    return 0;
}

/* A record of a process. */
INLINE void report_process(u32 type, u32 tgid, u64 number)
{
    u64 depth;
    struct scratch *s = begin(&depth, type, tgid);
    if (!s) { end(); return; }
    s->record.id = number;
    emit(s, 0);
}
