"""Where cases run: one repository with a directory for each case, the files that every case finds there, and the record of it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from roar.api.storage import JobQuery
from roar.api.tracer import Capability
from roar.context import Context
from roar.testing.capture.case import Case, Seen
from roar.testing.capture.forge import TIMEOUT_S, Forge, Order
from roar.testing.capture.programs import Programs

NOBODY = 65534
_LONG_AGO_S = 1_000_000_000
_IDENTITY = "[user]\n\tname = A\n\temail = a@example.org\n[safe]\n\tdirectory = *\n"
_CLEANED = ("ROAR_", "GIT_", "XDG_", "LD_", "PYTEST_")
_AS_USER = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    # an interpreter in root's home must still be found; to trace others, or to gain privileges, these two are no help
    "--inh-caps=+dac_override,+dac_read_search", "--ambient-caps=+dac_override,+dac_read_search", "--",
)  # fmt: skip
_TEXTS = {
    "a": "alpha\n", "b": "beta\n", "empty": "", "sub/x": "x\n", "we ird": "w\n", "mod.py": "value = 1\n",
    "pkg/__init__.py": "from . import part\n", "pkg/part.py": "value = 2\n", "lines": "c\nb\na\nb\n",
    "script": "#!/bin/sh\ncat a > out\n", "nohead": "cat a > out\n", "chain": "#!./script\n", "sourced.sh": "cat a > out\n",
    "m.c": '#include "m.h"\nint main(void){return VALUE;}\n', "m.h": "#define VALUE 0\n",
    "Makefile": "prog: m.c m.h\n\tcc -o $@ $<\n", "p.patch": "--- a\n+++ a\n@@ -1 +1 @@\n-alpha\n+omega\n",
    "table.csv": "k,v\n1,2\n",
}  # fmt: skip
_EXECUTABLE = ("script", "nohead", "chain")
_LINKS = {"old": "a", "way": "sub"}


def _database() -> bytes:
    """An SQLite database with a table."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t(x)")
        image = connection.serialize()
    connection.close()
    return image


def fill(directory: Path, database: bytes) -> None:
    """Makes what every case finds: files whose times are long past, so that a change can't hide behind the clock's grain."""
    directory.mkdir(parents=True)
    directory.chmod(0o777)  # some cases drop their privileges
    contents = {name: text.encode() for name, text in _TEXTS.items()} | {"have.db": database}
    for folder in {os.path.dirname(name) for name in contents} - {""}:
        (directory / folder).mkdir()
    for name, content in contents.items():
        with open(directory / name, "wb") as file:
            file.write(content)
            if name in _EXECUTABLE:
                os.fchmod(file.fileno(), 0o755)
        os.utime(directory / name, (_LONG_AGO_S, _LONG_AGO_S))
    for name, target in _LINKS.items():
        os.symlink(target, directory / name)


