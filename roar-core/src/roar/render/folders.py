"""Many files in a few lines: how many there are in which folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from roar.api.records import StoredEdge
from roar.render.job import Place
from roar.render.look import Look
from roar.render.text import columns, padded, plural, size_text

FOLDERS = 10
"""So many folders are told apart at most."""


class Folder(NamedTuple):
    """Files below a folder."""

    path: bytes
    files: int
    size: int
    """Bytes, as far as known."""


def by_folder(files: Iterable[tuple[bytes, int]], most: int = FOLDERS) -> list[Folder]:
    """The files counted by folder, by path; the folders with the most files are opened, as long as there is room.

    Args:
        files: absolute path and size of each.
        most: how many folders to tell apart at most.
    """
    groups = [_Group(b"", list(files), True)]
    while True:
        candidates = sorted((group for group in groups if group.may_open), key=lambda group: -len(group.files))
        for group in candidates:
            inner = group.opened()
            if len(groups) - 1 + len(inner) <= most or (len(groups) == 1 and len(inner) == 1):
                groups.remove(group)
                groups += inner
                break
            group.may_open = False
        else:
            break
    return sorted(
        Folder(group.path or b"/", len(group.files), sum(size for _, size in group.files)) for group in groups
    )


class _Group:
    """Files below a folder, or (then it can't be opened) right in it."""

    def __init__(self, path: bytes, files: list[tuple[bytes, int]], may_open: bool) -> None:
        self.path = path
        self.files = files
        self.may_open = may_open

    def opened(self) -> list[_Group]:
        """The same files by the folders within; those right here stay together."""
        start = len(self.path) + 1
        inner: dict[bytes, list[tuple[bytes, int]]] = {}
        for file in self.files:
            head, slash, _ = file[0][start:].partition(b"/")
            inner.setdefault(self.path + b"/" + head if slash else b"", []).append(file)
        here = inner.pop(b"", None)
        found = [_Group(path, files, True) for path, files in inner.items()]
        return found if here is None else [*found, _Group(self.path, here, False)]


def folder_lines(edges: Sequence[StoredEdge], look: Look, place: Place, rest: str) -> Iterator[str]:
    """``… 99 997 more, by folder:`` and a line a folder.

    Args:
        edges: the files that are not listed one by one.
        look: of the stream.
        place: where the user is.
        rest: what to type to see them all.
    """
    folders = by_folder((edge.path, edge.size or 0) for edge in edges)
    yield f"{look.sign('…', '...')} {plural(len(edges), 'more file')}, by folder:"
    names = [place.name(folder.path).removesuffix("/.").rstrip("/") + "/" for folder in folders]
    width = max(map(columns, names))
    for name, folder in zip(names, folders, strict=True):
        yield f"  {padded(name, width)}  {plural(folder.files, 'file'):>13}  {size_text(folder.size):>7}"
    yield look.paint(f"All of them: {rest}", "dim")
