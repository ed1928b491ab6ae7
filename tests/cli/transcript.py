"""Golden transcripts: sessions as a user sees them, run by a shell and compared with what the file holds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_VARYING = (
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b[0-9a-f]{32}\b(?!\w)"), "<uid>"),
    (re.compile(r"^(\s*@B?\d+ +)[0-9a-f]{8}\b", re.M), r"\1<uid>"),
    (re.compile(r"\bcommit [0-9a-f]{7}\b"), "commit <commit>"),
    (re.compile(r"\b[0-9a-f]{12} → [0-9a-f]{12}$", re.M), "<commit> → <commit>"),
    (re.compile(r"^([AB]  @B?\d+) [0-9a-f]{8}\b", re.M), r"\1 <uid>"),
    (re.compile(r"\b(?:\d+ h )?(?:(?:\d+ min )?\d+(?:\.\d+)? (?:ms|s)|\d+ min)\b"), "<duration>"),
    (re.compile(r"\b\d+(?:\.\d+)? [kMG]?B of memory\b"), "<memory>"),
    (re.compile(r"(Tracer +\w+) [\d.]+"), r"\1 <version>"),
    (re.compile(r"(Session hash: )[0-9a-f]{64}"), r"\1<hash>"),
    (re.compile(r"\b\d+ files seen: (\d+) recorded, \d+ filtered"), r"<n> files seen: \1 recorded, <n> filtered"),
    (re.compile(r"^Filtered \(\d+\): .*", re.M), "Filtered (<n>): <filters>"),
    (re.compile(r"(?<=\S) {3,}"), "  "),
)
"""What differs from run to run; columns are narrowed, since their widths follow."""


class Exchange(NamedTuple):
    """A command and what it printed; comments and blank lines before it are kept as they are."""

    before: str
    command: str
    output: str
    code: int


def parse(text: str) -> list[Exchange]:
    """The exchanges of a transcript.

    Lines before the first ``$``, and lines that begin with ``#`` after an exchange's blank line, are comments.
    """
    exchanges: list[Exchange] = []
    before: list[str] = []
    command: str | None = None
    output: list[str] = []

    def close() -> None:
        nonlocal command, output, before
        if command is None:
            return
        while output and not output[-1]:
            output.pop()
        code = 0
        if output and (found := re.fullmatch(r"\[exit (\d+)\]", output[-1])):
            code = int(found[1])
            output.pop()
        exchanges.append(Exchange("\n".join(before), command, "\n".join(output), code))
        command, output, before = None, [], []

    for line in text.splitlines():
        if line.startswith("$ "):
            close()
            command = line[2:]
        elif line.startswith("#"):
            close()
            before.append(line)
        elif command is not None:
            output.append(line)
    close()
    return exchanges


def dump(exchanges: list[Exchange]) -> str:
    """The transcript of exchanges."""
    blocks: list[str] = []
    for exchange in exchanges:
        lines = [exchange.before] if exchange.before else []
        lines.append(f"$ {exchange.command}")
        lines += [exchange.output] if exchange.output else []
        lines += [f"[exit {exchange.code}]"] if exchange.code else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def play(exchanges: list[Exchange], root: Path, env: Mapping[str, str]) -> list[Exchange]:
    """Runs the commands one after the other in a shell of their own, all in `root`, and notes what they print."""
    programs = root.parent / "programs"
    programs.mkdir()
    roar = programs / "roar"
    roar.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m roar "$@"\n')
    roar.chmod(0o755)
    environment = {**env, "PATH": f"{programs}:{env.get('PATH', os.defpath)}", "TZ": "UTC"}
    return [
        exchange._replace(output=output, code=code)
        for exchange, (output, code) in zip(exchanges, _played(exchanges, root, environment), strict=True)
    ]


def _played(exchanges: list[Exchange], root: Path, env: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for exchange in exchanges:
        done = subprocess.run(
            ["/bin/sh", "-c", exchange.command],
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            timeout=300,
            check=False,
        )
        yield normalised(done.stdout, root), done.returncode


def normalised(text: str, root: Path) -> str:
    """Output without what differs from run to run."""
    text = text.replace(str(root), "<root>").replace(str(root.parent), "<above>")
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.splitlines())