class Stage:
    """A repository for the cases of one tracer.  `run` may be called from any thread.

    Args:
        base: a directory that is there for the stage alone.
        programs: what cases run; on the same file system.
        tracer: its name, as ``roar run --tracer`` takes it.
        path: directories that come first on the import path: where a distribution is that isn't installed.
    """

    def __init__(self, base: Path, programs: Programs, tracer: str, path: Sequence[str | Path] = ()) -> None:
        base = base.resolve()
        base.chmod(0o755)  # a case that drops its privileges must reach its directory
        self.root = base / "repo"
        self._home = base / "home"
        self._streams = base / "streams"
        self._programs = programs
        self._tracer = tracer
        self._options = ("--tracer", tracer, "--no-hash")
        self._database = _database()
        for folder in (self.root, self._home, self._streams):
            folder.mkdir()
        self._env = {key: value for key, value in os.environ.items() if not key.startswith(_CLEANED)}
        places = [*map(str, path), os.environ.get("PYTHONPATH", "")]
        self._env |= {
            "HOME": str(self._home),
            "PATH": f"{programs.on_path}:{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": os.pathsep.join(filter(None, places)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if not self._env["PYTHONPATH"]:
            del self._env["PYTHONPATH"]
        (self._home / ".gitconfig").write_text(_IDENTITY)
        (self.root / ".gitignore").write_text("/cases/\n")
        for words in (("git", "init", "-q"), ("git", "add", "-A"), ("git", "commit", "-q", "-m", "first")):
            self._do(*words)
        self._roar("init")
        self._context = Context(self.root)
        self._mine = threading.local()
        # else a program that one thread starts could hold open for writing what another has just filled, and exec(2) refuses that
        self._filling = threading.Lock()
        self._forges: list[Forge] = []

    def close(self) -> None:
        """Ends what helped to run the cases."""
        for forge in self._forges:
            forge.close()

    def capabilities(self, as_user: bool) -> frozenset[Capability]:
        """What the tracer says that it can see.

        Args:
            as_user: when root asks as the ordinary user of some cases; the tracer may be able to do less then.
        """
        return self._of_user if as_user else self._own

    @cached_property
    def _own(self) -> frozenset[Capability]:
        return self._told(())

    @cached_property
    def _of_user(self) -> frozenset[Capability]:
        return self._told(_AS_USER)

    def _told(self, before: Sequence[str]) -> frozenset[Capability]:
        told = json.loads(self._do(*before, sys.executable, "-m", "roar", "tracer", "--json"))
        mine = next((one for one in told["tracers"] if one["name"] == self._tracer and one["installed"]), None)
        if mine is None:
            raise LookupError(f"no tracer {self._tracer!r} is installed")
        if not mine["ready"]:
            raise LookupError(f"tracer {self._tracer!r} is not ready: {mine['reason']}")
        return frozenset(map(Capability, mine["capabilities"]))

    def run(self, case: Case) -> Seen:
        """Runs a case under `roar run` and reads its record."""
        key = "".join(letter if letter.isalnum() else "-" for letter in case.name)
        place = self.root / "cases" / key
        with self._filling:
            fill(place, self._database)
        if case.user:
            for path in (place, *place.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        self._programs.place_in(place, case.command)
        # files, not pipes: a process that outlives the command would keep us waiting for their end
        streams = self._streams / f"{key}.stdout", self._streams / f"{key}.stderr"
        words = ("run", *self._options, "--label", f"case={key}", "--", *case.command)
        if case.user:
            code = self._run_as_user(words, place, *streams)
        else:
            code = self._forge().run(Order(words, str(place), str(streams[0]), str(streams[1]), case.opened))
        texts = [stream.read_bytes().decode(errors="surrogateescape") for stream in streams]
        return self._recorded(place, key, code, texts[0], texts[1])

    def _forge(self) -> Forge:
        """The one of this thread."""
        if not hasattr(self._mine, "forge"):
            with self._filling:
                self._mine.forge = Forge(self._env, self.root, self._options)
            self._forges.append(self._mine.forge)
        forge: Forge = self._mine.forge
        return forge

    def _run_as_user(self, words: Sequence[str], place: Path, stdout: Path, stderr: Path) -> int:
        with open(stdout, "wb") as out, open(stderr, "wb") as err:
            command = (*_AS_USER, sys.executable, "-m", "roar", *words)
            with self._filling:  # until the program has begun
                process = subprocess.Popen(
                    command, cwd=place, env=self._env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
                )
            try:
                return process.wait(TIMEOUT_S)
            finally:
                process.kill()
                process.wait()

    def _recorded(self, place: Path, key: str, code: int, stdout: str, stderr: str) -> Seen:
        storage = self._context.storage(read_only=True)
        try:
            jobs = storage.jobs(JobQuery(limit=1, labels={"case": key}))
            assert jobs, f"no job was recorded; roar's exit code is {code}\n{stdout}{stderr}"  # noqa: S101 - for the test
            names: dict[str, set[str]] = {"input": set(), "output": set()}
            for edge in storage.edges([jobs[0].id]):
                path = os.fsdecode(edge.path)
                if path.startswith(f"{place}/"):
                    names[edge.direction].add(path[len(f"{place}/") :])
                elif path.startswith(f"{self._streams}/"):
                    continue
                elif edge.direction == "output" or path.startswith(f"{self.root}/"):
                    names[edge.direction].add(path)  # whole: it is none of the case's business, and no case expects it
        finally:
            storage.close()
        verdict = jobs[0].capture
        inputs, outputs = frozenset(names["input"]), frozenset(names["output"])
        return Seen(code, stdout, stderr, inputs, outputs, verdict.verdict, tuple(verdict.reasons))

    def _roar(self, *words: str) -> str:
        return self._do(sys.executable, "-m", "roar", *words)

    def _do(self, *words: str) -> str:
        done = subprocess.run(words, cwd=self.root, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout
