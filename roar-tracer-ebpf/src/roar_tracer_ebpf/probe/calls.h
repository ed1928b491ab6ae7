/* Base tier: what every system call of the machine comes by while a run is active, at its end.  The calls of others, and those
 * that touch no file, cost a few instructions: their number's action is 0. */

/* Who calls posix_fadvise(2) with the session's secret is enrolled, and leaves by the other advice. */
INLINE int advise(u64 task, u32 tgid, u64 cookie0, u64 cookie1, u32 advice)
{
    if (cookie0 != G->cookie0 || cookie1 != G->cookie1) return 0;
    if (advice == ADVICE_LEAVE) {
        map_delete(MAP(M_PROCS), &tgid);
        return 0;
    }
    if (advice != ADVICE_ENROL) return 0;
    u32 word = NEW_WORD();
    u64 cred = LOAD(u64, task + O_TASK_CRED), namespace = LOAD(u64, cred + O_CRED_NAMESPACE);
    if (!G->root_dentry) {
        u64 fs = LOAD(u64, task + O_TASK_FS);
        G->namespace = namespace;
        G->root_mount = LOAD(u64, fs + O_FS_ROOT);
        G->root_dentry = LOAD(u64, fs + O_FS_ROOT + 8);
    }
    if (namespace == G->namespace) G->privileges |= LOAD(u64, cred + O_CRED_CAPABILITIES);
    G->filter = LOAD(u64, task + O_TASK_FILTER);
    if (map_update(MAP(M_PROCS), &tgid, &word, 0)) counters()->enrol_failed += 1;
    report_process(R_ENROL, tgid, 0);
    return 0;
}

/* Ends a record that is begun, of names; a function of its own, see walk(). */
int tell_names(u64 *argument)
{
    u64 depth = (u64)argument, length = 0;
    struct scratch *s = place(depth);
    if (!s || !is_allowed(current_task())) { end(); return 0; }
    NO_UNROLL
    for (int i = 0; i < 2; i++) {
        s->turn = i;
        length = ((u64 (*)(u64))SUB_PUT_NAME)(length | depth << 32) & (2 * OFFSET_MASK + 1);
        u64 before = length, base = s->base;
        if (base) length = put_walk(s, depth, length, LOAD(u64, base + 8), LOAD(u64, base));
        s->record.walk[i & 1] = length - before;
        if (!s->names[1]) break;
    }
    emit(s, length);
    return 0;
}

/* Names that were given, moved or taken away.  `op` is the action. */
INLINE int report_names(u64 task, u32 tgid, u32 op, u64 number, u64 id, u64 directory, u64 name, u64 directory2, u64 name2, u64 from_user)
{
    u64 depth;
    struct scratch *s = begin(&depth, R_NAMES, tgid);
    if (!s) { end(); return 0; }
    s->record.op = op; s->record.size = number; s->record.id = id;
    if (id) s->record.flags = F_PENDING;
    else if (LOAD(u64, task + O_TASK_FILTER) != G->filter) s->record.flags = F_DOUBTFUL;
    s->directories[0] = directory; s->names[0] = name; s->directories[1] = directory2; s->names[1] = name2;
    s->from_user = from_user;
    ((int (*)(u64))SUB_TELL_NAMES)(depth);
    return 0;
}

