"""Carrying out a plan: each step when what it needs is there, independent ones at once, every output compared."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from roar.reproduce import pythons
from roar.reproduce.checkout import Checkout, CodeState
from roar.reproduce.children import Children, NotNoted
from roar.reproduce.commands import Command, Ended, recorded_streams, run_command
from roar.reproduce.contents import Contents
from roar.reproduce.inputs import Inputs, Unavailable
from roar.reproduce.mapping import Mapping as Places
from roar.reproduce.plan import Output, Plan, Step
from roar.reproduce.progress import Progress
from roar.reproduce.queue import Queue
from roar.reproduce.results import Compared, Found, StepResult
from roar.reproduce.variables import missing_variables, step_variables


class Surroundings(NamedTuple):
    """What steps get of the machine that they run on."""

    here: Mapping[str, str]
    """Environment variables."""
    by_value: frozenset[str]
    """Those names in `here` that are recorded by value."""


class Engine:
    """Runs the steps of a plan.

    Args:
        plan: what to do.
        checkout: the new directory, made.
        contents: takes digests.
        inputs: puts what steps read in place.
        progress: what is done already.
        decisions: for each step's uid, how the interpreters that it needs are met.
        surroundings: of the machine.
        say: told of each step that is over.
    """

    def __init__(
        self,
        plan: Plan,
        checkout: Checkout,
        contents: Contents,
        inputs: Inputs,
        progress: Progress,
        decisions: Mapping[str, list[pythons.Decision]],
        surroundings: Surroundings,
        say: Callable[[StepResult], None],
    ) -> None:
        self._plan = plan
        self._checkout = checkout
        self._contents = contents
        self._inputs = inputs
        self._progress = progress
        self._decisions = decisions
        self._surroundings = surroundings
        self._say = say
        self._files = threading.Lock()  # that two steps may both want
        self._environments = threading.Lock()
        self._children = Children()
        self._results: dict[int, StepResult] = {}

    def run(self, jobs: int) -> tuple[StepResult, ...]:
        """Runs what is not done.

        Args:
            jobs: how many steps at once.

        Returns:
            A result a step, in the plan's order.
        """
        queue = Queue(self._plan.steps, self._take_over())
        running: dict[Future[StepResult], Step] = {}
        code: CodeState | None = None
        with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
            try:
                while queue or running:
                    for step in queue.due():
                        reason = step.obstacle or self._lacks(step)
                        if reason:
                            queue.take(step)
                            self._over(step, StepResult(step.job.uid, step.job.ref, "not run", reason))
                            queue.over(step)
                        elif len(running) < max(jobs, 1) and (step.code == code or not running):
                            if step.code != code:
                                self._checkout.switch(step.code, force=code is None)
                                code = step.code
                            queue.take(step)
                            running[pool.submit(self._perform, step)] = step
                    if running:
                        over, _ = wait(running, return_when=FIRST_COMPLETED)
                        for future in over:
                            step = running.pop(future)
                            self._over(step, future.result())
                            queue.over(step)
            except BaseException:  # whatever it is, nothing goes on without us
                self._children.stop()
                raise
        return tuple(self._results[step.job.id] for step in self._plan.steps)

    def _take_over(self) -> set[int]:
        """The ids of the steps that are done already; their results are taken over."""
        for step in self._plan.steps:
            done = self._progress.done.get(step.job.uid)
            if done is not None:
                self._results[step.job.id] = done
        return set(self._results)

    def _lacks(self, step: Step) -> str | None:
        """Which step that it needs did not come out."""
        for job_id in sorted(step.needs):
            result = self._results.get(job_id)
            if result is not None and result.status != "done":
                what = "failed" if result.status == "failed" else "was not run"
                return f"it needs what {result.ref} makes, which {what}"
        return None

    def _over(self, step: Step, result: StepResult) -> None:
        self._results[step.job.id] = result
        self._progress.over(result)
        self._say(result)

    def _perform(self, step: Step) -> StepResult:
        """Runs one step; in a thread of the pool."""
        try:
            decisions = self._decisions.get(step.job.uid, [])
            command = self._command(step, decisions)
            notes = self._ready(step, decisions, command)
            before = self._recorded_files(step)
            absent = self._absent_directories(step)
            ended = self._start(step, command)
            compared = self._compare(step)
            if self._failed(step, ended, compared) and absent and not any(map(os.path.isdir, absent)):
                # made by hand when the step was recorded: no step makes them
                for directory in absent:
                    os.makedirs(directory, exist_ok=True)
                shown = ", ".join(os.fsdecode(os.path.relpath(path, self._plan.directory)) for path in absent)
                notes = [*notes, f"the directory {shown} was made for it, as no step makes it"]
                self._ready(step, decisions, command)
                ended = self._start(step, command)
                compared = self._compare(step)
        except NotNoted as error:
            raise self._progress.unwritable(None) from error
        except Unavailable as error:
            return StepResult(step.job.uid, step.job.ref, "not run", str(error))
        except pythons.Failed as error:
            return StepResult(
                step.job.uid, step.job.ref, "not run", f"its Python environment could not be made: {error}"
            )
        except OSError as error:
            reason = f"{error.strerror}: {os.fsdecode(error.filename or b'')}"
            return StepResult(step.job.uid, step.job.ref, "failed", reason)
        return self._result(step, ended, compared, decisions, notes, before)

    def _command(self, step: Step, decisions: list[pythons.Decision]) -> Command:
        moved = [(one.need.prefix, one.place) for one in decisions if one.need.prefix != one.place]
        places = Places([*moved, *self._plan.places])
        environment = next((one.place for one in decisions if one.need.kind in ("venv", "uv")), None)
        variables = step_variables(
            step.environment.get("variables", {}),
            self._surroundings.here,
            self._surroundings.by_value,
            places,
            pythons.on_path(decisions),
            [directory for one in decisions for directory in one.modules],
            environment,
            step.cwd,
        )
        log = (
            self._checkout.private
            + b"/logs/"
            + os.fsencode(step.job.ref.lstrip("@"))
            + b"-"
            + step.job.uid[:8].encode()
        )
        streams = recorded_streams(step.environment, places)
        return Command(places.words(step.command, step.job.cwd, step.cwd), step.cwd, variables, streams, log)

    def _ready(self, step: Step, decisions: list[pythons.Decision], command: Command) -> list[str]:
        """Makes everything ready for a step.  Raises what keeps it from being run."""
        place_of = Places(self._plan.places).text
        with self._environments:
            for decision in decisions:
                log = self._checkout.private + b"/logs/environment-%08x" % zlib.crc32(decision.place)
                pythons.prepare(decision, place_of, log, self._children, self._progress.starting(step.job.uid))
        with self._files:
            self._children.go_on()
            os.makedirs(step.cwd, exist_ok=True)
            made = {(need, one.place): one for need in step.needs for one in self._results[need].outputs}
            return self._inputs.put_in_place(step, made)

    def _start(self, step: Step, command: Command) -> Ended:
        return run_command(command, self._children, self._progress.starting(step.job.uid))

    def _absent_directories(self, step: Step) -> list[bytes]:
        directories = {os.path.dirname(output.place) for output in step.outputs}
        return sorted(path for path in directories if not os.path.isdir(path))

    def _failed(self, step: Step, ended: Ended, compared: Iterable[Compared]) -> bool:
        missing = any(one.outcome == "missing" for one in compared)
        return missing and ended.exit_code != (step.job.exit_code or 0)

    def _compare(self, step: Step) -> tuple[Compared, ...]:
        compared = tuple(map(self._compared, step.outputs))
        with self._files:
            for one in compared:
                if one.path in self._plan.shared and one.produced is not None:
                    self._inputs.keep(one)
        return compared

    def _compared(self, output: Output) -> Compared:
        contents = self._contents
        algorithm = contents.algorithm(output.hashes)
        exists = os.path.lexists(output.place)
        size = os.path.getsize(output.place) if os.path.isfile(output.place) else None
        if algorithm is None:
            own = next(iter(contents.algorithms()), None)
            produced = contents.digest(output.place, own) if own and exists else None
            outcome: Found = "unknown" if exists else "missing"
            return Compared(output.path, output.place, outcome, own, None, produced, size, output.wanted)
        recorded = output.hashes[algorithm]
        produced = contents.digest(output.place, algorithm) if exists else None
        if produced is None:
            return Compared(output.path, output.place, "missing", algorithm, recorded, None, None, output.wanted)
        if produced == recorded:
            return Compared(output.path, output.place, "identical", algorithm, recorded, produced, size, output.wanted)
        hint = None
        before = self._inputs.now(output.path)
        if contents.has(before, output.hashes):
            from roar.reproduce.differences import first_difference

            hint = first_difference(before, output.place)
        elif output.size is not None and size is not None and size != output.size:
            hint = f"{size} bytes instead of {output.size}"
        return Compared(
            output.path, output.place, "different", algorithm, recorded, produced, size, output.wanted, hint
        )

    def _recorded_files(self, step: Step) -> dict[bytes, tuple[int, int]]:
        """The state of what was recorded, which no step may touch."""
        found: dict[bytes, tuple[int, int]] = {}
        for output in step.outputs:
            try:
                state = os.stat(self._inputs.now(output.path))
            except OSError:
                continue
            found[output.path] = (state.st_mtime_ns, state.st_size)
        return found

    def _result(
        self,
        step: Step,
        ended: Ended,
        compared: tuple[Compared, ...],
        decisions: list[pythons.Decision],
        notes: list[str],
        before: Mapping[bytes, tuple[int, int]],
    ) -> StepResult:
        reason = None
        now = self._recorded_files(step)
        touched = [path for path, state in before.items() if now.get(path) != state]
        if step.job.exit_code is not None and ended.exit_code != step.job.exit_code:
            expected = "" if step.job.exit_code == 0 else f" instead of {step.job.exit_code}"
            reason = f"exit code {ended.exit_code}{expected}"
        elif touched:
            reason = f"{os.fsdecode(touched[0])} changed meanwhile: the step may work in the recorded repository"
        differences: list[str] = []
        if reason or any(one.outcome != "identical" for one in compared):
            for decision in decisions:
                differences += pythons.differences(decision.need, decision)
            unset = missing_variables(step.environment.get("variables", {}), self._surroundings.here)
            differences += [f"{name} is not set" for name in unset]
            if step.environment.get("streams", {}).get("0", {}).get("mode") == "pipe":
                differences.append("what came through the pipe on its standard input was not recorded")
        return StepResult(
            step.job.uid, step.job.ref, "failed" if reason else "done", reason, ended.exit_code, ended.seconds, ended.stderr,
            tuple(differences), compared, tuple(notes),
        )  # fmt: skip
