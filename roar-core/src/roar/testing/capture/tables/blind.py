"""Programs that some tracers can't see into: what a tracer lacks, the verdict must say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from roar.api.tracer import Capability
from roar.testing.capture.case import Case, case, have
from roar.testing.capture.programs import IS_X86, can_compile, has_i386, has_set_id, has_x32, is_static
from roar.testing.capture.tables import calls

_STATIC = Capability.STATIC_BINARIES
_FOREIGN = Capability.FOREIGN_ARCHITECTURES
_RAW = Capability.RAW_SYSCALLS

_RAW_MODES = {
    "reads": ("a", ""),
    "makes": ("", "out b"),
    "copies": ("a", "out"),
    "opens_at": ("sub/x", "sub/y out"),
    "renames": ("a b lines", "out z b lines"),
    "links": ("a b", "y empty"),
    "truncates": ("b", "a b"),
    "goes": ("sub/x b", "e/f"),
    "fails": ("", ""),
    "forks": ("sub/x a", "sub/y"),
    "runs": ("a", "out"),
}
"""The modes of programs/raw.c."""
_TRUNCATES_64 = {"truncates": ("b lines", "a b lines")}
"""The i386 table has a call more, with which a length takes two arguments."""
_ONCE_MORE = (
    "rdwr_write", "rdonly_trunc", "openat2_in_root", "truncate_longer", "truncate_zero", "copy_range", "spliced",
    "tmpfile_linked", "link_o_path", "exchange", "rename_by_dirfds", "working_dir_moved", "dirs_exchanged",
    "vfork_chdir", "clone_shares_directory", "spawn_addopen", "fexecve_", "many_children", "threads_rename",
    "thread_exec", "missing", "excl_existing", "mmap_write", "times_only", "by_syscall", "execveat_in_sub",
    "large_offsets",
)  # fmt: skip
"""Modes of the helper that make calls of their own when it is built in another way."""
_BUSYBOX = {
    "sh": ("cat a > out; read l < b; echo $l >> out; (cd sub; cat x > y)", "a b sub/x", "out sub/y"),
    "cp and mv": ("cp a out; mv b z; cp -r sub d", "a b sub/x", "out z d/x"),
    "sed in place": ("sed -i s/alpha/omega/ a", "a", "a"),
    "sort in place": ("sort -o lines lines", "lines", "lines"),
    "tar and gzip": (
        "tar cf t.tar a sub; gzip t.tar; mkdir x; tar xzf t.tar.gz -C x",
        "a sub/x",
        "t.tar.gz x/a x/sub/x",
    ),
    "ln, rm, truncate": ("ln a z; ln -s a l; cat l; rm a l; truncate -s 2 b", "a b", "z b"),
    "tee and dd": (
        "cat a | tee o1 o2 > /dev/null; dd if=a of=b conv=notrunc bs=1 count=2 2>/dev/null",
        "a b",
        "o1 o2 b",
    ),
    "find and xargs": ("find sub -type f | xargs cat > out; find . -name lines -exec rm {} +", "sub/x", "out"),
    "awk": ("awk '{ print > \"out\" }' a", "a", "out"),
    "what fails": ("cat nothere; mv nothere a; ln a b; rm sub; mkdir a; :", "", ""),
    "install and mktemp": ("install -m 600 a out; t=$(mktemp ./XXXXXX); cat b > $t; mv $t z", "a b", "out z"),
}


def _raw(
    program: str,
    kind: str,
    needs: Capability | tuple[Capability, ...],
    other: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    reason: str = "",
) -> list[Case]:
    return [
        case(f"{kind}: {mode.replace('_', ' ')}", (f"./{program}", mode), f"{program} {inputs}", outputs,
             needs=needs, anyway=program, reason=reason)
        for mode, (inputs, outputs) in {**_RAW_MODES, **other}.items()
    ]  # fmt: skip


def _again(program: str, kind: str, needs: Capability) -> list[Case]:
    """Some modes of the helper by a program that is built otherwise."""
    by_mode = {one.command[1]: one for one in calls.CASES}
    return [
        by_mode[mode]._replace(
            name=f"{kind}{by_mode[mode].name.removeprefix('c')}", command=(program, mode), needs=frozenset((needs,))
        )
        for mode in _ONCE_MORE
    ]


CASES: list[Case] = [
    case("unknown loader", "./loader > printed", "loader a", "out printed", needs=Capability.ANY_LOADER, anyway="loader printed"),
    case("unknown loader first", ("./loader",), "loader a", "out", needs=Capability.ANY_LOADER, anyway="loader"),
    case("setuid, no new privileges", "setpriv --no-new-privs ./suid", "suid a", "out"),
    case("privileges dropped", "setpriv --reuid 65534 --clear-groups cp a out", "a", "out", needs=Capability.ANY_LOADER, root=True),
    case("left in the background", "(cat a > out; exec sleep 60) & exit 3", "a", "out", code=3,
         needs=Capability.DAEMONS, slow=True),
]  # fmt: skip
if can_compile("-static"):
    CASES += [
        case("static program", "./static > printed", "static a", "out printed", needs=_STATIC, anyway="static printed"),
        case("static program first", ("./static",), "static a", "out", needs=_STATIC, anyway="static"),
        case("static program, empty environment", "env -i ./static", "static a", "out", needs=_STATIC, anyway="static"),
        case("static program in a pipeline", "./static | cat > printed", "static a", "out printed", needs=_STATIC, anyway="static printed"),
        case("static program, by a script", "printf '#!./static\\n' > s; chmod +x s; ./s; rm s", "static a", "out", needs=_STATIC,
             anyway="static"),
        case("dynamic program of a static one", ("./staticstart", "/bin/cp", "a", "out"), "staticstart a", "out", needs=_STATIC,
             anyway="staticstart"),
        case("script of a static program", ("./staticstart", "./script"), "staticstart script a", "out", needs=_STATIC,
             anyway="staticstart"),
        *_again("helper-static", "static", _STATIC),
        case("user: static program", "./static > printed", "static a", "out printed", needs=_STATIC, anyway="static printed",
             root=True, user=True),
    ]  # fmt: skip
if can_compile("-fsanitize=address"):
    CASES += [
        # its search for leaks debugs the program
        case("AddressSanitizer", "./asan > printed", "asan a", "out printed", needs=(Capability.ANY_LOADER, Capability.DEBUGGED),
             anyway="asan printed"),
        case("AddressSanitizer first", ("./asan",), "asan a", "out", needs=(Capability.ANY_LOADER, Capability.DEBUGGED), anyway="asan"),
    ]  # fmt: skip
if has_set_id():
    CASES += [
        case("setuid", "./suid", "suid a", "out", needs=Capability.SETUID, anyway="suid", root=True),
        case("setuid first", ("./suid",), "suid a", "out", needs=Capability.SETUID, anyway="suid", root=True),
    ]
if IS_X86:
    CASES += [
        *_raw("raw", "raw", _RAW),
        *_raw("go", "Go", Capability.GO_BINARIES),
        *_raw("rawstatic", "raw and static", _STATIC),
    ]
if has_i386():
    CASES += [
        case("32 bit, hand-made", "./bit32 2> err", "bit32", "err", needs=_FOREIGN, anyway="bit32 err"),
        case("32 bit first, hand-made", ("./bit32",), "bit32", "", needs=_FOREIGN, anyway="bit32"),
        *_raw("i386", "32 bit", _FOREIGN, _TRUNCATES_64),
        *_raw("int80", "int 0x80", (_RAW, _FOREIGN), _TRUNCATES_64, reason="raw system calls"),
    ]
if has_x32():
    CASES += _raw("x32", "x32", (_RAW, _FOREIGN))
if can_compile("-m32"):
    CASES += _again("helper-32", "32 bit, dynamic", _FOREIGN)
if is_static("busybox"):
    CASES += [
        case(f"busybox {name}", ("busybox", "sh", "-c", line), inputs, outputs, needs=_STATIC)
        for name, (line, inputs, outputs) in _BUSYBOX.items()
    ]
    CASES.append(
        case(
            "busybox and others",
            "busybox cat a | cat > out; busybox cp out b",
            "a",
            "out b",
            needs=_STATIC,
            anyway="out",
        )
    )
if have("strace"):
    CASES += [
        case("strace", "strace -f -o log sh -c 'cat a > out; mv b z'", "a b", "log out z", needs=Capability.DEBUGGED),
        case("strace of a static program", "strace -f -o log ./static", "static a", "log out",
             needs=(Capability.DEBUGGED, _STATIC), anyway="static log"),
        case("strace by a filter", "strace -f --seccomp-bpf -e trace=openat -o log sh -c 'cat a > out'", "a", "log out",
             needs=(Capability.DEBUGGED, Capability.SANDBOXED), anyway="log", excuse="SECCOMP_RET_TRACE"),
    ]  # fmt: skip
if have("gdb"):
    CASES.append(
        case("gdb", ("gdb", "-nx", "-batch", "-ex", "run", "--args", "cp", "a", "out"), "a", "out", needs=Capability.DEBUGGED)
    )  # fmt: skip
CASES += [
    # root runs roar as somebody else
    case("user: script", ("./script",), "script a", "out", root=True, user=True),
    case("user: tools", "sed -i s/alpha/omega/ a; cp b out; mv lines z; rm b", "a b lines", "a out z", root=True, user=True),
    case("user: directories", "mkdir d; cat a > d/f; mv d e; mv sub s2", "a sub/x", "e/f s2/x", root=True, user=True),
    case("user: failing", "cat nothere; mv nothere a; ln a b; rm sub; :", root=True, user=True),
    case("user: children", "for i in $(seq 20); do (cat a > o$i) & done; wait", "a", " ".join(f"o{i}" for i in range(1, 21)),
         root=True, user=True),
]  # fmt: skip
if has_set_id():
    CASES += [
        # where privileges can't be given to a program that is traced, it runs without: the files are true, the run isn't quite
        case("user: setuid", "./suidroot", "suidroot a", "out", needs=Capability.SETUID, anyway="suidroot", excuse="setuid", root=True,
             user=True),
        case("user: setuid first", ("./suidroot",), "suidroot a", "out", needs=Capability.SETUID, anyway="suidroot", excuse="setuid",
             root=True, user=True),
    ]  # fmt: skip
