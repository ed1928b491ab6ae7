"""Lines of bash that are run twice, with `roar run` for the ``@`` and with nothing: what comes of them must be the same."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from e2e.acting import PATIENCE_S, SCRIPTS, Workspace
from fidelity.tracers import VARIANTS_PATH, Tracer, inside

BARE = Tracer("bare")
"""Stands for no tracer at all."""

_SIGNALS = "|".join(re.escape(signal.strsignal(number) or "-") for number in signal.valid_signals())
_NOISE = re.compile(rf"^(bash: line \d+: .*|\[\d+\][+-]? .*|({_SIGNALS})( \(core dumped\))?)\n".encode(), re.MULTILINE)
"""bash's notes of jobs that were stopped, have ended or were killed: with process numbers, and about the process that it started itself."""


class Outcome(NamedTuple):
    """What came of a line."""

    code: int
    stdout: bytes
    stderr: bytes
    files: Mapping[str, tuple[str, bytes]]
    """Name → (its mode, its content) of everything that the line left in its directory."""


class Lines:
    """Runs lines in directories of their own in a workspace: always the same one for the same line."""

    def __init__(self, workspace: Workspace, programs: Path) -> None:
        self.workspace = workspace
        self._programs = programs
        self._bare: dict[object, Outcome] = {}
        self._places: dict[object, Path] = {}

    def both(self, tracer: Tracer, line: str, **options: Any) -> tuple[Outcome, Outcome]:
        """What comes of a line bare, and under a tracer.

        Args:
            tracer: the tracer.
            line: the line, with ``@`` before each command that roar would run.
            options: for subprocess.run; a bare outcome is kept for all tracers.
        """
        key = (line, repr(sorted(options.items())))
        if key not in self._bare:
            self._bare[key] = self.run(BARE, line, key, **options)
        return self._bare[key], self.run(tracer, line, key, **options)

    def run(self, tracer: Tracer, line: str, key: object = None, **options: Any) -> Outcome:
        """What comes of a line."""
        place = self._fresh(key or line)
        done = subprocess.run(
            ["bash", "-c", f"set +m\n{self.text(tracer, line)}\nexit $?"],
            cwd=place,
            env=self.env(**options.pop("env", {})),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            start_new_session=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )
        return Outcome(done.returncode, done.stdout, _NOISE.sub(b"", done.stderr), files(place))

    def text(self, tracer: Tracer, line: str) -> str:
        """A line with roar in it, or without."""
        return line.replace("@ ", "" if tracer is BARE else tracer.line)

    def env(self, **more: str) -> dict[str, str]:
        """The environment: the small programs and the variants of tracers are on its paths."""
        env = {**self.workspace.env, **more}
        env["PATH"] = f"{self._programs}{os.pathsep}{env['PATH']}"
        return env | {"PYTHONPATH": str(VARIANTS_PATH)}

    def _fresh(self, key: object) -> Path:
        place = self._places.setdefault(key, self.workspace.root / "out" / str(len(self._places)))
        shutil.rmtree(place, ignore_errors=True)
        fill(place)
        return place


def fill(place: Path) -> None:
    """Makes the directory in which a line is run."""
    (place / "folder").mkdir(parents=True)
    (place / "README").write_text("one\ntwo\nthree\n")
    (place / "folder" / "file").write_text("in a folder\n")
    (place / "plain").write_text("not a program\n")
    for name, content in SCRIPTS.items():
        (place / name).write_bytes(content)
        (place / name).chmod(0o755)


def files(place: Path) -> dict[str, tuple[str, bytes]]:
    """Everything in a directory."""
    found = {}
    for folder, folders, names in os.walk(place):
        for name in (*folders, *names):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            content = b""
            if stat.S_ISLNK(mode):
                content = os.fsencode(path.readlink())
            elif stat.S_ISREG(mode):
                content = path.read_bytes()
            found[str(path.relative_to(place))] = stat.filemode(mode), content
    return found


def told(bare: Outcome, traced: Outcome) -> str:
    """How two outcomes differ; empty when they don't."""
    said = [
        f"{name}:\n  bare   {getattr(bare, name)!r}\n  traced {getattr(traced, name)!r}"
        for name in ("code", "stdout", "stderr")
        if getattr(bare, name) != getattr(traced, name)
    ]
    for name in sorted({*bare.files, *traced.files}):
        was, is_ = bare.files.get(name), traced.files.get(name)
        if was != is_:
            said.append(f"file {name}:\n  bare   {was!r:.500}\n  traced {is_!r:.500}")
    return "\n".join(said)


def facts(report: bytes) -> dict[str, str]:
    """What programs/world.c printed, by the name of the fact; the environment is one fact a variable, and their order."""
    found: dict[str, str] = {}
    order: list[str] = []
    for line in report.decode().splitlines():
        name, _, value = line.partition(": ")
        if name.startswith("variable "):
            name, _, value = value.partition("=")
            order.append(name)
        assert name not in found, f"{name} is there twice"
        found[name] = value
    found["order of variables"] = " ".join(order)
    return found


AsBare = Callable[..., None]


def cases(table: Mapping[str, str]) -> pytest.MarkDecorator:
    """A test for each line of a table: name → line."""
    return pytest.mark.parametrize("line", list(table.values()), ids=list(table))


def as_bare_or_told(lines: Lines, tracer: Tracer, line: str, privileged: bool = os.geteuid() == 0) -> None:
    """Fails unless the line goes as without roar; or it is known not to, and the verdict of the run says why."""
    bare, traced = lines.both(tracer, line)
    known = inside(tracer, line, privileged)
    if known is None:
        assert not told(bare, traced), f"{line}\n{told(bare, traced)}"
        return
    if not known.verdict:
        return
    assert told(bare, traced), "it goes as without roar: the table says something else"
    if known.verdict.encode() in traced.stderr:
        return
    verdict = lines.workspace.last_job()["capture"]
    assert verdict["verdict"] == "partial", verdict
    assert any(known.verdict in reason for reason in verdict["reasons"]), verdict
