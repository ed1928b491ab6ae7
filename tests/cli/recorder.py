"""A workspace whose jobs are recorded without being run: real files, a real database, times and uids that never vary."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple, NoReturn

from blake3 import blake3

import roar.cli
import roar.lineage
import roar.render
from roar.api.records import Capture, Composite, Edge, GitState, JobRecord, Recorded
from roar.api.storage import Storage
from roar.lineage.states import file_stat

START_NS = 1_800_000_000_000_000_000
_MINUTE_NS = 60_000_000_000
_OLD_NS = 1_700_000_000_000_000_000


class Done(NamedTuple):
    """What a command printed and returned."""

    returncode: int
    stdout: str
    stderr: str


class Recorder:
    """Makes files and records jobs that read and wrote them.

    Args:
        root: an existing directory, which becomes the workspace.
        env: of the `roar` that is run.
    """

    def __init__(self, root: Path, env: Mapping[str, str]) -> None:
        _load()
        self.root = root
        self.env = dict(env)
        self.jobs = 0
        (root / ".git").mkdir()
        (root / ".roar" / "runs").mkdir(parents=True)

    def storage(self, read_only: bool = False) -> Storage:
        """The workspace's storage."""
        from roar.plugins import Plugins

        return Plugins().open_storage(f"sqlite:///{self.root / '.roar' / 'roar.db'}", read_only)

    def write(self, name: str | bytes, content: bytes | str) -> bytes:
        """Makes a file of the workspace that looks old, and returns its path."""
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.utime(path, ns=(_OLD_NS, _OLD_NS))
        return path

    def edge(self, name: str | bytes, **changes: Any) -> Edge:
        """The edge of a file as it is now."""
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        with open(path, "rb") as file:
            content = file.read()
        known = Edge(path, {"blake3": blake3(content).hexdigest()}, len(content), file_stat(os.stat(path)))
        return known._replace(**changes)

    def record(
        self,
        *command: str,
        reads: Sequence[str | bytes | Edge] = (),
        writes: Mapping[str | bytes, bytes | str] | Sequence[Edge] = (),
        **changes: Any,
    ) -> Recorded:
        """Records a job; `changes` are fields of its `JobRecord`, and of its `Capture`.

        Args:
            command: its words.
            reads: files that it read, as they are now.
            writes: files that it wrote, which are written now.
        """
        self.jobs += 1
        record = self.job(*command, reads=reads, writes=writes, **changes)
        storage = self.storage()
        try:
            return storage.record(record)
        finally:
            storage.close()

    def job(
        self,
        *command: str,
        reads: Sequence[str | bytes | Edge] = (),
        writes: Mapping[str | bytes, bytes | str] | Sequence[Edge] = (),
        **changes: Any,
    ) -> JobRecord:
        """What `record` records."""
        inputs = [name if isinstance(name, Edge) else self.edge(name) for name in reads]
        if isinstance(writes, Mapping):
            for name, content in writes.items():
                self.write(name, content)
            outputs = [self.edge(name) for name in writes]
        else:
            outputs = list(writes)
        filtered = sum(map(len, changes.get("filtered", {}).values()))
        total = len(inputs) + len(outputs)
        capture = Capture("complete", (), total + filtered, total, filtered, 0)
        own = {field: changes.pop(field) for field in Capture._fields if field in changes and field != "filtered"}
        started_ns = START_NS + self.jobs * _MINUTE_NS
        root = os.fsencode(self.root)
        record = JobRecord(
            uid=blake3(f"job {self.jobs}".encode()).hexdigest()[:32],
            kind="run",
            command=command,
            name=None,
            labels={},
            parameters={},
            cwd=root,
            started_ns=started_ns,
            ended_ns=started_ns + 1_500_000_000,
            recording_s=0.0125,
            cpu_s=1.25,
            max_rss_bytes=12_000_000,
            exit_code=0,
            status="ok",
            tracer="preload",
            tracer_version="0.1.0",
            capture=capture._replace(**own),
            git=GitState("abc1234def5678900987654321fedcba00112233", "main", None, root, b"", False),
            environment={
                "system": {"kernel": "6.1.0", "machine": "x86_64"},
                "packages": {f"package{number}": f"1.{number}" for number in range(20)},
                "variables": {"LANG": "C.UTF-8", "API_TOKEN": {"set": True, "digest": "00ff"}},
            },
            inputs=sorted(inputs),
            outputs=sorted(outputs),
        )
        return record._replace(**changes)

    def composite(self, name: str, names: Sequence[str], direction: Any = "output", kind: str = "zarr") -> Composite:
        """A composite of some files."""
        size = sum((self.root / member).stat().st_size for member in names)
        path = os.fsencode(self.root / name)
        return Composite(path, kind, blake3(path).hexdigest(), "blake3", len(names), size, direction)

    def roar(
        self, *words: str | bytes, ok: bool = True, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Done:
        """Runs `roar` in a fork of this process, which has its modules loaded already: a tenth of the time of `process`."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if pid == 0:
                _become_roar(words, cwd or self.root, {**self.env, **(env or {})}, out.fileno(), err.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="surrogateescape"))
        done = Done(status, *texts)
        if ok:
            assert done.returncode == 0, f"{words!r}: exit {status}\n{done.stdout}{done.stderr}"
        return done

    def process(self, *words: str | bytes, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs `roar` in a process of its own; `options` are those of `subprocess.run`."""
        done = subprocess.run(
            [sys.executable, "-m", "roar", *words],
            cwd=options.pop("cwd", self.root),
            env={**self.env, **options.pop("env", {})},
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output="stdout" not in options and "stderr" not in options,
            text=True,
            errors="surrogateescape",
            timeout=300,
            check=False,
            **options,
        )
        if ok:
            assert done.returncode == 0, f"{words!r}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """What a command prints with ``--json``."""
        return json.loads(self.roar(*words, "--json").stdout)


@cache
def _load() -> None:
    """Imports what the commands import when they are typed: every `roar` is a fork of this process, and has it then."""
    for package in (roar.cli, roar.lineage, roar.render):
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
    import_module("roar.store.read")


def _become_roar(words: Sequence[str | bytes], cwd: Path, env: Mapping[str, str], out: int, err: int) -> NoReturn:
    """Makes the forked process what a new one would be, runs the command line and ends."""
    code = 99
    try:
        atexit._clear()  # what pytest does at its end is not this process's to do
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        time.tzset()
        sys.argv = ["roar", *map(os.fsdecode, words)]
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - they live as long as the process
        from roar.__main__ import main

        code = main()
    except BaseException:  # whatever it is, this process must not go on as pytest
        import traceback

        traceback.print_exc()
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            os._exit(code)
