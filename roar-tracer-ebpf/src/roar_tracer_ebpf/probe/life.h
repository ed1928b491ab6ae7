/* The life of the processes that belong to the run. */

int sched_fork(u64 *ctx) /* sched_process_fork(parent, child) */
{
    u32 parent = LOAD(u32, ctx[0] + O_TASK_TGID), child = LOAD(u32, ctx[1] + O_TASK_TGID);
    u32 *process = enrolled(parent);
    if (parent == child || !process) return 0;
    u32 word = NEW_WORD() | (*process & WITHHELD);
    if (map_update(MAP(M_PROCS), &child, &word, 0)) {
        counters()->enrol_failed += 1;
        return 0;
    }
    report_process(R_FORK, parent, child);
    return 0;
}

int sched_exit(u64 *ctx) /* sched_process_exit(task …) */
{
    u64 task = ctx[0];
    u32 tgid = LOAD(u32, task + O_TASK_TGID);
    if (!enrolled(tgid) || LOAD(u32, LOAD(u64, task + O_TASK_SIGNAL) + O_SIGNAL_LIVE)) return 0; /* other threads live on */
    report_process(R_EXIT, tgid, LOAD(u32, task + O_TASK_EXITCODE));
    map_delete(MAP(M_PROCS), &tgid);
    return 0;
}

int sched_exec(u64 *ctx) /* sched_process_exec(task, old pid, linux_binprm) */
{
    u64 task = ctx[0], program = ctx[2];
    u32 tgid = LOAD(u32, task + O_TASK_TGID);
    u32 *process = enrolled(tgid);
    if (!process) return 0;
    /* that it became a program with privileges, it has said itself; what that does then is withheld */
    u32 was = *process & WITHHELD, is = is_allowed(task) ? 0 : WITHHELD;
    *process = NEW_WORD() | is;
    if (was && is) return 0;
    struct file_facts f;
    u64 depth, length = 0;
    struct scratch *s = begin(&depth, R_EXEC, tgid);
    if (!s) { end(); return 0; }
    struct record *r = &s->record;
    u64 name = LOAD(u64, program + O_BPRM_FILENAME);
    if (LOAD(u64, program + O_BPRM_INTERP) != name) r->flags |= F_SCRIPT;
    long l = bpf_probe_read_kernel_str(r->data, NAME_SIZE, (void *)name);
    if (l > 0) { l &= 2 * NAME_SIZE - 1; r->string[0] = l; length = l; }
    u64 fs = LOAD(u64, task + O_TASK_FS), dentry = 0, mount = 0, zero = G->zero;
    if (is_regular(LOAD(u64, program + O_BPRM_FILE), &f)) {
        put_file(r, &f);
        dentry = f.dentry; mount = f.mount;
    }
    dentry += zero; mount += zero;
    NO_UNROLL
    for (int i = 0; i < 3; i++) { /* the program, the working directory, the root */
        if (dentry) {
            u64 before = length;
            length = put_walk(s, depth, length, dentry, mount);
            r->walk[i & 3] = length - before;
        }
        u64 base = fs + (i ? O_FS_ROOT : O_FS_PWD);
        mount = LOAD(u64, base);
        dentry = LOAD(u64, base + 8);
    }
    emit(s, length);
    return 0;
}
