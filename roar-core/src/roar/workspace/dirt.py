"""Uncommitted changes: which of them stand in the way of an honest commit id, and what to do about each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from roar.api.errors import DirtyTree
from roar.workspace.git import Change

LISTED = 10
"""How many paths a refusal shows."""

_ALIKE = 3
"""From so many paths with one ending or directory on, ignoring them by a pattern is suggested."""

_CODE_SUFFIXES = frozenset(
    b"bash bat bzl c cc cfg cl cmake conf cpp cs css cu cuh cxx dart dockerfile f f90 fish go gradle h hpp hs html hxx ini ipp "
    b"ipynb java jl js jsx kt lock lua m mk ml nf nim php pl proto ps1 py pyi pyx r rb rmd rs rst scala scss sh smk sql swift "
    b"tcl tex toml ts tsx vue yaml yml zig zsh".split()
)
_CODE_NAMES = frozenset({
    b"makefile", b"gnumakefile", b"dockerfile", b"snakefile", b"rakefile", b"gemfile", b"procfile", b"justfile", b"readme",
    b"license", b".gitignore", b".gitattributes", b".gitmodules", b".dockerignore", b"requirements.txt", b"cmakelists.txt",
})  # fmt: skip


class Dirt(NamedTuple):
    """The uncommitted changes of a working tree, paths relative to its root, each group in git's order."""

    code: tuple[bytes, ...]
    """Changes of tracked files."""
    outputs: tuple[bytes, ...]
    """New files that earlier steps of this session made; they don't make the tree dirty."""
    unknown: tuple[bytes, ...]
    """Other new files: to be committed, or to be ignored."""

    @property
    def blocking(self) -> tuple[bytes, ...]:
        """What makes the tree dirty; empty when it is clean."""
        return self.code + self.unknown


def classify(changes: Iterable[Change], generated: Callable[[list[bytes]], set[bytes]], root: bytes) -> Dirt:
    """Sorts changes by what is to be done about them.

    `.roar` never counts, nor does the interpreter's cache in ``__pycache__``, which running the committed code makes.

    Args:
        changes: of `GitStatus`.
        generated: those of these absolute paths that steps of the session made; called at most once, with new files only.
        root: the top of the working tree, absolute.
    """
    tracked: list[bytes] = []
    new: list[bytes] = []
    for path, kind in changes:
        if path.startswith(b".roar/") or path == b".roar":
            continue
        if kind != "untracked":
            tracked.append(path)
        elif not _is_interpreters_cache(path):
            new.append(path)
    prefix = root.rstrip(b"/") + b"/"
    made = generated([prefix + path for path in new]) if new else set()
    outputs = tuple(path for path in new if prefix + path in made)
    unknown = tuple(path for path in new if prefix + path not in made)
    return Dirt(tuple(tracked), outputs, unknown)


def _is_interpreters_cache(path: bytes) -> bool:
    return path.endswith(b".pyc") and b"/__pycache__/" in b"/" + path


def _looks_like_code(path: bytes) -> bool:
    name = path.rpartition(b"/")[2].lower()
    return name in _CODE_NAMES or (b"." in name and name.rpartition(b".")[2] in _CODE_SUFFIXES)


def refusal(dirt: Dirt, command_words: Sequence[str], verb: str = "run") -> DirtyTree:
    """The error that says why a run was refused: up to ten paths, sorted, and the ways out.

    Args:
        dirt: with something `blocking`.
        command_words: the command that was to be run.
        verb: ``run`` or ``build``.
    """
    from roar.render.text import command_text

    command = command_text(command_words)
    code = (*dirt.code, *(path for path in dirt.unknown if _looks_like_code(path)))
    unknown = tuple(path for path in dirt.unknown if not _looks_like_code(path))
    lines = _listing(code, unknown, dirt.outputs)
    lines += [
        "Either commit the changes:",
        '    git add -A && git commit -m "wip"',
        f"    roar {verb} {command}",
        "or record them with the job, as a patch:",
        f"    roar {verb} --allow-dirty {command}",
    ]
    lines += _ignoring(unknown + dirt.outputs)
    return DirtyTree("Git repository has uncommitted changes", "\n".join(lines))


def _listing(code: Sequence[bytes], unknown: Sequence[bytes], outputs: Sequence[bytes]) -> list[str]:
    from roar.render.text import printable

    groups = (
        ("code, to be committed", code),
        ("unknown, to be committed or ignored", unknown),
        ("outputs of earlier steps, which don't count", outputs),
    )
    lines: list[str] = []
    room = LISTED
    for title, paths in groups:
        shown = paths[:room]
        room -= len(shown)
        if shown:
            lines += [f"  {title}:", *(f"    {printable(path)}" for path in shown)]
    more = len(code) + len(unknown) + len(outputs) - LISTED
    if more > 0:
        lines.append(f"  … and {more} more; all of them: git status")
    return lines


def _ignoring(paths: Sequence[bytes]) -> list[str]:
    patterns = ignore_patterns(paths)
    if not patterns:
        return []
    from shlex import quote

    words = " ".join(quote(os.fsdecode(pattern)) for pattern in patterns)
    return ["Files that will never be committed can be ignored:", f"    printf '%s\\n' {words} >> .gitignore"]


def ignore_patterns(paths: Sequence[bytes]) -> list[bytes]:
    """Patterns for a `.gitignore` that three or more of the paths share: a directory, else an ending; at most three."""
    patterns: list[bytes] = []
    left = list(paths)
    for pattern_of in (_top_directory, _ending):
        counts: dict[bytes, int] = {}
        for path in left:
            counts[pattern_of(path)] = counts.get(pattern_of(path), 0) + 1
        found = sorted((p for p in counts if p and counts[p] >= _ALIKE), key=lambda p: -counts[p])
        patterns += found
        left = [path for path in left if pattern_of(path) not in found]
    return patterns[:3]


def _top_directory(path: bytes) -> bytes:
    directory, slash, _ = path.partition(b"/")
    return b"/" + directory + slash if slash and _is_plain(directory) else b""


def _ending(path: bytes) -> bytes:
    stem, dot, suffix = path.rpartition(b"/")[2].rpartition(b".")
    return b"*." + suffix if stem and dot and _is_plain(suffix) else b""


def _is_plain(name: bytes) -> bool:
    """Whether a name means itself in a `.gitignore`."""
    return bool(name) and name.replace(b"-", b"").replace(b"_", b"").replace(b".", b"").isalnum()
