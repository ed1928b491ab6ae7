"""`roar run --check @N`: one step again, in a directory that is removed afterwards, and whether the same comes of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from roar.reproduce.children import signals_as_exceptions
from roar.reproduce.reproduction import Prepared, carry_out, prepare
from roar.reproduce.results import Result, StepResult
from roar.reproduce.target import Target

if TYPE_CHECKING:
    from roar.api.records import Job
    from roar.api.storage import Storage
    from roar.context import Context

Answer = Literal["deterministic", "not deterministic", "not as recorded", "not known"]
"""Once more the same as recorded, or two runs now alike where the record has no digests; two runs now differ; they are alike,
and differ from the record; it could not be run."""


class Checked(NamedTuple):
    """What a check found."""

    answer: Answer
    prepared: Prepared
    first: Result
    second: Result | None
    """Only when the first run came out different."""


def check_step(context: Context, storage: Storage, job: Job, say: Callable[[StepResult], None]) -> Checked:
    """Runs a step again, its inputs taken by digest from where they are; a second time when it came out different.

    Raises:
        RoarError: it can't be tried.
    """
    paths = frozenset(edge.path for edge in storage.edges([job.id], "output"))
    target = Target(job.ref, job, paths)
    beside = _beside(storage, job)
    with contextlib.ExitStack() as at_the_end:

        def scratch() -> str:
            directory = tempfile.mkdtemp(prefix=".roar-check-" if beside else "roar-check-", dir=beside)
            at_the_end.callback(shutil.rmtree, directory, ignore_errors=True)
            return directory

        at_the_end.enter_context(signals_as_exceptions())
        prepared = prepare(context, storage, target, scratch(), alone=True)
        first = carry_out(context, storage, prepared, False, 1, say)
        if first.identical:
            return Checked("deterministic", prepared, first, None)
        if first.steps[0].status == "not run":
            return Checked("not known", prepared, first, None)
        again = prepare(context, storage, target, scratch(), alone=True)
        second = carry_out(context, storage, again, False, 1, lambda _: None)
        if not _same(first, second):
            return Checked("not deterministic", prepared, first, second)
        as_far_as_known = first.steps[0].outcome == "unknown"
        return Checked("deterministic" if as_far_as_known else "not as recorded", prepared, first, second)


def _beside(storage: Storage, job: Job) -> str | None:
    """A directory beside the repository for a step that read files outside of it, as its script may name them by ``../``."""
    if job.git is None:
        return None
    root = job.git.root.rstrip(b"/")
    above = os.fsdecode(os.path.dirname(root))
    outside = any(not edge.path.startswith(root + b"/") for edge in storage.edges([job.id], "input"))
    return above if outside and os.access(above, os.W_OK) else None


def _same(first: Result, second: Result) -> bool:
    def what(result: Result) -> list[tuple[object, ...]]:
        (step,) = result.steps
        return [(step.exit_code,), *((one.path, one.produced) for one in step.outputs)]

    return what(first) == what(second)
