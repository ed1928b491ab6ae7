"""Paths of the recorded repository as paths of the new directory, alone and within the words of a command."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from roar.api.records import Job

_NAME = "[A-Za-z0-9_.-]"
"""Characters that go on with a name: ``/w/repo`` is not in ``/w/repo-2``."""


_OUTWARD = re.compile(r"(\./+)*\.\.(/|$)")
_PATH = re.compile(r"/[^\s:=,;'\"<>|&()]+")


def aliases(texts: Iterable[str], root: bytes) -> list[tuple[bytes, bytes]]:
    """Other names of a repository, or of what is in it, that words mention: by links, above it or to it.

    Args:
        texts: words and values of variables.
        root: of the repository, canonical.

    Returns:
        (name, what it leads to): the shortest name of each mention that leads into the repository.
    """
    leads_to: dict[str, bytes] = {}
    found: dict[str, bytes] = {}
    mentions = {mention for text in texts if "/" in text for mention in (*_PATH.findall(text), text[text.index("/") :])}
    for mention in mentions:
        name = ""
        for part in mention.split("/")[1:]:
            name += f"/{part}"
            if name not in leads_to:
                leads_to[name] = _canonical(name)
            target = leads_to[name]
            if target == root or target.startswith(root + b"/"):
                if os.fsencode(name) != target:
                    found[name] = target
                break
    return sorted((os.fsencode(name), target) for name, target in found.items())


def _canonical(name: str) -> bytes:
    try:
        return os.path.realpath(os.fsencode(name))
    except (OSError, ValueError):
        return b""


class Mapping:
    """Directories and what stands for each.

    Args:
        pairs: (recorded, new), absolute; of two that fit a path the first is taken.
    """

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._pairs = [(old.rstrip(b"/"), new.rstrip(b"/")) for old, new in pairs if old.rstrip(b"/")]
        self._patterns = [
            (
                re.compile(rf"(?<!{_NAME}){re.escape(os.fsdecode(old))}(?!{_NAME})"),
                os.fsdecode(new).replace("\\", "\\\\"),
            )
            for old, new in self._pairs
        ]

    def path(self, path: bytes) -> bytes | None:
        """A path's new place; None when it is in none of the directories."""
        for old, new in self._pairs:
            if path == old or path.startswith(old + b"/"):
                return new + path[len(old) :]
        return None

    def text(self, text: str) -> str:
        """A word or a variable's value, each mention of a directory replaced."""
        for pattern, new in self._patterns:
            text = pattern.sub(new, text)
        return text

    def words(self, words: Sequence[str], cwd: bytes, new_cwd: bytes) -> tuple[str, ...]:
        """The words of a command.

        Args:
            words: as recorded.
            cwd: the directory that it ran in.
            new_cwd: the one that it is to run in.
        """
        return tuple(self.text(self._outward(word, cwd, new_cwd)) for word in words)

    def _outward(self, word: str, cwd: bytes, new_cwd: bytes) -> str:
        """A path that begins with ``..``, absolute if it would lead elsewhere from the new directory."""
        option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
        if not _OUTWARD.match(value):
            return word
        path = os.fsencode(value)
        then = os.path.normpath(os.path.join(cwd, path))
        meant = self.path(then) or then
        now = os.path.normpath(os.path.join(new_cwd, path))
        return word if meant == now else f"{option}{equals}{os.fsdecode(meant)}"


def former_root(job: Job) -> bytes | None:
    """Where the job's repository was, if it was moved since."""
    return None if job.git is None else job.git.recorded_root


def words_now(job: Job) -> tuple[str, ...]:
    """The words of a job's command, as they mean the same files where its repository is now."""
    git = job.git
    if git is None or git.recorded_root is None:
        return job.command
    then = os.path.join(git.recorded_root, git.cwd)
    return Mapping([(git.recorded_root, git.root)]).words(job.command, then, job.cwd)


def environment_now(job: Job, environment: Any) -> Any:
    """The environment of a job, its repository named where it is now."""
    git = job.git
    if git is None or git.recorded_root is None:
        return environment
    text = Mapping([(git.recorded_root, git.root)]).text

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, dict):
            return {name: renamed(item) for name, item in value.items()}
        return [renamed(item) for item in value] if isinstance(value, list) else value

    return renamed(environment)
