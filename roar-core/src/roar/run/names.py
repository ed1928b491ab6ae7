"""Which file has which name now; a directory that the job moves takes along all that is in it, in one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from roar.api.events import FileStat


class File:
    """A content, which may have several names over time."""

    __slots__ = ("changed_in_place", "left", "made", "mapped", "origin", "stat", "touched", "used")

    def __init__(self, origin: bytes | None, stat: FileStat | None, *, made: bool = False, left: bool = False) -> None:
        self.origin = origin  # its name when the job began; None: all of its content is the job's
        self.stat = stat  # when it was first met
        self.made = made  # all of its content is the job's
        self.left = left  # `origin` was taken from it; if it has that name again, the job gave it
        self.used = False
        # before it was opened for change; whether it changed is decided at the end
        self.touched: FileStat | None = None
        self.changed_in_place = False  # it surely changed, and holds bytes from before
        self.mapped = False

    def was_given(self, name: bytes) -> bool:
        """Whether it is from before, and has this name of its own from the job."""
        return self.origin is not None and (self.left or self.origin != name)


class Names:
    """Canonical path → file.

    As long as the job moves no directory, this is one dict of whole paths: nearly all jobs are so, and it is what takes
    the least time and memory.  From then on it is a tree of directories, and a move costs no more for what is in it,
    but for the files that so lose their name from before: each once.
    """

    def __init__(self) -> None:
        self._root = _Directory(None, b"")
        self._is_tree = False
        self._by_path = {b"": self._root}  # those that were asked for since a directory moved
        self.unsure: dict[_Directory, None] = {}  # what `doubt` told of, in its order
        self._by_inode: dict[tuple[int, int], dict[_Entry, None]] | None = None  # when it was first asked for

    # ---- names of files

    def get(self, path: bytes) -> File | None:
        """The file of this name."""
        if not self._is_tree:
            return self._root.files.get(path)
        directory, name = self._entry(path)
        return directory.files.get(name)

    def put(self, path: bytes, file: File) -> None:
        """Gives a file a name, in place of whatever had it."""
        directory, name = self._entry(path) if self._is_tree else (self._root, path)  # a call less for each file
        if name in directory.files:
            self.pop(path)
        directory.files[name] = file
        if self._is_tree and file.origin == path:
            directory.note_native()
        if self._by_inode is not None and file.stat is not None:
            self._by_inode.setdefault((file.stat.dev, file.stat.ino), {})[directory, name] = None

    def pop(self, path: bytes) -> File | None:
        """Takes a name away; the file that had it."""
        directory, name = entry = self._entry(path)
        file = directory.files.pop(name, None)
        if file is None:
            return None
        if file.origin == path:
            file.left = True
        if self._by_inode is not None and file.stat is not None:
            self._by_inode.get((file.stat.dev, file.stat.ino), {}).pop(entry, None)
        return file

    def items(self) -> Iterator[tuple[bytes, File]]:
        """All names with their files."""
        for path, directory in self._root.walk(b""):
            for name, file in directory.files.items():
                yield path + name, file

    def of_inode(self, dev: int, ino: int) -> bytes | None:
        """The name under which a file of this identity was met; None when none was."""
        if self._by_inode is None:
            self._by_inode = {}
            for _, directory in self._root.walk(b""):
                for name, file in directory.files.items():
                    if file.stat is not None:
                        self._by_inode.setdefault((file.stat.dev, file.stat.ino), {})[directory, name] = None
        for directory, name in self._by_inode.get((dev, ino), ()):
            return directory.path() + name
        return None

    # ---- directories

    def is_directory(self, path: bytes) -> bool:
        """Whether there is a file below this path."""
        self._grow()
        parent, name = self._entry(path)
        directory = parent.directories.get(name)
        return directory is not None and any(below.files for _, below in directory.walk(path))

    def move(self, moves: Mapping[bytes, bytes]) -> list[File]:
        """Moves directories, all at the same moment; what was in place of them is gone.

        Args:
            moves: path → path afterwards.

        Returns:
            The files from before that so lost the name that they had until now.
        """
        self._grow()
        # the kernel moves no directory into itself; a tracer that says so must not make a circle of us
        moves = {old: new for old, new in moves.items() if not (new + b"/").startswith(old + b"/")}
        moving = []
        for old in moves:
            directory = self._directory(old)
            directory.origin = self._origin_of(directory, old) or old
            self.unsure.pop(directory, None)
            moving.append(directory)
        for directory in moving:
            directory.leave()
        self._by_path = {b"": self._root}
        for directory, new in zip(moving, moves.values(), strict=True):
            parent, name = self._entry(new)
            replaced = parent.directories.get(name)
            if replaced is not None:
                self._forget(replaced)
            directory.enter(parent, name)
        return [file for directory, old in zip(moving, moves, strict=True) for file in directory.natives(old)]

    def _forget(self, replaced: _Directory) -> None:
        """Lets go of what is known of an empty directory: only of an unseen removal there is more than nothing."""
        for _, directory in replaced.walk(b""):
            self.unsure.pop(directory, None)
            if directory.files:
                self._by_inode = None
        self._by_path = {b"": self._root}

    def carried_from(self, path: bytes) -> bytes | None:
        """The name that what is here had when the job began, if it is from before and came with a directory; None when not."""
        if not self._is_tree:
            return None
        parent, name = self._entry(path)
        itself = parent.directories.get(name)
        if itself is not None and itself in self.unsure:
            return self._origin_of(itself, path)
        above = self._origin_of(parent, path[: len(path) - len(name)])
        return None if above is None else above + name

    def _origin_of(self, directory: _Directory, path: bytes) -> bytes | None:
        end = len(path)
        here: _Directory | None = directory
        while here is not None:
            if here.origin is not None:
                return here.origin + path[end:]
            end -= len(here.name)
            here = here.parent
        return None

    def moved(self) -> list[bytes]:
        """Where the directories are that the job moved, but for those in another that it moved."""
        found = []
        left = [(b"", self._root)]
        while left:
            path, directory = left.pop()
            if directory.origin is not None:
                found.append(path)
            else:
                left += [(path + name, below) for name, below in directory.directories.items()]
        return found

    # ---- what was moved and gone before anyone looked what it is

    def doubt(self, path: bytes, origin: bytes) -> None:
        """What is here may be a directory or a file, and was at `origin` when the job began."""
        self._grow()
        directory = self._directory(path)
        directory.origin = origin
        self.unsure[directory] = None

    def no_directory(self, path: bytes) -> bytes | None:
        """Ends a doubt: this is a file.  Its name when the job began; None when there was no doubt."""
        if not self.unsure:
            return None
        parent, name = self._entry(path)
        directory = parent.directories.get(name)
        if directory is None or directory not in self.unsure:
            return None
        del self.unsure[directory]
        origin, directory.origin = directory.origin, None
        return origin

    def doubted(self) -> list[bytes]:
        """The names of what is in doubt."""
        return [directory.path() for directory in self.unsure]

    # ---- the tree

    def _grow(self) -> None:
        """Makes a tree of the one dict."""
        if not self._is_tree:
            files, self._root.files = self._root.files, {}
            self._is_tree = True
            if self._by_inode is not None:
                self._by_inode = {}
            for path, file in files.items():
                self.put(path, file)

    def _entry(self, path: bytes) -> _Entry:
        if not self._is_tree:
            return self._root, path
        directory, slash, name = path.rpartition(b"/")
        return self._directory(directory), slash + name

    def _directory(self, path: bytes) -> _Directory:
        directory = self._by_path.get(path)
        missing = []
        while directory is None:
            path, slash, name = path.rpartition(b"/")
            missing.append(slash + name)
            directory = self._by_path.get(path)
        while missing:
            name = missing.pop()
            path += name
            directory = self._by_path[path] = directory.directories.get(name) or _Directory(directory, name)
        return directory


class _Directory:
    """Names in it begin with their slash, so that paths are what is strung together."""

    __slots__ = ("directories", "files", "has_natives", "name", "origin", "parent")

    def __init__(self, parent: _Directory | None, name: bytes) -> None:
        self.files: dict[bytes, File] = {}
        self.directories: dict[bytes, _Directory] = {}
        self.origin: bytes | None = None  # its name when the job began, if the job moved it
        self.has_natives = False  # whether there may be files below that have the name that they had before
        self.parent = parent
        self.name = name
        if parent is not None:
            parent.directories[name] = self

    def path(self) -> bytes:
        names = []
        here: _Directory | None = self
        while here is not None:
            names.append(here.name)
            here = here.parent
        return b"".join(reversed(names))

    def walk(self, path: bytes) -> Iterator[tuple[bytes, _Directory]]:
        """It and all below with their paths; its own is `path`."""
        left = [(path, self)]
        while left:
            path, directory = left.pop()
            yield path, directory
            left += [(path + name, below) for name, below in directory.directories.items()]

    def leave(self) -> None:
        if self.parent is not None:
            self.parent.directories.pop(self.name, None)

    def enter(self, parent: _Directory, name: bytes) -> None:
        self.parent = parent
        self.name = name
        parent.directories[name] = self

    def note_native(self) -> None:
        here: _Directory | None = self
        while here is not None and not here.has_natives:
            here.has_natives = True
            here = here.parent

    def natives(self, path: bytes) -> Iterator[File]:
        """The files below that have the name that they had before; they are told to lose it."""
        left = [(path, self)]
        while left:
            path, directory = left.pop()
            if directory.has_natives:
                directory.has_natives = False
                for name, file in directory.files.items():
                    if file.origin == path + name:
                        file.left = True
                        yield file
                left += [(path + name, below) for name, below in directory.directories.items()]


_Entry = tuple[_Directory, bytes]
