"""The fold against a model: random programs on a small file system whose truth is kept content by content."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.api import Event, FileStat, Kind
from roar.run.fold import Fold

NAMES = ["/a", "/b", "/c", "/d/a", "/d/b", "/d/e/a", "/f/a"]
DIRECTORIES = ["/d", "/d/e", "/f"]
OPERATIONS = ["read", "create", "truncate-open", "append", "rename", "link", "unlink", "edit"]
OF_DIRECTORIES = ["move", "exchange"]


@dataclass
class Node:
    """An inode: how it changed, and whether its bytes are from before."""

    ino: int
    origin: str | None
    version: int = 0
    old_bytes: bool = True
    changed: bool = False
    met: bool = False
    """Whether an event named it; what no event named is known only by its directory."""
    carried: bool = False
    """In a directory that was moved before an event named it."""

    def stat(self) -> FileStat:
        return FileStat(1, self.ino, 5 + self.version, self.version, self.version, stat.S_IFREG | 0o644)


@dataclass
class Model:
    """A file system in which every inode knows where it came from."""

    names: dict[str, Node] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    next_ino: int = 100
    events: list[Event] = field(default_factory=list)

    def event(self, kind: Kind, path: str, path2: str = "", flags: int = 0, existed: bool | None = None) -> None:
        node = self.names.get(path)
        if node is not None:
            if node.carried and kind != Kind.UNLINK:
                self.use(node)
            node.met = node.met or kind != Kind.UNLINK
        self.events.append(
            Event(
                kind, 1, 0, path.encode(), path2.encode(), flags, existed, node.stat() if node else None, resolved=True
            )
        )

    def use(self, node: Node) -> None:
        if node.origin is not None and node.old_bytes:
            self.used.add(node.origin)

    def perform(self, operation: str, one: str, two: str) -> None:
        node = self.names.get(one)
        if operation == "create" and node is None:
            self.event(Kind.WRITE, one, flags=os.O_WRONLY | os.O_CREAT, existed=False)
            self.names[one] = Node(self.next_ino, None, old_bytes=False, changed=True)
            self.next_ino += 1
        elif node is None:
            return
        elif operation == "read":
            self.event(Kind.OPEN, one)
            self.use(node)
        elif operation == "truncate-open":
            self.event(Kind.WRITE, one, flags=os.O_WRONLY | os.O_TRUNC, existed=True)
            node.version += 1
            node.old_bytes, node.changed = False, True
        elif operation in ("append", "edit"):
            self.event(Kind.WRITE, one, flags=os.O_WRONLY | os.O_APPEND, existed=True)
            node.version += 1
            node.changed = True
        elif operation == "rename" and one != two:
            self.event(Kind.RENAME, one, two)
            if self.names.get(two) is node:
                return
            self.use(node)
            self.names[two] = self.names.pop(one)
            self.given.discard(one)
            self.given.add(two)
        elif operation == "link" and two not in self.names:
            self.event(Kind.LINK, one, two)
            self.use(node)
            self.names[two] = node
            self.given.add(two)
        elif operation == "unlink":
            self.event(Kind.UNLINK, one)
            del self.names[one]
            self.given.discard(one)

    def perform_on_directories(self, operation: str, one: str, two: str) -> None:
        if f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/"):
            return
        if operation == "move" and any(name.startswith(f"{two}/") for name in self.names):
            return  # rename(2) replaces empty directories only
        directory = FileStat(1, 1, 0, 0, 0, stat.S_IFDIR | 0o755)
        flags = 2 if operation == "exchange" else 0
        self.events.append(Event(Kind.RENAME, 1, 0, one.encode(), two.encode(), flags, None, directory, resolved=True))
        places = {one: two, two: one}
        moved = {}
        for old, new in places.items():
            for name in [name for name in self.names if name.startswith(f"{old}/")]:
                moved[new + name.removeprefix(old)] = self.names[name]
        for name in [name for name in self.names if name.startswith((f"{one}/", f"{two}/"))]:
            del self.names[name]
            self.given.discard(name)
        for name, node in moved.items():
            if node.met:
                self.use(node)
            else:
                node.carried = True
            self.names[name] = node
            self.given.add(name)

    def outputs(self) -> set[str]:
        return {name for name, node in self.names.items() if node.changed or name in self.given}

    def inputs(self) -> set[str]:
        # what was changed in place and is still there holds bytes from before
        kept = {n.origin for n in self.names.values() if n.changed and n.old_bytes and n.origin is not None}
        carried = {n.origin for n in self.names.values() if n.carried and n.old_bytes and n.origin is not None}
        return self.used | kept | carried


FILE_STEPS = st.tuples(st.sampled_from(OPERATIONS), st.sampled_from(NAMES), st.sampled_from(NAMES))
DIRECTORY_STEPS = st.tuples(st.sampled_from(OF_DIRECTORIES), st.sampled_from(DIRECTORIES), st.sampled_from(DIRECTORIES))


@pytest.mark.requirement("NORM-2", "NORM-3", "TRC-10")
@settings(max_examples=400, deadline=None)
@given(st.sets(st.sampled_from(NAMES)), st.lists(FILE_STEPS | DIRECTORY_STEPS, max_size=12))
def test_the_fold_agrees_with_the_model(before: set[str], program: list[tuple[str, str, str]]) -> None:
    model = Model({name: Node(i, name) for i, name in enumerate(sorted(before), 1)})
    for operation, one, two in program:
        if operation in OF_DIRECTORIES:
            model.perform_on_directories(operation, one, two)
        else:
            model.perform(operation, one, two)
    now = {name.encode(): node.stat() for name, node in model.names.items()}
    directories = {name.encode(): FileStat(1, 1, 0, 0, 0, stat.S_IFDIR | 0o755) for name in DIRECTORIES}
    fold = Fold((directories | now).get, lambda directory: [name for name in now if name.startswith(directory + b"/")])
    for event in model.events:
        fold.feed(event)
    folded = fold.finish()
    assert {path.decode() for path in folded.outputs} == model.outputs()
    assert {path.decode() for path in folded.inputs} == model.inputs()
