"""What every tracer must do, shown on real commands."""
# ruff: noqa: S101 - asserts are what a test kit is made of

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from roar.api.events import Event
from roar.api.tracer import Capability, Preflight, Tracer
from roar.testing.drive import Driven

_TIMEOUT_S = 300
"""What hangs does so for ever; a machine that is busy may take very long."""
_DRIVE = "import sys; from roar.testing.drive import main; sys.exit(main(sys.argv[1:]))"
_STATIC_PROGRAM = "/sbin/ldconfig"
"""glibc's, which has to work when the dynamic linker doesn't."""


class Ground:
    """A directory in which commands run under the tracer.

    Args:
        tracer: the class under test.
        base: an empty directory.
    """

    def __init__(self, tracer: type[Tracer], base: Path) -> None:
        self.root = base / "ground"
        self.root.mkdir(parents=True)
        self.root = self.root.resolve()
        self.journal = base / "journal"
        self.journal.mkdir(mode=0o700)
        self._result = base / "result"
        self._tracer = tracer

    def popen(self, *command: str, what: str = "start", **options: Any) -> subprocess.Popen[bytes]:
        """Starts the driver, whose descriptors, signals and directory are the command's."""
        name = f"{self._tracer.__module__}:{self._tracer.__qualname__}"
        words = [sys.executable, "-c", _DRIVE, what, name, str(self.journal), str(self._result), *command]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C"}
        return subprocess.Popen(words, cwd=self.root, env=environment | options.pop("env", {}), **options)

    def run(self, *command: str, stdin: bytes = b"", **options: Any) -> tuple[Driven, bytes, bytes]:
        """Runs a command; what came of it, and what it wrote to stdout and stderr."""
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = self.popen(*command, **pipes, **options)
        out, err = process.communicate(stdin, timeout=_TIMEOUT_S)
        assert process.returncode == 0, err.decode(errors="replace")
        return self.result(), out, err

    def sh(self, script: str, **options: Any) -> Driven:
        """Runs a shell script."""
        return self.run("/bin/sh", "-c", script, **options)[0]

    def result(self) -> Driven:
        """What the driver wrote down."""
        driven: Driven = pickle.loads(self._result.read_bytes())  # noqa: S301 - the driver's own file
        return driven

    def write(self, **files: str) -> None:
        """Makes files, whose names have no dots."""
        for name, content in files.items():
            (self.root / name).write_text(content)

    def inputs(self, driven: Driven) -> set[bytes]:
        """The inputs below the directory, relative to it."""
        return self._below(driven.inputs)

    def outputs(self, driven: Driven) -> set[bytes]:
        """The outputs below the directory, relative to it."""
        return self._below(driven.outputs)

    def _below(self, paths: frozenset[bytes]) -> set[bytes]:
        prefix = os.fsencode(self.root) + b"/"
        return {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}


