"""The capture suite as tests: the same commands under any tracer, each with inputs and outputs that are known to be true."""
# ruff: noqa: S101 - asserts are what a test kit is made of

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from roar.testing.capture.case import Case, Seen
from roar.testing.capture.judge import Judgement, judge
from roar.testing.capture.programs import Programs, is_root
from roar.testing.capture.stage import Stage
from roar.testing.capture.tables import CASES

_PROGRAMS = pytest.StashKey[Programs]()
_UNDERWAY = pytest.StashKey["Underway"]()
_TALLIES = pytest.StashKey["dict[str, Tally]"]()


class Tally:
    """How the cases of one class went."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.exceptions = 0
        self.lies: list[str] = []
        """Names of cases that were `complete` with wrong inputs or outputs, and are no documented exceptions."""

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items()))
        excepted = f"; {self.exceptions} documented exceptions" if self.exceptions else ""
        return f"{counts}; {len(self.lies)} complete with wrong inputs or outputs{excepted}"


class CaptureContract:
    """Subclass it and set `tracer` to the name that ``roar run --tracer`` takes; the tracer must be ready to work here.

    What is expected of it follows from its `capabilities` alone (`roar.testing.capture.judge`).  The cases run some at a time,
    ahead of their tests.  As root it runs some more.
    """

    tracer: ClassVar[str]
    path: ClassVar[Sequence[str | Path]] = ()
    """Directories for the import path of roar: where the tracer's distribution is when it isn't installed."""
    cases: ClassVar[Sequence[Case]] = CASES
    """What is run; a subclass may leave out and add."""
    exceptions: ClassVar[Mapping[str, str]] = {}
    """Name of a case → where it is documented that this tracer gets it wrong and can't know it.  One that is right is an error."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each case that this user can run."""
        if "case" in metafunc.fixturenames:
            cases = [one for one in self.cases if is_root() or not one.root]
            metafunc.parametrize("case", cases, ids=str)

    @pytest.fixture
    def tally(self, request: pytest.FixtureRequest) -> Tally:
        """The account of this class; the end of the session shows it."""
        return request.config.stash.setdefault(_TALLIES, {}).setdefault(type(self).__name__, Tally())

    @pytest.fixture
    def underway(self, request: pytest.FixtureRequest) -> Underway:
        """The cases of this class, begun when the first of them is wanted."""
        node = request.node.getparent(pytest.Class)
        if _UNDERWAY not in node.stash:
            mine = [one for one in request.session.items if one.getparent(pytest.Class) is node]
            wanted = [one.callspec.params["case"] for one in mine if hasattr(one, "callspec")]
            node.stash[_UNDERWAY] = Underway(self.tracer, self.path, _programs(request.config), wanted)
            node.addfinalizer(lambda: request.config.add_cleanup(node.stash[_UNDERWAY].end()))
        found: Underway = node.stash[_UNDERWAY]
        return found

    def test_recorded_as_it_was(self, case: Case, underway: Underway, tally: Tally) -> None:
        """`complete` with exactly the inputs and outputs; `partial` only for a reason that the capabilities give."""
        seen, judgement = underway.result(case)
        tally.verdicts[seen.verdict] += 1
        if case.name in self.exceptions:
            tally.exceptions += 1
            assert judgement.faults, f"it is right: {self.exceptions[case.name]} need not except it"
            return
        if judgement.is_lie:
            tally.lies.append(case.name)
        explained = "\n".join([*judgement.faults, *seen.reasons, seen.stderr[-2000:]])
        assert not judgement.faults, explained

    def test_complete_was_never_wrong(self, tally: Tally) -> None:
        """The worst failure there is: who reads `complete` relies on it."""
        assert tally.lies == []


class Underway:
    """The cases of a class, running beside the tests.

    Args:
        tracer: its name.
        path: directories for the import path.
        programs: what the cases run.
        cases: which; the slow ones are begun first, else they would be what everything waits for in the end.
    """

    def __init__(self, tracer: str, path: Sequence[str | Path], programs: Programs, cases: Sequence[Case]) -> None:
        self._place = _directory()
        self._stage = Stage(self._place, programs, tracer, path)
        self._stage.capabilities(as_user=False)  # here, where it can still be told that the tracer isn't ready
        self._pool = ThreadPoolExecutor(os.cpu_count())
        in_turn = sorted(cases, key=lambda one: not one.slow)
        self._running = {one.name: self._pool.submit(self._stage.run, one) for one in in_turn}

    def result(self, case: Case) -> tuple[Seen, Judgement]:
        """What was recorded of a case, and what is wrong with it."""
        seen = self._running[case.name].result()
        return seen, judge(case, seen, self._stage.capabilities(case.user))

    def end(self) -> Callable[[], object]:
        """Begins no more, and takes everything away; what it answers waits for that."""
        self._pool.shutdown(cancel_futures=True)
        self._stage.close()
        return subprocess.Popen(
            ("rm", "-rf", self._place)
        ).wait  # tens of thousands of files: the next tests need not wait


def _directory() -> Path:
    # not pytest's: other sessions close those to the users that some cases become
    return Path(tempfile.mkdtemp(prefix="roar-capture-")).resolve()


def _programs(config: pytest.Config) -> Programs:
    """The programs, built once a session."""
    if _PROGRAMS not in config.stash:
        place = _directory()
        config.add_cleanup(lambda: shutil.rmtree(place))
        config.stash[_PROGRAMS] = Programs(place)
    return config.stash[_PROGRAMS]


def summarise(terminal: pytest.TerminalReporter) -> None:
    """A line for each tracer at the end of the session."""
    for name, tally in terminal.config.stash.get(_TALLIES, {}).items():
        if tally.verdicts:
            terminal.write_line(f"capture, {name}: {tally}")
