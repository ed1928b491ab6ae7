"""What came of a reproduction: of each output, of each step, of the whole; as it is kept on disk between two attempts, too."""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple

from roar.api.records import Outcome

Status = Literal["done", "failed", "not run"]
Found = Outcome | Literal["unknown"]
"""``unknown``: no digest was recorded to compare with."""


class Compared(NamedTuple):
    """An output, compared with what was recorded."""

    path: bytes
    """As it was recorded."""
    place: bytes
    outcome: Found
    algorithm: str | None
    recorded: str | None
    produced: str | None
    size: int | None
    """Of what came of it."""
    wanted: bool
    hint: str | None = None
    """Where the difference begins."""


class StepResult(NamedTuple):
    """A step that was run again, or was not."""

    uid: str
    ref: str
    status: Status
    reason: str | None = None
    """Why it was not run or counts as failed; a clause."""
    exit_code: int | None = None
    seconds: float = 0.0
    stderr: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    """Of its environment; only told of steps that failed or came out different."""
    outputs: tuple[Compared, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """``identical``, ``different``, ``missing``, ``failed``, ``not run`` or ``done``, when there is nothing to compare."""
        if self.status != "done":
            return self.status
        found = {compared.outcome for compared in self.outputs}
        return next((o for o in ("missing", "different", "unknown", "identical") if o in found), "done")


class Result(NamedTuple):
    """The whole."""

    target: str
    directory: bytes
    steps: tuple[StepResult, ...]
    target_step: str
    """Uid of the step that makes the target."""

    @property
    def wanted(self) -> list[Compared]:
        """What was compared of the target."""
        return [
            compared
            for step in self.steps
            for compared in step.outputs
            if compared.wanted and step.uid == self.target_step
        ]

    @property
    def identical(self) -> bool:
        """Whether the target is as it was recorded; one without outputs, whether its step ended as it did."""
        step = next((step for step in self.steps if step.uid == self.target_step), None)
        if step is None or step.status != "done":
            return False
        return all(compared.outcome == "identical" for compared in self.wanted)


def to_json(step: StepResult) -> dict[str, Any]:
    """A step's result as JSON has it."""
    value = step._asdict() | {"outcome": step.outcome}
    value["outputs"] = [
        {key: os.fsdecode(item) if isinstance(item, bytes) else item for key, item in compared._asdict().items()}
        for compared in step.outputs
    ]
    return value


def from_json(value: dict[str, Any]) -> StepResult:
    """The inverse of `to_json`.  Raises KeyError, TypeError and ValueError."""
    outputs = tuple(
        Compared(**{**item, "path": os.fsencode(item["path"]), "place": os.fsencode(item["place"])})
        for item in value["outputs"]
    )
    rest: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
    del rest["outcome"], rest["outputs"]
    return StepResult(**rest, outputs=outputs)
