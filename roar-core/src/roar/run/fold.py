"""Events to inputs and outputs: a per-file state machine that keeps the rules NORM-1 … NORM-7.

The fold is a function of the events and of what `stat` and `tree` answer, which come in as arguments; it looks at nothing
else.  It is fed while the command runs and holds one small object a file, no events.

A *file* is a content that may have several names over time.  It came from before the job (`origin` is its name then) or
the job made it.  An **input** is a file from before whose content was consumed; an **output** is a file, under each name
that it has at the end, that the job made, changed, or gave that name.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Iterable
from typing import NamedTuple

from roar.api.events import Event, FileStat, Kind

_RENAME_EXCHANGE = 2  # renameat2(2)
_UNKNOWN = 0  # for the mode of what was gone before anyone looked
_OF_ANY_KIND = frozenset({Kind.RENAME, Kind.SYMLINK})  # other events are about regular files
_CHANGED_TWICE = "it changed while the command ran"
_REPLACED = "the job overwrote it before its content was known"


class Folded(NamedTuple):
    """What a job consumed and made, by canonical path."""

    inputs: dict[bytes, FileStat | None]
    """Path → the file when it was first consumed."""
    outputs: dict[bytes, FileStat]
    """Path → the file when the job had ended."""
    renamed: frozenset[bytes]
    """Inputs that the job gave another name."""
    lost: dict[bytes, str]
    """Inputs that are no longer as they were consumed, and why: what is at their path now must not be hashed."""
    executables: tuple[bytes, ...]
    blind: tuple[tuple[str, bytes], ...]
    """(reason, program or file) of BLIND and EXEC events, in order, each once."""


class _File:
    __slots__ = ("changed_in_place", "made", "mapped", "origin", "stat", "touched", "used")

    def __init__(self, origin: bytes | None, stat: FileStat | None, made: bool = False) -> None:
        self.origin = origin
        self.stat = stat  # when it was first met
        self.made = made  # all of its content is the job's
        self.used = False
        self.touched: FileStat | None = (
            None  # before it was opened for change; whether it changed is decided at the end
        )
        self.changed_in_place = False  # it surely changed, and holds bytes from before
        self.mapped = False


class Fold:
    """Takes events in order; `finish` tells what they amount to.

    Args:
        stat: the file at a path now, not following symbolic links; None when there is none.
        tree: the regular files below a directory, for directories that the job moved.
        coarse_ns: the grain of the file system's times; a file changed less than this before it was opened for change may
            have been changed again unnoticed, and counts as changed.  0 where the kernel keeps times finer on demand.
    """

    def __init__(
        self,
        stat: Callable[[bytes], FileStat | None],
        tree: Callable[[bytes], Iterable[bytes]],
        coarse_ns: int = 0,
    ) -> None:
        self._stat = stat
        self._tree = tree
        self._coarse_ns = coarse_ns
        self._names: dict[bytes, _File] = {}
        self._nameless: dict[
            tuple[int, int], _File
        ] = {}  # (dev, ino) of removed files that are not what their name says
        self._perhaps: list[bytes] = []  # names of files that were to be made, and were not there yet
        self._given: set[bytes] = set()  # names that the job gave to a file from before
        self._links: set[bytes] = set()  # symbolic links that the job made
        self._unsure: dict[bytes, bytes] = {}  # renamed, and gone before anyone looked what it is: name → name at first
        self._inputs: dict[bytes, FileStat | None] = {}
        self._lost: dict[bytes, str] = {}
        self._renamed: set[bytes] = set()
        self._moved: list[tuple[bytes, bytes]] = []  # directories from before: where they were, where they are
        self._executables: dict[bytes, None] = {}
        self._blind: dict[tuple[str, bytes], None] = {}
        self.fresh_inputs: list[tuple[bytes, FileStat]] | None = []
        """Inputs since the caller last emptied it: what can be hashed already.  None: the caller doesn't want to know."""
        self._act: dict[Kind, Callable[[Event], None]] = {
            Kind.OPEN: self._open,
            Kind.WRITE: self._write,
            Kind.RENAME: self._rename,
            Kind.LINK: self._link,
            Kind.SYMLINK: self._symlink,
            Kind.UNLINK: self._unlink,
            Kind.TRUNCATE: self._truncate,
            Kind.EXEC: self._exec,
            Kind.START: self._exec,
            Kind.MAP: self._map,
            Kind.BLIND: self._blindness,
            Kind.TIMES: self._times,
        }

    def feed(self, event: Event) -> None:
        """Takes one event with canonical paths."""
        act = self._act.get(event.kind)
        if act is not None:
            if self._unsure and event.path in self._unsure and event.kind not in _OF_ANY_KIND:
                origin = self._unsure.pop(event.path)
                if event.existed is not False:  # else it was a directory, whose end nobody tells
                    self._place(_File(origin, None), event.path, None)
            act(event)

    def path_of_inode(self, dev: int, ino: int) -> bytes | None:
        """The name under which a file of this identity was met; None when none was."""
        for path, file in self._names.items():
            if file.stat is not None and file.stat.ino == ino and file.stat.dev == dev:
                return path
        return None

    # ---- reading

    def _open(self, event: Event) -> None:
        path = event.path
        if event.existed is False and event.kind == Kind.OPEN:
            file = self._nameless.get((event.stat.dev, event.stat.ino)) if event.stat is not None else None
            file = file or _File(path, event.stat)
        else:
            file = self._met(path, event.stat)
        if not file.made:
            self._use(file, event.stat)

    def _met(self, path: bytes, stat: FileStat | None) -> _File:
        """The file of this name; if it is new to us, it is from before the job."""
        file = self._names.get(path)
        if file is None:
            origin = self._name_before(path)
            file = self._names[path] = _File(origin, stat)
            if origin != path:
                self._place(file, path, stat)
        return file

    def _name_before(self, path: bytes) -> bytes:
        """The name that a file from before had until a directory above it was moved."""
        if not self._moved and not self._unsure:
            return path
        above = [(len(place), source) for source, place in self._moved if path.startswith(place + b"/")]
        above += [
            (len(name), first) for name, first in self._unsure.items() if path == name or path.startswith(name + b"/")
        ]
        if not above:
            return path
        length, source = max(above)
        return source + path[length:]

    def _use(self, file: _File, now: FileStat | None) -> None:
        if file.used or file.origin is None:
            if file.origin is not None and now is not None and file.touched is None:
                known = self._inputs.get(file.origin)
                if known is not None and known is not now and not known.same_content(now):
                    self._lost[file.origin] = _CHANGED_TWICE
            return
        if (
            file.touched is not None
            and file.touched.size == 0
            and (now.size if now is not None else file.changed_in_place)
        ):
            return  # it was empty, so all that is in it is the job's
        file.used = True
        before = file.touched or now or file.stat
        if file.stat is None:
            file.stat = before
        self._inputs[file.origin] = before
        if before is not None and self.fresh_inputs is not None:
            self.fresh_inputs.append((file.origin, before))

    # ---- changing content

    def _write(self, event: Event) -> None:
        path, flags = event.path, event.flags
        existed = event.existed if event.existed is not None else event.stat is not None
        file = self._names.get(path)
        if not existed:
            if event.confirmed or self._stat(path) is not None:
                self._names[path] = _File(None, event.stat, made=True)
            else:
                self._perhaps.append(path)  # it may come yet
            return
        if flags & os.O_TRUNC and event.confirmed:
            self._replace(path, file)
            return
        file = self._met(path, event.stat)
        if file.made:
            return
        self._touch(file, event)
        if event.wrote:
            file.changed_in_place = True
        if flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR) and not flags & os.O_TRUNC:
            self._use(file, event.stat)

    def _replace(self, path: bytes, file: _File | None) -> None:
        """The whole content is gone, the file (its inode and its other names) stays."""
        if file is None:
            file = self._met(path, None)
        file.made = True
        file.touched = None
        file.origin = None

    def _touch(self, file: _File, event: Event) -> None:
        if file.touched is None:
            file.touched = event.stat
            if event.stat is not None and event.time_ns and event.time_ns - event.stat.mtime_ns < self._coarse_ns:
                file.changed_in_place = True

    def _truncate(self, event: Event) -> None:
        file = self._names.get(event.path)
        if event.flags == 0 and event.confirmed:
            self._replace(event.path, file)
            return
        file = self._met(event.path, event.stat)
        if not file.made:
            self._touch(file, event)

    def _times(self, event: Event) -> None:
        """After touch(1) what was unchanged has another time and still is unchanged; a time set back hides no change."""
        file = self._names.get(event.path)
        if file is None or file.touched is None or event.stat is None:
            return
        if file.touched.same_content(event.stat):
            file.touched = file.touched._replace(mtime_ns=event.flags)
        else:
            file.changed_in_place = True

    def _map(self, event: Event) -> None:
        file = self._met(event.path, event.stat)
        file.mapped = True
        if not file.made:
            self._touch(file, event)

    # ---- names

    def _rename(self, event: Event) -> None:
        old, new = event.path, event.path2
        if old == new or (not event.confirmed and self._stat(old) is not None):
            return
        mode = event.stat.mode if event.stat is not None else self._mode_behind(old, new)
        if event.flags & _RENAME_EXCHANGE:
            self._exchange(old, new, event, mode)
        elif modes.S_ISDIR(mode):
            self._rename_directory({old: new})
        elif modes.S_ISREG(mode):
            origin = self._unsure.pop(old, None)
            file = _File(origin, event.stat) if origin else self._met(old, event.stat)
            if file is self._names.get(new):
                return  # two names of one file: rename(2) does nothing
            self._names.pop(old, None)
            self._given.discard(old)
            self._was_file(new)
            self._links.discard(new)
            self._place(file, new, event.stat)
        else:  # a symbolic link or a special file took the name, or something unknown
            self._was_file(new)
            self._names.pop(new, None)
            self._given.discard(new)
            if old in self._links:
                self._links.remove(old)
                self._links.add(new)
            elif mode == _UNKNOWN:
                self._unsure[new] = self._unsure.pop(old, b"") or self._name_before(old)

    def _mode_behind(self, old: bytes, new: bytes) -> int:
        """What was renamed, for a tracer that doesn't say: a directory when it has files or is one under its new name."""
        if self._is_directory(old):
            return modes.S_IFDIR
        if old in self._names:
            return modes.S_IFREG
        if old in self._links:
            return modes.S_IFLNK
        now = self._stat(new)
        return now.mode if now is not None else _UNKNOWN

    def _was_file(self, name: bytes) -> None:
        """What lost this name was no directory: a file from before that the job had moved there."""
        origin = self._unsure.pop(name, None)
        if origin is not None:
            self._use(_File(origin, None), None)

    def _is_directory(self, path: bytes) -> bool:
        """Whether files below it were met."""
        return any(name.startswith(path + b"/") for name in self._names)

    def _place(self, file: _File, name: bytes, now: FileStat | None) -> None:
        """Gives a file a name, in place of whatever had it."""
        if file.origin is not None:
            self._renamed.add(file.origin)
        if not file.made:
            self._use(file, now)
            self._given.add(name)
        else:
            self._given.discard(name)
        self._names[name] = file

    def _exchange(self, one: bytes, two: bytes, event: Event, mode: int) -> None:
        """Each may be a file, a directory or a symbolic link; only of `one` the event says which."""
        moves = {one: two} if modes.S_ISDIR(mode) else {}
        first, second = self._names.pop(one, None), self._names.pop(two, None)
        if first is None and modes.S_ISREG(mode):
            first = _File(self._name_before(one), event.stat)
        unseen = b""
        if second is None:
            now = self._stat(one)  # what was `two`
            mode = now.mode if now is not None else _UNKNOWN
            if modes.S_ISDIR(mode) or self._is_directory(two):
                moves[two] = one
            elif modes.S_ISREG(mode):
                second = _File(self._name_before(two), now)
            elif now is None and two not in self._links:
                unseen = self._name_before(two)
        self._given -= {one, two}
        if moves:
            self._rename_directory(moves)
        if first is not None:
            self._place(first, two, first.stat)
        if second is not None:
            self._place(second, one, second.stat)
        elif unseen:
            self._unsure[one] = unseen

    def _rename_directory(self, moves: dict[bytes, bytes]) -> None:
        before = {source: self._name_before(source) for source in moves}
        for source in moves:
            self._unsure.pop(source, None)
        places = [place for _, place in self._moved]
        self._shift(moves)
        for source, target in moves.items():
            if source not in places:  # else it has been moved before
                self._moved.append((before[source], target))

    def _shift(self, moves: dict[bytes, bytes]) -> None:
        prefixes = [(old + b"/", new) for old, new in moves.items()]

        def shifted(names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
            return [
                (name, new + name[len(prefix) - 1 :])
                for name in names
                for prefix, new in prefixes
                if name.startswith(prefix)
            ]

        if self._unsure:
            unsure = [(target, self._unsure.pop(name)) for name, target in shifted(self._unsure)]
            self._unsure.update(unsure)
        files = [(name, target, self._names.pop(name)) for name, target in shifted(self._names)]
        for name, target, file in files:
            self._given.discard(name)
            if not file.made:
                self._place(file, target, file.stat)
            else:
                self._names[target] = file
        for i, (source, place) in enumerate(self._moved):
            for prefix, new in prefixes:
                if (place + b"/").startswith(prefix):
                    self._moved[i] = (source, new + place[len(prefix) - 1 :])
                    break

    def _link(self, event: Event) -> None:
        old, new = event.path, event.path2
        if not event.confirmed and self._stat(new) is None:
            return
        if event.stat is not None and not modes.S_ISREG(event.stat.mode):
            return
        if old.startswith(b"/proc/"):  # by a descriptor
            now = event.stat or self._stat(new)
            old = b"" if now is None else self.path_of_inode(now.dev, now.ino) or b""
        file = self._names.get(old)
        if not old or old.endswith(b" (deleted)") or (file is None and b"/#" in old):
            self._names[new] = _File(None, event.stat, made=True)  # O_TMPFILE gets its name
            return
        if file is None and event.stat is None and not self._may_be_file(old):
            return
        self._place(self._met(old, event.stat), new, event.stat)

    def _may_be_file(self, path: bytes) -> bool:
        now = self._stat(path)
        return modes.S_ISREG(now.mode) if now is not None else path not in self._links

    def _symlink(self, event: Event) -> None:
        self._links.add(event.path2)

    def _unlink(self, event: Event) -> None:
        if event.confirmed or self._stat(event.path) is None:
            self._links.discard(event.path)
            file = self._names.pop(event.path, None)
            self._given.discard(event.path)
            if event.stat is not None:
                identity = event.stat.dev, event.stat.ino
                if file is not None and file.origin != event.path:
                    self._nameless[identity] = file
                else:
                    self._nameless.pop(identity, None)

    # ---- programs

    def _exec(self, event: Event) -> None:
        if not event.path:
            if event.reason:
                self._blind[event.reason, b""] = None
            return
        self._executables[event.path] = None
        if event.reason:
            self._blind[event.reason, event.path] = None
        self._open(event)

    def _blindness(self, event: Event) -> None:
        self._blind[event.reason, event.path] = None

    # ---- the end

    def finish(self) -> Folded:
        """What the events amount to, now that the command has ended.  Called once."""
        outputs: dict[bytes, FileStat] = {}
        for path in self._perhaps:
            if path not in self._names:
                self._names[path] = _File(None, None, made=True)
        for name, first in self._unsure.items():
            now = self._stat(name)
            if now is not None and modes.S_ISDIR(now.mode):
                self._moved.append((first, name))
            elif now is not None and modes.S_ISREG(now.mode) and name not in self._names:
                self._place(_File(first, None), name, None)
        for path, file in self._names.items():
            if not (file.made or file.touched is not None or file.changed_in_place or path in self._given):
                continue
            now = self._stat(path)
            if now is None or not modes.S_ISREG(now.mode):
                continue
            if file.made or path in self._given:
                outputs[path] = now
            elif self._has_changed(file, now):
                outputs[path] = now
                if file.touched is not None and file.touched.size:
                    self._use(file, file.touched)  # it still holds bytes from before
        self._add_moved_trees(outputs)
        self._names.clear()
        for path, now in outputs.items():
            if path in self._inputs and path not in self._lost:
                before = self._inputs[path]
                if before is None or not before.same_content(now):
                    self._lost[path] = _REPLACED
        return Folded(
            self._inputs, outputs, frozenset(self._renamed), self._lost, tuple(self._executables), tuple(self._blind)
        )

    def _has_changed(self, file: _File, now: FileStat) -> bool:
        before = file.touched
        if file.changed_in_place or before is None:
            return True
        if (now.dev, now.ino, now.size, now.mtime_ns) != (before.dev, before.ino, before.size, before.mtime_ns):
            return True
        # tmpfs keeps no times for stores through a mapping; it has no block device, hence major number 0
        return file.mapped and now.ctime_ns == before.ctime_ns and os.major(now.dev) == 0

    def _add_moved_trees(self, outputs: dict[bytes, FileStat]) -> None:
        for source, place in sorted(self._moved, key=lambda one: -len(one[1])):
            for path in self._tree(place):
                if path in self._names or path in outputs:
                    continue  # seen by itself, or in a directory that was moved by itself
                now = self._stat(path)
                if now is None or not modes.S_ISREG(now.mode):
                    continue
                origin = source + path[len(place) :]
                self._inputs.setdefault(origin, now)
                outputs[path] = now
