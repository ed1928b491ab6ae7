"""What every filter must do."""
# ruff: noqa: S101 - asserts are what a test kit is made of

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, get_args

from roar.api.filters import Direction, Filter, FilterContext, Matcher

_ROOT = b"/srv/work/project"
_ORDINARY = (b"/data/train.csv", b"/model.bin", b"/src/train.py", b"/results/table 1.txt", b"/deep/er/and/deeper/x.npy")
_AWKWARD = (
    b"/\xff\xfe.bin", b"/new\nline", b"/\x1b[31mred", b"/ ", b"/-", b"/..data", b"/" + b"d/" * 2400 + b"f", b"/\xe2\x80\xae.csv",
)  # fmt: skip
_MOST_S_A_FILE = 50e-6


class FilterContract:
    """Subclass it, set `filter` to an instance and give examples of paths.

    Paths in `drops` and `keeps` that begin with ``ROOT/`` are in the workspace.  `config` holds values of configuration keys
    that the filter reads beside its own switch.
    """

    filter: Filter
    drops: Sequence[bytes] = ()
    keeps: Sequence[bytes] = ()
    config: dict[str, Any] = {}  # noqa: RUF012 - a subclass sets its own, nobody changes it

    def context(self, root: bytes = _ROOT, executables: tuple[bytes, ...] = ()) -> FilterContext:
        """A job's context."""
        values: Callable[[str], Any] = {self.filter.config_key: True, **self.config}.get
        return FilterContext(root, root + b"/.roar", values, executables)

    def matcher(self, root: bytes = _ROOT) -> Matcher:
        """The filter, made ready for a job."""
        return self.filter.prepare(self.context(root))

    def paths(self, paths: Sequence[bytes], root: bytes = _ROOT) -> list[bytes]:
        """Examples with the workspace's root in place of ``ROOT``."""
        return [root + path.removeprefix(b"ROOT") if path.startswith(b"ROOT/") else path for path in paths]

    def test_it_says_what_it_is(self) -> None:
        """Name, key, default, reason and order are of the right types; the key is in a section."""
        assert isinstance(self.filter, Filter)
        assert self.filter.name and self.filter.name.isprintable() and self.filter.name == self.filter.name.strip()
        assert "." in self.filter.config_key.strip(".") and not self.filter.config_key.endswith(".")
        assert isinstance(self.filter.default, bool)
        assert self.filter.reason and "\n" not in self.filter.reason
        assert isinstance(self.filter.order, int)

    def test_its_examples_are_dropped(self) -> None:
        """Under any root."""
        assert self.drops, "give examples of what the filter drops"
        for root in (_ROOT, b"/home/x/w", b"/srv/\xff root"):
            found = self.matcher(root)
            kept = [path for path in self.paths(self.drops, root) if not found(path, "input")]
            assert kept == []

    def test_what_is_not_its_business_is_kept(self) -> None:
        """Ordinary files of a workspace, and the examples."""
        for root in (_ROOT, b"/home/x/w", b"/srv/\xff root"):
            found = self.matcher(root)
            paths = [*self.paths(self.keeps, root), *(root + path for path in _ORDINARY)]
            for direction in get_args(Direction):
                assert [path for path in paths if found(path, direction)] == []

    def test_it_answers_true_or_false_for_any_name(self) -> None:
        """Names are bytes and may hold anything but NUL."""
        found = self.matcher()
        for base in (_ROOT, b"", b"/data"):
            for name in _AWKWARD:
                for direction in get_args(Direction):
                    assert isinstance(found(base + name, direction), bool)

    def test_it_answers_the_same_every_time(self) -> None:
        """Whatever was asked before, and also of a second matcher."""
        paths = [*self.paths(self.drops), *self.paths(self.keeps), *(_ROOT + name for name in _AWKWARD)]
        first, second = self.matcher(), self.matcher()
        answers = [first(path, "output") for path in paths]
        assert [first(path, "output") for path in reversed(paths)] == answers[::-1]
        assert [second(path, "output") for path in paths] == answers

    def test_jobs_do_not_disturb_each_other(self) -> None:
        """A matcher belongs to one job: preparing another one changes nothing."""
        paths = self.paths(self.drops)
        first = self.matcher()
        before = [first(path, "input") for path in paths]
        self.matcher(b"/somewhere/else")
        assert [first(path, "input") for path in paths] == before

    def test_it_is_quick(self) -> None:
        """A job may have 100 000 files, and every filter sees them all."""
        found = self.matcher()
        paths = [b"%b/data/class_%d/sample_%d.npy" % (_ROOT, number % 100, number) for number in range(5000)]
        best = min(_timed(found, paths) for _ in range(3))
        assert best / len(paths) < _MOST_S_A_FILE


def _timed(found: Matcher, paths: Sequence[bytes]) -> float:
    started = time.perf_counter()
    for path in paths:
        found(path, "input")
    return time.perf_counter() - started