int sys_exit(u64 *ctx) /* (struct pt_regs *, long result) */
{
    u64 registers = ctx[0];
    u64 number = LOAD(u32, registers + O_REGS_NUMBER) & ~X32_BIT;
    OPAQUE(number); /* else what is compared isn't what is used */
    if (number >= NUMBERS) return 0;
    u32 action = G->actions[number];
    if (!action) return 0;
    u64 task = current_task();
    u32 is_32_bit = LOAD(u32, task + O_TASK_STATUS) & C_COMPAT_MASK;
    action = is_32_bit ? G->actions[NUMBERS + number] : action & ~OTHER_TABLE;
    if (!action) return 0;
    s64 result = ctx[1];
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u32 *process = 0;
    if (action != A_ADVISE) { /* before the arguments are looked at: most calls are other people's, or fail */
        if ((u64)result >= (u64)-4095ll || (is_32_bit && (u32)result >= (u32)-4095)) return 0;
        process = enrolled(tgid);
        if (!process) return 0;
    }
    u64 a0, a1, a2, a3, a4;
    if (!is_32_bit) {
        a0 = LOAD(u64, registers + O_REGS_A0); a1 = LOAD(u64, registers + O_REGS_A1); a2 = LOAD(u64, registers + O_REGS_A2);
        a3 = LOAD(u64, registers + O_REGS_A3); a4 = LOAD(u64, registers + O_REGS_A4);
    } else {
        a0 = LOAD(u32, registers + O_REGS_C0); a1 = LOAD(u32, registers + O_REGS_C1); a2 = LOAD(u32, registers + O_REGS_C2);
        a3 = LOAD(u32, registers + O_REGS_C3); a4 = LOAD(u32, registers + O_REGS_C4);
    }
    if (!process) return advise(task, tgid, a1, a2, a3);

    u64 zero = G->zero;
    if (action < A_FIRST_OF_NAMES || (action >= A_FUTIMESAT && !a1)) {
        u64 fd = a0, open_flags = 0;
        u32 type = R_WROTE;
        switch (action) {
        case A_OPEN: type = R_OPEN; fd = result; open_flags = a1; break;
        case A_OPENAT: type = R_OPEN; fd = result; open_flags = a2; break;
        case A_CREAT: type = R_OPEN; fd = result; open_flags = O_TRUNC; break;
        case A_OPENAT2: type = R_OPEN; fd = result; bpf_probe_read_user(&open_flags, 8, (void *)a2); break;
        case A_MMAP:
            if (!(a2 & PROT_WRITE) || !(a3 & MAP_SHARED) || a3 & MAP_ANONYMOUS) return 0;
            type = R_MAP; fd = a4;
            break;
        case A_WRITE: if (!result) return 0; break;
        case A_WRITE_TO_THIRD: if (!result) return 0; fd = a2; break;
        case A_CHANGE: break;
        case A_FTRUNCATE: if (!a1) type = R_TRUNCATE; break;
        case A_FTRUNCATE64: if (!(a1 | a2)) type = R_TRUNCATE; break;
        case A_IOCTL: if ((u32)a1 != FICLONE && (u32)a1 != FICLONERANGE) return 0; break;
        case A_FUTIMESAT: case A_UTIMENSAT: type = R_TIMES; break;
        case A_RING: report_process(R_RING, tgid, 0); return 0;
        default: return 0;
        }
        fd += zero; type += zero; open_flags += zero;
        return report(tgid, *process, type, fd_file(task, fd), open_flags);
    }

    u64 directory = AT_FDCWD, name = a0, directory2 = 0, name2 = 0, value = 0;
    switch (action) {
    case A_TRUNCATE: value = a1; break;
    case A_TRUNCATE64: value = a1 | a2; break;
    case A_UNLINK: break;
    case A_UNLINKAT: if (a2 & AT_REMOVEDIR) return 0; directory = a0; name = a1; break;
    case A_RENAME: case A_LINK: directory2 = AT_FDCWD; name2 = a1; break;
    case A_RENAMEAT: directory = a0; name = a1; directory2 = a2; name2 = a3; break;
    case A_RENAMEAT2: case A_LINKAT: directory = a0; name = a1; directory2 = a2; name2 = a3; value = a4; break;
    case A_SYMLINK: name = a1; break;
    case A_SYMLINKAT: directory = a1; name = a2; break;
    case A_MKNOD: value = a1; break;
    case A_MKNODAT: directory = a0; name = a1; value = a2; break;
    case A_UTIME: break;
    case A_UTIMENSAT: value = a3; directory = a0; name = a1; break;
    case A_FUTIMESAT: directory = a0; name = a1; break;
    default: return 0;
    }
    directory += zero; directory2 += zero; name += zero; name2 += zero; value += zero;
    return report_names(task, tgid, action, value, 0, directory, name, directory2, name2, 1);
}
