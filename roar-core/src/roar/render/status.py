"""Where a session stands, in lines and as JSON of schema ``roar/status/1``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import fsdecode
from typing import Any, NamedTuple

from roar.lineage.graph import Graph, Step
from roar.lineage.staleness import Health
from roar.render.job import Place
from roar.render.job_list import ending_text, reasons_text
from roar.render.look import Look
from roar.render.records import capture_json, session_head_json
from roar.render.session import session_title
from roar.render.stale import stale_reasons, stale_text
from roar.render.text import command_text, iso_time, plural, printable, time_text
from roar.run.rundir import Running

_SHOWN = 10


class Status(NamedTuple):
    """What is told."""

    graph: Graph
    health: Mapping[int, Health]
    running: Sequence[Running]
    fingerprint: str | None
    """The session's hash, None for an empty session."""

    def lines(self, look: Look, place: Place) -> Iterator[str]:
        """For people."""
        current = self.graph.current
        yield look.paint(session_title(self.graph.session), "bold")
        steps = sum(1 for step in current if step.job.kind == "run")
        builds = len(current) - steps
        again = len(self.graph.steps) - len(current)
        counts = [plural(steps, "step")]
        counts += [plural(builds, "build step")] if builds else []
        counts += [f"{plural(again, 'earlier run')} of them"] if again else []
        yield f"Steps: {', '.join(counts)}"
        stale = [(step, stale_reasons(self.health[step.job.id], self.graph, place.name)) for step in current]
        yield from _listed(
            "Stale",
            [f"{step.job.ref} {_command(step)}: {stale_text(why)}" for step, why in stale if why],
            look,
            "yellow",
        )
        missing = [(path, step.job.ref) for step in current for path in self.health[step.job.id].missing]
        yield from _listed("Missing", [f"{place.name(path)} (of {ref})" for path, ref in missing], look, "red")
        changed = [(path, step.job.ref) for step in current for path in self.health[step.job.id].changed]
        yield from _listed("Changed", [f"{place.name(path)} (of {ref})" for path, ref in changed], look, "yellow")
        failed = [step for step in current if step.job.status == "failed"]
        yield from _listed(
            "Failed", [f"{step.job.ref} {_command(step)}: {ending_text(step.job)}" for step in failed], look, "red"
        )
        interrupted = [step for step in self.graph.steps.values() if step.job.status == "interrupted"]
        yield from _listed("Interrupted", [f"{step.job.ref} {_command(step)}" for step in interrupted], look, "red")
        partial = [step for step in current if step.job.capture.verdict != "complete"]
        yield from _listed(
            "Not complete",
            [f"{step.job.ref} {_command(step)}: {reasons_text(step.job)}" for step in partial],
            look,
            "yellow",
        )
        yield from _listed("Running", [_running_text(run) for run in self.running], look, "cyan")
        if self.fingerprint:
            yield f"Session hash: {self.fingerprint}"
        if not self.graph.steps and not self.running:
            yield "No steps yet. Record one: roar run COMMAND"

    def json(self) -> dict[str, Any]:
        """For programs."""
        current = self.graph.current
        healths = [(step, self.health.get(step.job.id, Health())) for step in current]
        return {
            "schema": "roar/status/1",
            "session": session_head_json(self.graph.session) | {"hash": self.fingerprint},
            "steps": [self._step_json(step, health) for step, health in healths],
            "stale": [step.job.ref for step, health in healths if health.stale],
            "missing": [
                {"path": fsdecode(path), "ref": step.job.ref} for step, health in healths for path in health.missing
            ],
            "changed": [
                {"path": fsdecode(path), "ref": step.job.ref} for step, health in healths for path in health.changed
            ],
            "interrupted": [
                {"ref": step.job.ref, "uid": step.job.uid, "command": list(step.job.command)}
                for step in self.graph.steps.values()
                if step.job.status == "interrupted"
            ],
            "running": [_running_json(run) for run in self.running],
        }

    def _step_json(self, step: Step, health: Health) -> dict[str, Any]:
        job = step.job
        reasons = stale_reasons(health, self.graph, fsdecode)
        return {
            "index": job.step,
            "ref": job.ref,
            "uid": job.uid,
            "kind": job.kind,
            "name": job.name,
            "command": list(job.command),
            "started_at": iso_time(job.started_ns),
            "exit_code": job.exit_code,
            "status": job.status,
            "capture": capture_json(job),
            "stale": bool(reasons),
            "stale_reasons": reasons,
        }


def _command(step: Step) -> str:
    return command_text(step.job.command)


def _listed(title: str, items: list[str], look: Look, colour: str) -> Iterator[str]:
    if not items:
        return
    yield f"{look.paint(title, colour)}: {len(items)}"
    yield from (f"  {item}" for item in items[:_SHOWN])
    if len(items) > _SHOWN:
        yield f"  {look.sign('…', '...')} and {len(items) - _SHOWN} more"


def _running_text(run: Running) -> str:
    return f"{command_text(_words(run))} (job {printable(run.uid[:8])}, since {time_text(_started_ns(run))})"


def _running_json(run: Running) -> dict[str, Any]:
    return {"uid": run.uid, "command": _words(run), "started_at": iso_time(_started_ns(run))}


def _words(run: Running) -> list[str]:
    return [str(word) for word in run.plan.get("command", [])]


def _started_ns(run: Running) -> int:
    return int(run.plan.get("started_ns", 0))
