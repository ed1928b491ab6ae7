"""What a case is: a command and the inputs and outputs that are true of it by construction."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple

from roar.api.tracer import Capability

PYTHON = sys.executable
HELPER = "helper"
"""A program on PATH with a mode a case: `programs/helper`.  `helper-static` and `helper-32` are the same, built otherwise."""

_REDIRECTION = re.compile(r"(\d+)(<>|>>|<|>)(\S+)")


class Case(NamedTuple):
    """A command in a directory of its own that `stage.fill` filled.  Names are relative to that directory.

    A tracer that has all the capabilities in `needs` records exactly `inputs` and `outputs` and is `complete`.  One that
    lacks any is `partial`, gives the reason, and records nothing that isn't true: no more than these, no less than `anyway`.
    """

    name: str
    command: tuple[str, ...]
    inputs: frozenset[str]
    outputs: frozenset[str]
    code: int | None = 0
    """The command's exit code; None: any."""
    needs: frozenset[Capability] = frozenset()
    anyway: frozenset[str] = frozenset()
    """Inputs and outputs that a tracer records though it lacks what the case needs."""
    reason: str = ""
    """What a reason of `partial` contains; when empty, the words of what is lacking (`judge.WORDS`)."""
    excuse: str = ""
    """What a reason contains with which also a tracer that has all it needs may be `partial`; its files are the true ones."""
    root: bool = False
    """Only root can do it."""
    user: bool = False
    """Root runs roar itself as an ordinary user."""
    slow: bool = False
    """It takes seconds, so it is begun before the others."""
    opened: tuple[tuple[int, str, str], ...] = ()
    """Files that roar has open when it is started: (descriptor, ``<``, ``>``, ``>>`` or ``<>``, name)."""

    def __str__(self) -> str:
        return self.name


class Seen(NamedTuple):
    """What roar recorded of a case."""

    code: int
    stdout: str
    stderr: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    verdict: str
    reasons: tuple[str, ...]


def case(
    name: str,
    command: str | Sequence[str],
    inputs: str | Sequence[str] = "",
    outputs: str | Sequence[str] = "",
    *,
    code: int | None = 0,
    needs: Capability | Sequence[Capability] = (),
    anyway: str = "",
    reason: str = "",
    excuse: str = "",
    root: bool = False,
    user: bool = False,
    slow: bool = False,
    opened: str = "",
) -> Case:
    """A case; a command that is a string is a line of sh, names in a string are split at spaces.

    `opened` is written as in a shell: ``0<a 1>out 5<>b``.
    """
    words = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
    needed = frozenset((needs,) if isinstance(needs, Capability) else needs)
    return Case(
        name, words, _names(inputs), _names(outputs), code, needed, _names(anyway), reason, excuse, root, user, slow,
        tuple((int(number), sign, path) for number, sign, path in _REDIRECTION.findall(opened)),
    )  # fmt: skip


def bash(name: str, command: str, inputs: str = "", outputs: str = "", code: int = 0) -> Case:
    """A line of bash."""
    return case(name, ("bash", "-c", command), inputs, outputs, code=code)


def python(name: str, program: str, inputs: str = "", outputs: str = "", code: int = 0) -> Case:
    """A Python program."""
    return case(name, (PYTHON, "-B", "-c", program), inputs, outputs, code=code)


def have(*tools: str) -> bool:
    """Whether tools are here; a case for one that isn't is no case."""
    return all(shutil.which(tool) for tool in tools)


def _names(names: str | Sequence[str]) -> frozenset[str]:
    return frozenset(names.split() if isinstance(names, str) else names)
