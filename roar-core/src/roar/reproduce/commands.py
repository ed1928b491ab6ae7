"""Running a step's command as it was run: words, directory, variables and standard streams; its words are kept in log files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, NamedTuple

from roar.reproduce.children import Children
from roar.reproduce.mapping import Mapping as Places

_TAIL_BYTES = 4096
_TAIL_LINES = 8
_OPEN = {"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
         "r+": os.O_RDWR | os.O_CREAT}  # fmt: skip


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    """128+N for death by signal N; 127 and 126 as a shell has them."""
    seconds: float
    stderr: tuple[str, ...]
    """Its last lines."""


class Command(NamedTuple):
    """What is run."""

    words: tuple[str, ...]
    cwd: bytes
    variables: Mapping[str, str]
    streams: Mapping[int, tuple[bytes, str]]
    """Descriptor → file and mode, of those that were regular files."""
    log: bytes
    """Where stdout and stderr go otherwise: with ``.out`` and ``.err`` behind it."""


def recorded_streams(environment: Mapping[str, Any], places: Places) -> dict[int, tuple[bytes, str]]:
    """The descriptors that were open on files when the step was recorded, in the new directory; others are only read."""
    found: dict[int, tuple[bytes, str]] = {}
    for number, stream in environment.get("streams", {}).items():
        if stream.get("path") and stream.get("mode") in _OPEN:
            path = os.fsencode(stream["path"])
            place = places.path(path)
            if place is not None or stream["mode"] == "r":
                found[int(number)] = (place or path, stream["mode"])
    return found


def run_command(command: Command, children: Children, before: Callable[[], None]) -> Ended:
    """Runs a command and waits for it.

    Args:
        command: what.
        children: starts it.
        before: called in its process before its program.

    Raises:
        OSError: a file of its streams can't be opened.
        NotNoted: `before` failed.
        Stopped: it was ended.
    """
    began = time.monotonic()
    os.makedirs(os.path.dirname(command.log), exist_ok=True)
    opened: list[int] = []
    try:
        descriptors = _descriptors(command, opened)
        try:
            status = children.run(
                command.words,
                before,
                cwd=command.cwd,
                env=dict(command.variables),
                executable=_program(command),
                stdin=descriptors[0],
                stdout=descriptors[1],
                stderr=descriptors[2],
            )
        except OSError as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            return Ended(code, 0.0, (f"{command.words[0]}: {error.strerror}",))
    finally:
        for descriptor in opened:
            os.close(descriptor)
    code = 128 - status if status < 0 else status
    return Ended(code, time.monotonic() - began, _tail(command))


def _program(command: Command) -> str:
    """What is executed for the first word: looked up on the PATH that the command gets, from the directory it gets."""
    import shutil

    word = command.words[0]
    if "/" in word:
        return os.path.join(os.fsdecode(command.cwd), word)
    return shutil.which(word, path=command.variables.get("PATH")) or word


def _descriptors(command: Command, opened: list[int]) -> dict[int, int]:
    """Number → descriptor of the standard streams.  Descriptors that name one file in one way share it."""
    shared: dict[tuple[bytes, str], int] = {}
    found: dict[int, int] = {}
    default = {0: (os.fsencode(os.devnull), "r"), 1: (command.log + b".out", "w"), 2: (command.log + b".err", "w")}
    for number, standard in default.items():
        path, mode = command.streams.get(number, standard)
        if (path, mode) not in shared:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shared[path, mode] = os.open(path, _OPEN[mode] | os.O_CLOEXEC, 0o666)
            opened.append(shared[path, mode])
        found[number] = shared[path, mode]
    return found


def _tail(command: Command) -> tuple[str, ...]:
    path = command.streams[2][0] if 2 in command.streams else command.log + b".err"
    return last_lines(path)


def last_lines(path: bytes, count: int = _TAIL_LINES) -> tuple[str, ...]:
    """The last lines of a file; nothing when it can't be read."""
    try:
        with open(path, "rb") as file:
            return _last(file, count)
    except OSError:
        return ()


def _last(file: IO[bytes], count: int) -> tuple[str, ...]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines: Sequence[str] = file.read().decode("utf-8", "surrogateescape").splitlines()
    return tuple(line for line in lines if line.strip())[-count:]
