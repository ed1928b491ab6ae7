"""Why steps are stale, in words."""

from __future__ import annotations

from collections.abc import Callable

from roar.lineage.graph import Graph
from roar.lineage.staleness import Health
from roar.render.steps import job_ref

_SHOWN = 3


def stale_reasons(health: Health, graph: Graph, name: Callable[[bytes], str]) -> list[str]:
    """One clause a reason: ``train.csv changed since``, ``code train.py changed since``, ``@1 wrote train.csv again``, ``@1 is stale``.

    Args:
        health: of the step.
        graph: that the step is in.
        name: how a path is printed.
    """

    def ref(number: int) -> str:
        return job_ref(graph.steps[number].job, graph.session.id)

    clauses: list[str] = []
    for reason in health.stale:
        if reason.cause == "changed":
            clauses.append(f"{name(reason.path)} changed since")
        elif reason.cause == "code":
            clauses.append(f"code {name(reason.path)} changed since")
        elif reason.cause == "rewritten":
            clauses.append(f"{ref(reason.by)} wrote {name(reason.path)} again")
        else:
            clauses.append(f"{ref(reason.by)} is stale")
    return clauses


def stale_text(clauses: list[str]) -> str:
    """The first few of them in one line."""
    more = len(clauses) - _SHOWN
    return ", ".join(clauses[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
