"""What a process is put into before it becomes roar: another user, mounts of its own, a filter such as a container's.

Each is for `subprocess.Popen(preexec_fn=…)`, in the order in which they are given to `each`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from roar_tracer_ptrace import kernel

Step = Callable[[], object]

NOBODY = 65534
NEW_LISTENER = 8
"""SECCOMP_FILTER_FLAG_NEW_LISTENER."""
_NEWNS, _NEWUSER, _NEWPID = 0x20000, 0x10000000, 0x20000000
_REC, _PRIVATE, _BIND = 0x4000, 1 << 18, 4096
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def each(*steps: Step) -> Step:
    """One after the other."""

    def act() -> None:
        for step in steps:
            step()

    return act


def own_mounts() -> None:
    """A mount namespace of its own; for an ordinary user with a user namespace, in which he is root."""
    libc = kernel.libc
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_NEWNS | (_NEWUSER if user else 0)):
        raise _failure("unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount(None, Path("/"), None, _REC | _PRIVATE)


def own_numbers(most: int) -> Step:
    """Process numbers of its own, which begin at 1 again after `most`."""

    def act() -> None:
        own_mounts()
        if kernel.libc.unshare(_NEWPID):
            raise _failure("unshare")
        if pid := os.fork():
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        _mount("proc", Path("/proc"), "proc", 0)
        Path("/proc/sys/kernel/pid_max").write_text(str(most))

    return act


def tmpfs(place: Path, options: str) -> Step:
    """A small file system in memory."""
    return lambda: _mount("none", place, "tmpfs", 0, options)


def bound(source: Path, place: Path) -> Step:
    """A directory at a second place: another mount of the same file system."""
    return lambda: _mount(str(source), place, None, _BIND)


def _mount(source: str | None, place: Path, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, str(place), kind, options)]
    if kernel.libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]):
        raise _failure(f"mount at {place}")


def _failure(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def ordinary(user: int = NOBODY) -> Step:
    """Not root; whoever isn't anyway stays who he is.

    Where Python or roar are below a directory that others may not enter, that directory is laid out anew with what is needed.
    """

    def become() -> None:
        if os.geteuid():
            return
        hidden = _hidden(path for path in (sys.prefix, sys.base_prefix, *sys.path) if os.path.isabs(path))
        if hidden:
            own_mounts()
        for folder, needed in hidden.items():
            descriptors = [os.open(path, os.O_PATH) for path in needed]
            _mount("none", folder, "tmpfs", 0, "mode=755")
            for path, fd in zip(needed, descriptors, strict=True):
                path.mkdir(parents=True, exist_ok=True)
                _mount(f"/proc/self/fd/{fd}", path, None, _BIND | _REC)
                os.close(fd)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)

    return become


def _hidden(paths: Iterable[str]) -> dict[Path, list[Path]]:
    """Directories that others may not enter, with the paths in them."""
    found: dict[Path, list[Path]] = {}
    for path in sorted({Path(path).resolve() for path in paths if os.path.exists(path)}):
        closed = next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)
        if closed is not None and not any(path.is_relative_to(other) for other in found.get(closed, ())):
            found.setdefault(closed, []).append(path)
    return found


def refused(number: int, error: int, argument: int = -1, bits: int = 0) -> Step:
    """A system call that fails, for this process and all that it starts.

    Args:
        number: the call's, in this machine's own interface.
        error: as which it fails.
        argument: only if this one of its arguments has …
        bits: … one of these bits.
    """
    code = [(0x20, 0, 0, 0), (0x15, 0, 3 if argument >= 0 else 1, number)]
    if argument >= 0:
        code += [(0x20, 0, 0, 16 + 8 * argument), (0x45, 0, 1, bits)]
    code += [(0x06, 0, 0, _ERRNO | error), (0x06, 0, 0, _ALLOW)]
    return lambda: kernel.install(
        b"".join(struct.pack("=HBBI", *line) for line in code), not os.geteuid(), listen=False
    )


def limited(kind: int, soft: int) -> Step:
    """A limit of setrlimit(2)."""
    import resource

    return lambda: resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))


def give_away(*paths: Path) -> None:
    """Makes files `ordinary`'s own, and lets everybody come to them."""
    for path in paths:
        if not os.geteuid():
            os.chown(path, NOBODY, NOBODY)
        for folder in path.parents:
            if not folder.stat().st_mode & 0o001 and folder.stat().st_uid == os.geteuid():
                folder.chmod(folder.stat().st_mode | 0o711)
