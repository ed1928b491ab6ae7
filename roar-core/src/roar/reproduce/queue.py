"""Which steps can be run next: those whose predecessors are over, in the order of the plan."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Sequence

from roar.reproduce.plan import Step


class Queue:
    """The steps that are not over.

    Args:
        steps: of the plan, in its order.
        done: ids of those that are over already.
    """

    def __init__(self, steps: Sequence[Step], done: Collection[int]) -> None:
        self._steps = [step for step in steps if step.job.id not in done]
        self._place = {step.job.id: number for number, step in enumerate(self._steps)}
        self._waits_for = {step.job.id: len(step.after & self._place.keys()) for step in self._steps}
        self._followers: dict[int, list[int]] = {}
        for step in self._steps:
            for before in step.after & self._place.keys():
                self._followers.setdefault(before, []).append(step.job.id)
        self._due = [self._place[job_id] for job_id, count in self._waits_for.items() if not count]

    def __bool__(self) -> bool:
        return bool(self._due)

    def due(self) -> list[Step]:
        """The steps that nothing keeps from being run, first those that are first in the plan."""
        return [self._steps[number] for number in self._due]

    def take(self, step: Step) -> None:
        """A step is begun."""
        self._due.remove(self._place[step.job.id])

    def over(self, step: Step) -> None:
        """A step is over: those that waited for it may be due."""
        for follower in self._followers.get(step.job.id, ()):
            self._waits_for[follower] -= 1
            if not self._waits_for[follower]:
                insort(self._due, self._place[follower])
