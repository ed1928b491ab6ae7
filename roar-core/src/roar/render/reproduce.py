"""A reproduction as people read it: its plan, each step that is over, the outcome, and what is kept with an artifact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from roar.render.job import Place
from roar.render.job_list import reasons_text
from roar.render.look import Look
from roar.render.text import command_text, duration_text, plural, printable, shortened
from roar.reproduce.check import Checked
from roar.reproduce.mapping import Mapping
from roar.reproduce.plan import Plan, Step
from roar.reproduce.reproduction import Prepared
from roar.reproduce.results import Compared, Result, StepResult

_SHOWN = 3
_STEPS_SHOWN = 60
_COLOURS = {"identical": "green", "done": "green", "not run": "yellow"}


def plan_lines(prepared: Prepared, look: Look, place: Place) -> Iterator[str]:
    """The lines of `roar reproduce --dry-run`."""
    plan = prepared.plan
    steps = plural(len(plan.steps), "step")
    yield look.paint(f"Reproduce {printable(prepared.target.text)}: {steps} in {printable(plan.directory)}", "bold")
    yield f"Code: {'; '.join(_code(plan))}"
    said = dict.fromkeys(decision.said for decisions in prepared.decisions.values() for decision in decisions)
    yield from (printable(line) for line in said)
    refs = {step.job.id: step.job.ref for step in plan.steps}
    for step in plan.steps if not look.terminal else plan.steps[:_STEPS_SHOWN]:
        yield from _step_lines(step, plan, refs, look, place)
    if look.terminal and len(plan.steps) > _STEPS_SHOWN:
        yield f"{look.sign('…', '...')} and {len(plan.steps) - _STEPS_SHOWN} more; all of them: add | cat, or --json"


def _code(plan: Plan) -> Iterator[str]:
    states = Counter((step.code.commit[:7], step.job.git is not None and step.job.git.dirty) for step in plan.steps)
    for (commit, dirty), count in states.items():
        changes = " + uncommitted changes" if dirty else ""
        yield f"commit {commit}{changes} ({plural(count, 'step')})" if len(states) > 1 else f"commit {commit}{changes}"


def _step_lines(step: Step, plan: Plan, refs: dict[int, str], look: Look, place: Place) -> Iterator[str]:
    command = command_text(step.job.command)
    line = f"{step.job.ref} {command}"
    yield look.paint(shortened(line, look.width, look.sign("…", "...")) if look.width else line, "bold")
    if step.job.capture.verdict != "complete":
        yield "  " + look.paint(f"its record is {reasons_text(step.job)}", "yellow")
    if step.obstacle:
        yield "  " + look.paint(f"can't be run: {printable(step.obstacle)}", "yellow")
    rewritten = Mapping(plan.places).words(step.command, step.job.cwd, step.cwd)
    if rewritten != step.job.command:
        yield f"  runs as: {command_text(rewritten)}"
    needs = [refs[job_id] for job_id in sorted(step.needs) if job_id in refs]
    if needs:
        yield f"  after: {', '.join(needs)}"
    copied = [place.name(one.path) for one in step.inputs if one.origin == "copy" and one.hashes]
    unchecked = [place.name(one.path) for one in step.inputs if one.origin == "copy" and not one.hashes]
    outside = [place.name(one.path) for one in step.inputs if one.origin == "in place"]
    if copied:
        yield f"  copied by digest: {_names(copied)}"
    if unchecked:
        yield f"  copied as they are, their content was not recorded: {_names(unchecked)}"
    if outside:
        yield f"  read where they are, by digest: {_names(outside)}"
    if step.outputs:
        yield f"  makes: {_names([place.name(one.path) for one in step.outputs])}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def step_over(step: StepResult, look: Look, place: Place) -> Iterator[str]:
    """What is said when a step is over."""
    outcome = step.outcome
    colour = _COLOURS.get(outcome, "red")
    facts = [plural(len(step.outputs), "output")] if step.outputs and step.status == "done" else []
    facts += [duration_text(step.seconds)] if step.exit_code is not None else []
    why = f": {printable(step.reason)}" if step.reason else ""
    yield f"{step.ref} {look.paint(outcome, colour)}{why}" + (f" ({', '.join(facts)})" if facts else "")
    for note in step.notes:
        yield f"  note: {printable(note)}"
    if outcome in ("different", "missing", "failed", "unknown"):
        yield from (f"  {line}" for line in _compared_lines(step, place))
    if step.status == "failed":
        yield from (f"  stderr: {printable(line)}" for line in step.stderr)
    for difference in step.differences:
        yield f"  environment: {printable(difference)}"


def _compared_lines(step: StepResult, place: Place) -> Iterator[str]:
    told = [one for one in step.outputs if one.outcome != "identical"]
    for one in told[: _SHOWN * 2]:
        yield f"{place.name(one.path)}: {_compared(one)}"
    if len(told) > _SHOWN * 2:
        yield f"and {len(told) - _SHOWN * 2} more"


def _compared(one: Compared) -> str:
    if one.outcome == "unknown":
        return "there is no recorded digest to compare it with"
    if one.outcome == "different":
        digests = f"{one.algorithm} {(one.recorded or '')[:12]} recorded, {(one.produced or '')[:12]} now"
        return f"different ({digests})" + (f": {printable(one.hint)}" if one.hint else "")
    return one.outcome


def result_lines(result: Result, look: Look, place: Place) -> Iterator[str]:
    """The outcome."""
    wanted = result.wanted
    word = "identical" if result.identical else _worst(result)
    yield look.paint(f"{printable(result.target)}: ", "bold") + look.paint(word, "green" if result.identical else "red")
    if len(wanted) > 1:
        counts = Counter(one.outcome for one in wanted)
        yield "  " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    outcomes = Counter(step.outcome for step in result.steps)
    said = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    yield f"{plural(len(result.steps), 'step')}: {said}"
    yield f"in {printable(result.directory)}"


def _worst(result: Result) -> str:
    step = next((step for step in result.steps if step.uid == result.target_step), None)
    if step is None or step.status != "done":
        return "not made" if step is None or step.status == "not run" else f"{step.ref} failed"
    found: set[str] = {one.outcome for one in result.wanted}
    return next((word for word in ("missing", "different") if word in found), "not comparable, no digest was recorded")


def check_lines(checked: Checked, look: Look, place: Place) -> Iterator[str]:
    """The answer of `roar run --check`."""
    (step,) = checked.first.steps
    alike = f"{plural(len(step.outputs), 'output')} identical to the recorded"
    if not step.outputs:
        alike = "it has no outputs, and ended as recorded"
    elif checked.second is not None:
        alike = "two runs now come out alike; the record has no digests to compare with"
    said = {
        "deterministic": f"deterministic: {alike}",
        "not deterministic": "not deterministic: two runs now don't come out alike",
        "not as recorded": "not as recorded: two runs now come out alike, and differ from the record (code, data or environment)",
        "not known": f"not known: {printable(step.reason or 'it was not run')}",
    }[checked.answer]
    yield f"{step.ref} {look.paint(said, 'green' if checked.answer == 'deterministic' else 'yellow')}"
