"""What is known to be otherwise under roar is so: a line that has become as without roar belongs to the others."""

from __future__ import annotations

import pytest
from fidelity.lines import BARE, Lines
from fidelity.terminal import Terminal
from fidelity.tracers import KNOWN_LINES, Line, Tracer


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("known", list(KNOWN_LINES.values()), ids=list(KNOWN_LINES))
def test_a_known_difference_is_there(lines: Lines, tracer: Tracer, known: Line) -> None:
    bare, traced = lines.both(tracer, known.line)
    assert (bare.stdout, traced.stdout[: len(known.traced)]) == (known.bare, known.traced), known.reason


@pytest.mark.requirement("RUN-3")
def test_ctrl_c_ends_one_command_of_a_script_but_not_the_script(lines: Lines, way: Tracer) -> None:
    """A shell ends its script when a command dies of SIGINT; roar exits with 130 instead, which says the same to `$?` alone."""
    script = f'{lines.text(way, "@ ")}sh -c "echo re"ady"; exec sleep 100"; echo then'
    with Terminal(lines.workspace.root, lines.env()) as terminal:
        terminal.type(f"bash -c '{script}'\n")
        terminal.expect("ready")
        terminal.type(b"\x03")
        said, code = terminal.prompt()
    assert (said.split(), code) == (([], 130) if way is BARE else (["then"], 0))
