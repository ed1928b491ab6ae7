"""Filters for what is no data at all: roar's and git's own files, the kernel's, and the interpreter's bytecode."""

from __future__ import annotations

from roar.api.filters import Direction, Filter, FilterContext, Matcher
from roar.filters.places import by_directory, inside

_KERNEL = (b"/dev/", b"/proc/", b"/sys/", b"/run/", b"/var/run/", b"/memfd:", b"/SYSV", b"/anon_hugepage")
"""The last three are how the kernel names memory that looks like a file (proc(5), "map_files")."""


class RoarAndGit(Filter):
    """Files in ``.roar/`` and ``.git/``."""

    name = "roar and git internals"
    config_key = "filters.ignore_roar_git"
    reason = "they are bookkeeping; the commit is recorded with the job"
    order = 10

    def prepare(self, context: FilterContext) -> Matcher:
        """Looks for the directories anywhere, as submodules and neighbouring repositories have theirs."""
        roar_dir = inside(context.roar_dir)
        internal = by_directory((b"/.git/", b"/.roar/", roar_dir), context.root)
        return lambda path, direction: internal(path) or path.endswith((b"/.git", b"/.roar"))


class SystemFiles(Filter):
    """Devices, sockets, pipes and what /proc and /sys show."""

    name = "devices and kernel files"
    config_key = "filters.ignore_system_files"
    reason = "devices, sockets, pipes, /proc and /sys have no content to keep"
    order = 20

    def prepare(self, context: FilterContext) -> Matcher:
        """POSIX shared memory, /dev/shm, holds files and is left to `TempFiles`."""
        prefix = inside(context.root)

        def matcher(path: bytes, direction: Direction) -> bool:
            if path.startswith(_KERNEL):
                return not path.startswith((b"/dev/shm/", prefix))
            return not path.startswith(b"/")  # pipe:[1234], socket:[1234], anon_inode:…

        return matcher


class Bytecode(Filter):
    """Cached bytecode; a module that was loaded from it is recorded as its source."""

    name = "bytecode"
    config_key = "filters.ignore_bytecode"
    reason = "the interpreter makes it from the source, which is recorded"
    order = 30

    def prepare(self, context: FilterContext) -> Matcher:
        """``__pycache__`` also has numba's caches."""
        return lambda path, direction: path.endswith((b".pyc", b".pyo")) or b"/__pycache__/" in path
