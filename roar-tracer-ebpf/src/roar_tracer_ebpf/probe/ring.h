/* Base tier: what io_uring does.  Its opens and changes are told when they complete; names are read when it takes the request,
 * as they are gone by then. */
int uring_complete(u64 *ctx) /* io_uring_complete(ring, request …) */
{
    u64 request = ctx[1];
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u32 *process = enrolled(tgid);
    if (!request || !process) return 0;
    u32 op = LOAD(u8, request + O_REQUEST_OPCODE);
    s32 result = LOAD(s32, request + O_REQUEST_RESULT);
    u64 task = current_task();
    if (op == URING_RENAMEAT || op == URING_UNLINKAT || op == URING_SYMLINKAT || op == URING_LINKAT) {
        u64 depth;
        struct scratch *s = begin(&depth, R_OUTCOME, tgid);
        if (!s) { end(); return 0; }
        s->record.id = request ^ G->secret; s->record.size = (s64)result;
        s->record.op = op == URING_RENAMEAT ? A_RENAMEAT2 : op == URING_UNLINKAT ? A_UNLINKAT : op == URING_LINKAT ? A_LINKAT : A_SYMLINKAT;
        emit(s, 0);
        return 0;
    }
    if (result < 0) return 0;
    u64 file = 0, open_flags = 0;
    u32 type = R_WROTE;
    if (op == URING_OPENAT || op == URING_OPENAT2) {
        if (LOAD(u32, request + O_IO_OPEN_SLOT)) { /* into a table that only the ring has */
            report_process(R_RING, tgid, 1);
            return 0;
        }
        type = R_OPEN;
        open_flags = LOAD(u64, request + O_IO_OPEN_FLAGS);
        file = fd_file(task, result);
    } else if (op == URING_WRITEV || op == URING_WRITE_FIXED || op == URING_WRITE || op == URING_SPLICE) {
        if (!result) return 0;
        file = LOAD(u64, request + O_REQUEST_FILE);
    } else if (op == URING_FALLOCATE || op == URING_FTRUNCATE) file = LOAD(u64, request + O_REQUEST_FILE);
    else return 0;
    return report(tgid, *process, type, file, open_flags);
}

int uring_submit(u64 *ctx) /* io_uring_submit_req(request) */
{
    u64 request = ctx[0];
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    if (!enrolled(tgid)) return 0;
    u32 op = LOAD(u8, request + O_REQUEST_OPCODE), action = 0;
    u64 directory = 0, name = 0, directory2 = 0, name2 = 0, value = 0, zero = G->zero;
    if (op == URING_UNLINKAT) {
        value = LOAD(u32, request + O_IO_UNLINK_FLAGS);
        if (value & AT_REMOVEDIR) return 0;
        action = A_UNLINKAT; directory = LOAD(u32, request + O_IO_UNLINK_DFD); name = LOAD(u64, request + O_IO_UNLINK_NAME);
    } else if (op == URING_RENAMEAT || op == URING_LINKAT || op == URING_SYMLINKAT) {
        /* struct io_rename and io_link are laid out alike */
        action = op == URING_RENAMEAT ? A_RENAMEAT2 : A_LINKAT;
        directory = LOAD(u32, request + O_IO_RENAME_DFD); name = LOAD(u64, request + O_IO_RENAME_NAME);
        directory2 = LOAD(u32, request + O_IO_RENAME_DFD2); name2 = LOAD(u64, request + O_IO_RENAME_NAME2);
        value = LOAD(u32, request + O_IO_RENAME_FLAGS);
        if (op == URING_SYMLINKAT) { action = A_SYMLINKAT; directory = directory2; name = name2; name2 = 0; value = 0; }
    } else return 0;
    name = LOAD(u64, name);
    if (name2) name2 = LOAD(u64, name2);
    directory += zero; directory2 += zero; name += zero; name2 += zero; value += zero;
    return report_names(current_task(), tgid, action, value, request ^ G->secret, directory, name, directory2, name2, 0);
}
