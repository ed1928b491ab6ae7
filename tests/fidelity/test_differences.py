"""What is known to be otherwise under roar is so: a line that has become as without roar belongs to the others."""

from __future__ import annotations

import pytest
from fidelity.lines import Lines
from fidelity.tracers import KNOWN_LINES, Line, Tracer


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("known", list(KNOWN_LINES.values()), ids=list(KNOWN_LINES))
def test_a_known_difference_is_there(lines: Lines, tracer: Tracer, known: Line) -> None:
    bare, traced = lines.both(tracer, known.line)
    assert (bare.stdout, traced.stdout[: len(known.traced)]) == (known.bare, known.traced), known.reason
