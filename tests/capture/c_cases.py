"""Single calls of libc and the kernel, by helper.c."""

from __future__ import annotations

import platform

from capture.cases import ANY, Case, case

HELPER = "helper"
"""Replaced by the path of the built program, which is outside the repository."""


def _helper(mode: str, inputs: str = "", outputs: str = "", **rest: object) -> Case:
    return case(f"c {mode.rstrip('_').replace('_', ' ')}", (HELPER, mode), inputs, outputs, **rest)  # type: ignore[arg-type]


CASES: list[Case] = [
    _helper("rdwr_read", "a", ""),
    _helper("rdwr_write", "a", "a"),
    _helper("rdwr_trunc", "", "a"),
    _helper("wronly_nothing", "", ""),
    _helper("wronly_overwrite", "a", "a"),
    _helper("creat_existing", "", "a"),
    _helper("creat64_new", "", "out"),
    _helper("excl_new", "", "out"),
    _helper("excl_existing", "", ""),
    _helper("rdonly_creat", "", "out"),
    _helper("o_path", "", ""),
    _helper("reopen", "a", ""),
    _helper("nofollow", "", ""),
    _helper("nulls", "", ""),
    _helper("emfile", "", ""),
    _helper("end_of_page", "a", ""),
    _helper("openat2_read", "a", ""),
    _helper("openat2_create", "", "out"),
    _helper("by_syscall", "a", "out2"),
    _helper("handle", "a", ""),
    _helper("dirfd_", "sub/x", "z"),
    _helper("fopen_modes", "a b", "b out sub/x"),
    _helper("freopened", "a", "out"),
    _helper("many_temporaries", "", "out"),
    _helper("mmap_write", "a", "a"),
    _helper("mmap_private", "a", ""),
    _helper("mprotect_write", "a", "a"),
    _helper("mmap_shared_read", "a", ""),
    _helper("truncate_zero", "", "a"),
    _helper("truncate_shorter", "a", "a"),
    _helper("ftruncate_", "a", "a"),
    _helper("ftruncate_zero", "", "a"),
    _helper("times_set_back", "a", "a"),
    _helper("fallocate_new", "", "out"),
    _helper("copy_range", "a", "out out2"),
    _helper("spliced", "a", "out out2"),
    _helper("tmpfile_linked", "", "out"),
    _helper("tmpfile_empty_path", "", "out"),
    _helper("tmpfile_dropped", "", ""),
    _helper("link_followed", "a", "out"),
    _helper("link_open_fd", "a", "out"),
    _helper("exchange", "a b", "a b"),
    _helper("noreplace", "", ""),
    _helper("removed", "", ""),
    _helper("dir_above_open", "", "e/f"),
    _helper("dir_twice", "", "e/f g/f"),
    _helper("same_name_again", "", "o0 o1 o2"),
    _helper("symlinkat_", "sub/x", ""),
    _helper("unlinked_open", "", ""),
    _helper("changes_directory", "sub/x a", "sub/y y"),
    _helper("vfork_chdir", "sub/x a", "out"),
    _helper("vfork_opens", "a", "out"),
    _helper("threads", "", " ".join(f"t{i}_{j}" for i in range(4) for j in range(50))),
    _helper("thread_exec", "a", ""),
    _helper("small_stack", "a b", ""),
    _helper("interrupted", "a", ""),
    _helper("spawn_empty", "a", "out"),
    _helper("spawn_addopen", "a", "out"),
    _helper("spawn_chdir", "sub/x", ""),
    _helper("spawn_fails", "a", ""),
    _helper("clearenv_system", "a", "out"),
    _helper("clearenv_popen", "", "out"),
    _helper("clearenv_execl", "a", "out"),
    _helper("execle_", "a", "out"),
    _helper("execlp_", "a", "out"),
    _helper("execvpe_", "a", "out"),
    _helper("fexecve_", "a", "out"),
    _helper("execveat_", "a", "out"),
    _helper("exec_fails", "", "out"),
    _helper("fork_write", "a b", "out"),
    _helper("raw_fork", "sub/x a", ""),
    _helper("orphan", "", "out"),
    _helper("kill9", "a", "out", code=137),
    _helper("aborts", "", "out", code=134),
    _helper("close_all", "a", "out"),
    _helper("numbers", "a b sub/x", "out"),
    _helper("passed", "a", ""),
    _helper("loads", "libx.so", ""),
    _helper("little_memory", "a", "out"),
    case("c many files under a small limit", (HELPER, "many_files_small_limit"), "",
         [f"q/{i}-{i:0200d}" for i in range(6000)]),
    # what the tracer can't follow
    _helper("daemonised", "a", ANY, verdict="partial", reason="outlived"),
    _helper("confined", "a b", "out", verdict="partial", reason="seccomp"),
    _helper("strictly_confined", "", "out", verdict="partial", reason="seccomp"),
    _helper("uring", "a", "", verdict="partial", reason="io_uring"),
    _helper("deepbind", "libx.so", "", verdict="partial", reason="RTLD_DEEPBIND"),
    _helper("new_root", ANY, ANY, verdict="partial", reason="chroot"),
    _helper("mounts", "a", "", verdict="partial", reason="namespace"),
]  # fmt: skip
if platform.machine() == "x86_64":
    CASES.append(case("c inline system calls", ("./inline",), "inline", "", "partial", reason="raw system calls"))
