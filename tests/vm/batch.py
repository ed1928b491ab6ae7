"""Hundreds of cases of the capture suite in one run: a machine that is emulated has no time for a run each.

Each case has a directory of its own, as in the suite, and the run's command is a script that goes from one to the next.  The
record of the whole is taken apart by directories.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from roar.api.storage import JobQuery
from roar.api.tracer import Capability
from roar.testing.capture.case import Case, Seen
from roar.testing.capture.judge import judge
from roar.testing.capture.stage import fill

USER = 1000
_IDENTITY = "[user]\n\tname = A\n\temail = a@example.org\n[safe]\n\tdirectory = *\n"
_STEP = re.compile(r"^roar: (@\w+) ", re.MULTILINE)
_BY_DESCRIPTOR = re.compile("(link o path|tmpfile empty path)$")
"""Cases that give a file a name by its descriptor alone: before Linux 6.10 only root can (linkat(2), AT_EMPTY_PATH)."""


class Outcome(NamedTuple):
    """What came of a batch; what a guest tells of it."""

    cases: int
    code: int
    """roar's own exit code."""
    verdict: str
    reasons: list[str]
    wrong: dict[str, list[str]]
    """Name of a case → what is wrong with what was recorded of it."""
    said: str
    """The beginning of what roar printed."""


def suited(cases: Collection[Case], capabilities: Collection[Capability], as_user: bool) -> list[Case]:
    """Those that can be part of a batch: they need nothing of roar itself, and leave nothing behind but files."""
    found = []
    for case in cases:
        alone = (
            case.opened or case.user or case.slow or case.excuse or case.reason or not case.needs <= set(capabilities)
        )
        needs_root = case.root or Capability.SETUID in case.needs or _BY_DESCRIPTOR.search(case.name)
        if not alone and not (as_user and needs_root):
            found.append(case)
    return found


class Repository:
    """A repository with a workspace of roar, and the environment in which commands run in it.

    Args:
        base: the directory that it is in, made by `make`.
        as_user: everything in it is an ordinary user's, who runs roar.
    """

    def __init__(self, base: Path, as_user: bool = False) -> None:
        self.base, self.root = base, base / "repo"
        self._who: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if as_user else {}
        self.env = {**os.environ, "HOME": str(base / "home"), "NO_COLOR": "1"}
        self._own(base)

    @classmethod
    def make(cls, base: Path) -> None:
        """Makes a repository: a guest gets it whole, as making one takes it seconds."""
        for folder in ("repo", "home"):
            (base / folder).mkdir(parents=True)
        (base / "home/.gitconfig").write_text(_IDENTITY)
        (base / "repo/.gitignore").write_text("/cases/\n")
        made = cls(base)
        for words in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-q", "-m", "first"]):
            made.do(*words)
        made.roar("init")

    def roar(self, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs roar in it."""
        return self.do(sys.executable, "-m", "roar", *words, ok=ok)

    def do(self, *words: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in it."""
        done = subprocess.run(
            words, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            check=False, **self._who,
        )  # fmt: skip
        if ok and done.returncode:
            raise RuntimeError(f"{shlex.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def run(self, tracer: str, cases: Collection[Case], programs: Path) -> Outcome:
        """Runs cases under a tracer, and holds the record against the truth."""
        folder = self.root / "cases"
        shutil.rmtree(folder, ignore_errors=True)  # of a batch that failed
        database = _database()
        lines = []
        for number, case in enumerate(cases):
            place = folder / str(number)
            fill(place, database)
            _place_programs(programs, place, case.command)
            lines.append(
                f"(cd {number}; exec {shlex.join(case.command)} > /dev/null 2>&1 < /dev/null); echo $? {number}\n"
            )
        (folder / "batch.sh").write_text(f"cd {folder}\nPATH={programs}/bin:$PATH\n{''.join(lines)}")
        self._own(folder)
        done = self.roar("run", "--tracer", tracer, "--no-hash", "sh", str(folder / "batch.sh"), ok=False)
        if _STEP.search(done.stderr) is None:
            raise RuntimeError(f"nothing was recorded: exit {done.returncode}\n{done.stderr}")
        codes = {number: int(code) for code, _, number in (line.partition(" ") for line in done.stdout.splitlines())}
        recorded, verdict, reasons = self._newest(folder)
        wrong = {}
        for number, case in enumerate(cases):
            inputs, outputs = (frozenset(recorded[way].get(str(number), ())) for way in ("input", "output"))
            seen = Seen(codes.get(str(number), -1), "", "", inputs, outputs, "complete", ())
            if faults := judge(case, seen, case.needs).faults:
                wrong[case.name] = list(faults)
        shutil.rmtree(folder)
        return Outcome(len(cases), done.returncode, verdict, reasons, wrong, done.stderr[:1000])

    def _newest(self, folder: Path) -> tuple[dict[str, dict[str, set[str]]], str, list[str]]:
        """Of the newest job: by direction the names in each directory below `folder`, and the verdict with its reasons."""
        from roar.context import Context  # here: the host makes repositories, and has read none

        storage = Context(self.root).storage(read_only=True)
        try:
            (job,) = storage.jobs(JobQuery(limit=1))
            found: dict[str, dict[str, set[str]]] = {"input": {}, "output": {}}
            for edge in storage.edges([job.id]):
                path = os.fsdecode(edge.path)
                if path.startswith(f"{folder}/"):
                    place, _, name = path[len(f"{folder}/") :].partition("/")
                    found[edge.direction].setdefault(place, set()).add(name)
        finally:
            storage.close()
        return found, job.capture.verdict, list(job.capture.reasons)

    def _own(self, place: Path) -> None:
        if self._who:
            for path in (place, *place.rglob("*")):
                os.chown(path, USER, USER, follow_symlinks=False)


def _place_programs(programs: Path, place: Path, command: Sequence[str]) -> None:
    """As `Programs.place_in` does."""
    for name in os.listdir(programs / "placed"):
        if name.endswith(".so") or any(name in word for word in command):
            os.link(programs / "placed" / name, place / name)


def _database() -> bytes:
    """As cases expect it."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t(x)")
        return connection.serialize()
