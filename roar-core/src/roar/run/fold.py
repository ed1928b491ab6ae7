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
from roar.run.names import File, Names

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
        self._names = Names()
        self._nameless: dict[
            tuple[int, int], File
        ] = {}  # (dev, ino) of removed files that are not what their name says
        self._perhaps: list[bytes] = []  # names of files that were to be made, and were not there yet
        self._links: set[bytes] = set()  # symbolic links that the job made
        self._inputs: dict[bytes, FileStat | None] = {}
        self._lost: dict[bytes, str] = {}
        self._renamed: set[bytes] = set()
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
            if self._names.unsure and event.kind not in _OF_ANY_KIND:
                origin = self._names.no_directory(event.path)
                if origin is not None and event.existed is not False:  # else it was a directory, whose end nobody tells
                    self._place(File(origin, None, left=True), event.path, None)
            act(event)

    def path_of_inode(self, dev: int, ino: int) -> bytes | None:
        """The name under which a file of this identity was met; None when none was."""
        return self._names.of_inode(dev, ino)

    # ---- reading

    def _open(self, event: Event) -> None:
        path = event.path
        if event.existed is False and event.kind == Kind.OPEN:
            file = self._nameless.get((event.stat.dev, event.stat.ino)) if event.stat is not None else None
            file = file or File(path, event.stat)
        else:
            file = self._met(path, event.stat)
        if not file.made:
            self._use(file, event.stat)

    def _met(self, path: bytes, stat: FileStat | None) -> File:
        """The file of this name; if it is new to us, it is from before the job."""
        file = self._names.get(path)
        if file is None:
            origin = self._names.carried_from(path)
            if origin is None:
                file = File(path, stat)
                self._names.put(path, file)
            else:
                file = File(origin, stat, left=True)
                self._place(file, path, stat)
        return file

    def _name_before(self, path: bytes) -> bytes:
        return self._names.carried_from(path) or path

    def _use(self, file: File, now: FileStat | None) -> None:
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
                self._names.put(path, File(None, event.stat, made=True))
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

    def _replace(self, path: bytes, file: File | None) -> None:
        """The whole content is gone, the file (its inode and its other names) stays."""
        if file is None:
            file = self._met(path, None)
        file.made = True
        file.touched = None
        file.origin = None

    def _touch(self, file: File, event: Event) -> None:
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
            self._move({old: new})
        elif modes.S_ISREG(mode):
            origin = self._names.no_directory(old)
            file = File(origin, event.stat, left=True) if origin else self._met(old, event.stat)
            if file is self._names.get(new):
                return  # two names of one file: rename(2) does nothing
            self._names.pop(old)
            self._was_file(new)
            self._links.discard(new)
            self._place(file, new, event.stat)
        else:  # a symbolic link or a special file took the name, or something unknown
            self._was_file(new)
            self._names.pop(new)
            if old in self._links:
                self._links.remove(old)
                self._links.add(new)
            elif mode == _UNKNOWN:
                self._names.doubt(new, self._names.no_directory(old) or self._name_before(old))

    def _mode_behind(self, old: bytes, new: bytes) -> int:
        """What was renamed, for a tracer that doesn't say: a directory when it has files or is one under its new name."""
        if self._names.is_directory(old):
            return modes.S_IFDIR
        if self._names.get(old) is not None:
            return modes.S_IFREG
        if old in self._links:
            return modes.S_IFLNK
        now = self._stat(new)
        return now.mode if now is not None else _UNKNOWN

    def _was_file(self, name: bytes) -> None:
        """What lost this name was no directory: a file from before that the job had moved there."""
        origin = self._names.no_directory(name)
        if origin is not None:
            self._use(File(origin, None), None)

    def _place(self, file: File, name: bytes, now: FileStat | None) -> None:
        """Gives a file a name, in place of whatever had it."""
        if file.origin is not None:
            self._renamed.add(file.origin)
        if not file.made:
            self._use(file, now)
        self._names.put(name, file)

    def _exchange(self, one: bytes, two: bytes, event: Event, mode: int) -> None:
        """Each may be a file, a directory or a symbolic link; only of `one` the event says which."""
        moves = {one: two} if modes.S_ISDIR(mode) else {}
        first, second = self._names.pop(one), self._names.pop(two)
        if first is None and modes.S_ISREG(mode):
            first = File(self._name_before(one), event.stat, left=True)
        unseen = b""
        if second is None:
            now = self._stat(one)  # what was `two`
            mode = now.mode if now is not None else _UNKNOWN
            if modes.S_ISDIR(mode) or self._names.is_directory(two):
                moves[two] = one
            elif modes.S_ISREG(mode):
                second = File(self._name_before(two), now, left=True)
            elif now is None and two not in self._links:
                unseen = self._name_before(two)
        if moves:
            self._move(moves)
        if first is not None:
            self._place(first, two, first.stat)
        if second is not None:
            self._place(second, one, second.stat)
        elif unseen:
            self._names.doubt(one, unseen)

    def _move(self, moves: dict[bytes, bytes]) -> None:
        for file in self._names.move(moves):
            if file.origin is not None:
                self._renamed.add(file.origin)
            self._use(file, file.stat)

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
            self._names.put(new, File(None, event.stat, made=True))  # O_TMPFILE gets its name
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
            file = self._names.pop(event.path)
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
            if self._names.get(path) is None:
                self._names.put(path, File(None, None, made=True))
        for path in self._names.doubted():
            now = self._stat(path)
            if now is None or not modes.S_ISDIR(now.mode):
                first = self._names.no_directory(path)
                if now is not None and modes.S_ISREG(now.mode) and self._names.get(path) is None:
                    self._place(File(first, None, left=True), path, None)
        for path, file in self._names.items():
            if not (file.made or file.touched is not None or file.changed_in_place or file.was_given(path)):
                continue
            now = self._stat(path)
            if now is None or not modes.S_ISREG(now.mode):
                continue
            if file.made or file.was_given(path):
                outputs[path] = now
            elif self._has_changed(file, now):
                outputs[path] = now
                if file.touched is not None and file.touched.size:
                    self._use(file, file.touched)  # it still holds bytes from before
        self._add_moved_trees(outputs)
        self._names = Names()
        for path, now in outputs.items():
            if path in self._inputs and path not in self._lost:
                before = self._inputs[path]
                if before is None or not before.same_content(now):
                    self._lost[path] = _REPLACED
        return Folded(
            self._inputs, outputs, frozenset(self._renamed), self._lost, tuple(self._executables), tuple(self._blind)
        )

    def _has_changed(self, file: File, now: FileStat) -> bool:
        before = file.touched
        if file.changed_in_place or before is None:
            return True
        if (now.dev, now.ino, now.size, now.mtime_ns) != (before.dev, before.ino, before.size, before.mtime_ns):
            return True
        # tmpfs keeps no times for stores through a mapping; it has no block device, hence major number 0
        return file.mapped and now.ctime_ns == before.ctime_ns and os.major(now.dev) == 0

    def _add_moved_trees(self, outputs: dict[bytes, FileStat]) -> None:
        for place in self._names.moved():
            for path in self._tree(place):
                if path in outputs or self._names.get(path) is not None:
                    continue  # seen by itself
                now = self._stat(path)
                if now is None or not modes.S_ISREG(now.mode):
                    continue
                self._inputs.setdefault(self._name_before(path), now)
                outputs[path] = now