class TracerContract:
    """Subclass it and set `tracer` to the class, which must be importable by name and ready to work where the tests run."""

    tracer: type[Tracer]

    @pytest.fixture
    def ground(self, tmp_path: Path) -> Ground:
        """Where commands run."""
        return Ground(self.tracer, tmp_path)

    # ---- what it says of itself

    def test_it_says_what_it_is(self) -> None:
        """Name, rank and capabilities are of the right types, and the name is a word."""
        assert issubclass(self.tracer, Tracer)
        assert self.tracer.name.split() == [self.tracer.name] and self.tracer.name not in ("auto", "")
        assert isinstance(self.tracer.rank, int)
        assert isinstance(self.tracer.capabilities, frozenset)
        assert all(isinstance(capability, Capability) for capability in self.tracer.capabilities)

    @pytest.mark.parametrize("deep", [False, True])
    def test_preflight_explains_itself(self, deep: bool) -> None:
        """It passes here; every condition has a name, and every failed one would have a detail."""
        preflight = self.tracer.preflight(deep=deep)
        assert isinstance(preflight, Preflight) and preflight.checks
        assert all(check.name and (check.ok or check.detail) for check in preflight.checks)
        assert preflight.ready, preflight.failure
        assert isinstance(self.tracer.way(), str)

    # ---- what it sees

    def test_a_file_that_is_read_is_an_input(self, ground: Ground) -> None:
        """And nothing else of the directory is."""
        ground.write(data="1\n", other="2\n")
        driven, out, _ = ground.run("/bin/cat", "data")
        assert out == b"1\n"
        assert ground.inputs(driven) == {b"data"}
        assert ground.outputs(driven) == set()

    def test_a_file_that_is_written_is_an_output(self, ground: Ground) -> None:
        """And not an input, though it was opened."""
        driven = ground.sh("echo 1 > made")
        assert ground.outputs(driven) == {b"made"}
        assert ground.inputs(driven) == set()

    def test_a_file_that_is_overwritten_is_an_output(self, ground: Ground) -> None:
        """Its old content was not consumed."""
        ground.write(data="old\n")
        driven = ground.sh("echo new > data")
        assert (ground.inputs(driven), ground.outputs(driven)) == (set(), {b"data"})

    def test_a_file_that_is_appended_to_is_an_output(self, ground: Ground) -> None:
        """Whatever else it may be."""
        ground.write(log="one\n")
        assert b"log" in ground.outputs(ground.sh("echo two >> log"))

    def test_a_renamed_file_is_an_output_under_its_last_name(self, ground: Ground) -> None:
        """The name it was written under is gone."""
        driven = ground.sh("echo 1 > part && mv part whole")
        assert ground.outputs(driven) == {b"whole"}

    def test_a_file_in_a_renamed_directory_is_an_output_under_its_last_name(self, ground: Ground) -> None:
        """Though nobody named the file when the directory moved."""
        driven = ground.sh("mkdir part && echo 1 > part/x && mv part whole")
        assert ground.outputs(driven) == {b"whole/x"}

    def test_a_file_that_came_and_went_is_neither(self, ground: Ground) -> None:
        """Written, read and removed within the command."""
        driven = ground.sh("echo 1 > scratch && cat scratch && rm scratch")
        assert (ground.inputs(driven), ground.outputs(driven)) == (set(), set())

    def test_a_file_that_was_read_and_removed_is_an_input(self, ground: Ground) -> None:
        """Its content was consumed."""
        ground.write(data="1\n")
        assert ground.inputs(ground.sh("cat data && rm data")) == {b"data"}

    def test_files_that_are_only_looked_at_are_neither(self, ground: Ground) -> None:
        """Listing, stat and failed opens consume nothing."""
        ground.write(data="1\n")
        driven = ground.sh("ls -l > /dev/null; test -f data; cat missing; chmod 600 data; true")
        assert (ground.inputs(driven), ground.outputs(driven)) == (set(), set())

    def test_every_descendant_is_seen(self, ground: Ground) -> None:
        """Children, grandchildren and jobs in the background."""
        ground.write(data="1\n")
        driven = ground.sh("(cat data > one) & wait; sh -c 'sh -c \"cat one > two\"'; cat two | cat > three")
        assert ground.outputs(driven) == {b"one", b"two", b"three"}
        assert ground.inputs(driven) == {b"data"}

    def test_relative_names_are_of_the_process_that_used_them(self, ground: Ground) -> None:
        """Each process has its own working directory."""
        (ground.root / "sub").mkdir()
        (ground.root / "sub/data").write_text("1\n")
        driven = ground.sh("(cd sub && cat data > ../one); mkdir made; cd made; echo 2 > two; mv two three")
        assert ground.inputs(driven) == {b"sub/data"}
        assert ground.outputs(driven) == {b"one", b"made/three"}

    def test_symbolic_links_lead_to_the_file(self, ground: Ground) -> None:
        """The file is the input, under its own name."""
        ground.write(data="1\n")
        (ground.root / "link").symlink_to("data")
        assert b"data" in ground.inputs(ground.run("/bin/cat", "link")[0])

    def test_names_are_bytes(self, ground: Ground) -> None:
        """Not UTF-8, with a newline, quotes, angle brackets: exactly as they are."""
        names = [b"\xff\xfe", b"new\nline", b"a 'b' \"c\"", b"<x> = 3", b"\\x41", b"\xc3\xa9"]
        for name in names:
            Path(os.fsdecode(os.fsencode(ground.root) + b"/" + name)).write_text("1\n")
        driven, out, _ = ground.run("/bin/cat", *map(os.fsdecode, names))
        assert out == b"1\n" * len(names)
        assert ground.inputs(driven) == set(names)

    def test_the_program_itself_is_an_input(self, ground: Ground) -> None:
        """A script in the directory that is executed, by the command or by a descendant."""
        (ground.root / "step").write_text("#!/bin/sh\necho 1 > made\n")
        (ground.root / "step").chmod(0o755)
        assert b"step" in ground.inputs(ground.sh("./step"))
        self._empty(ground)
        assert b"step" in ground.inputs(ground.run("./step")[0])

    def test_many_files_are_all_seen(self, ground: Ground) -> None:
        """More than fits into a buffer, while events are being collected."""
        driven = ground.sh("i=0; while [ $i -lt 2000 ]; do echo $i > f$i; i=$((i+1)); done")
        assert len(ground.outputs(driven)) == 2000

    def test_what_it_cannot_see_is_reported(self, ground: Ground) -> None:
        """A static program is seen, or named as a blind spot."""
        program = shutil.which(_STATIC_PROGRAM)
        if program is None or b"/ld-linux" in Path(program).read_bytes()[:4096]:
            return  # this system has none
        driven = ground.run(program, "-p")[0]
        if Capability.STATIC_BINARIES not in self.tracer.capabilities:
            assert driven.coverage is not None
            assert driven.blind or driven.coverage.blind or driven.coverage.notes

    # ---- what it leaves alone

    def test_the_exit_code_is_the_command_s(self, ground: Ground) -> None:
        """Zero and not zero."""
        for code in (0, 7, 255):
            ended = ground.sh(f"exit {code}").exit
            assert ended is not None and (ended.code, ended.signal) == (code, 0)
            self._empty(ground)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
    def test_death_by_a_signal_is_told(self, ground: Ground, number: signal.Signals) -> None:
        """128 + N, and the signal."""
        ended = ground.sh(f"kill -{int(number)} $$").exit
        assert ended is not None and (ended.code, ended.signal) == (128 + number, number)

    def test_a_command_that_cannot_be_started_raises(self, ground: Ground) -> None:
        """As execve does: there is no such file; it is not executable."""
        ground.write(plain="not a program\n")
        assert ground.run("./missing")[0].error == "FileNotFoundError"
        self._empty(ground)
        assert ground.run("./plain")[0].error == "PermissionError"

    def test_the_standard_streams_are_the_command_s(self, ground: Ground) -> None:
        """The tracer writes nothing between the command's lines."""
        driven, out, err = ground.run("/bin/sh", "-c", "cat; echo err >&2", stdin=b"through\n")
        assert (out, err) == (b"through\n", b"err\n")
        assert driven.exit is not None and driven.exit.code == 0

    def test_inherited_descriptors_are_the_command_s(self, ground: Ground) -> None:
        """Whatever roar was started with reaches the command under the same number."""
        read, write = os.pipe()
        try:
            ground.run(sys.executable, "-SEc", f"import os; os.write({write}, b'hello')", pass_fds=(write,))
        finally:
            os.close(write)
        with os.fdopen(read, "rb") as pipe:
            assert pipe.read() == b"hello"

    def test_variables_and_arguments_reach_the_command(self, ground: Ground) -> None:
        """Unchanged, also odd ones."""
        arguments = ["", "a b", "$x", "\n", "--", "-o"]
        words = ["/bin/sh", "-c", 'printf "%s|" "$ODD" "$@"', "sh", *arguments]
        out = ground.run(*words, env={"ODD": "1 2\n3"})[1]
        assert out == "|".join(["1 2\n3", *arguments, ""]).encode()

    def test_a_signal_to_roar_reaches_the_command(self, ground: Ground) -> None:
        """And the command's own handling of it counts."""
        script = "trap 'exit 9' TERM; echo ready; while :; do :; done"
        process = ground.popen("/bin/sh", "-c", script, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(_TIMEOUT_S) == 0
        ended = ground.result().exit
        assert ended is not None and ended.code == 9

    def test_it_leaves_no_files_behind(self, ground: Ground) -> None:
        """What it keeps is in the journal."""
        ground.sh("echo 1 > made")
        assert [path.name for path in ground.root.rglob("*")] == ["made"]

    # ---- accounts

    def test_coverage_adds_up(self, ground: Ground) -> None:
        """Every event is delivered once, and counted."""
        ground.write(data="1\n")
        driven = ground.sh("for i in 1 2 3 4 5; do cat data > f$i; done")
        assert driven.coverage is not None
        assert driven.coverage.observed == len(driven.events)
        assert driven.coverage.dropped == 0
        assert driven.coverage.survivors == ()

    def test_events_are_well_formed(self, ground: Ground) -> None:
        """Absolute bytes, real process ids."""
        ground.write(data="1\n")
        driven = ground.sh("cat data > made; mv made moved; rm moved")
        assert all(isinstance(event, Event) for event in driven.events)
        paths = [path for event in driven.events for path in (event.path, event.path2) if path]
        assert all(isinstance(path, bytes) for path in paths)
        assert all(
            event.path.startswith(b"/") for event in driven.events if event.path and event.kind.name != "SYMLINK"
        )
        assert all(event.pid > 0 for event in driven.events)
        assert driven.pid > 0

    def test_runs_at_the_same_time_do_not_mix(self, tmp_path: Path) -> None:
        """Each sees its own command's files only."""
        grounds = [Ground(self.tracer, tmp_path / str(number)) for number in range(4)]
        running = [
            ground.popen("/bin/sh", "-c", f"echo 1 > one{number}; cat one{number} > two{number}")
            for number, ground in enumerate(grounds)
        ]
        assert [process.wait(_TIMEOUT_S) for process in running] == [0] * len(grounds)
        for number, ground in enumerate(grounds):
            driven = ground.result()
            assert {os.path.basename(path) for path in driven.outputs} == {b"one%d" % number, b"two%d" % number}

    def test_killing_roar_loses_nothing_that_it_promised_to_keep(self, ground: Ground) -> None:
        """After SIGKILL of roar, `recover` reads what was seen, or says that there is nothing."""
        ground.write(data="1\n")
        script = "cat data > made; echo ready; read line; exit 0"
        process = ground.popen("/bin/sh", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        process.wait(_TIMEOUT_S)
        process.stdin.close()
        process.stdout.read()  # until the command, which has it open, has ended too
        process.stdout.close()
        recovery = ground.popen(what="recover")
        assert recovery.wait(_TIMEOUT_S) == 0
        if Capability.SURVIVES_KILL in self.tracer.capabilities:
            driven = ground.result()
            assert ground.inputs(driven) == {b"data"}
            assert ground.outputs(driven) == {b"made"}

    def _empty(self, ground: Ground) -> None:
        shutil.rmtree(ground.journal)
        ground.journal.mkdir(mode=0o700)
