"""What a program is, told from its head, by the runner; the shim's own look is tested by the capture suite."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roar.api.events import Blind, Kind
from roar_tracer_preload.events import SANITIZER
from roar_tracer_preload.program import examine
from roar_tracer_preload.rawcalls import calls_kernel

Compiled = Callable[..., Path]
_PLAIN = "int main(void) { return 0; }"
pytestmark = pytest.mark.requirement("TRC-8")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [((), ""), (("-static",), Blind.STATIC), (("-fsanitize=address",), SANITIZER), (("-no-pie",), "")],
)
def test_programs_of_the_compiler(flags: tuple[str, ...], reason: str, compiled: Compiled) -> None:
    assert examine(os.fsencode(compiled(_PLAIN, *flags))).reason == reason


def test_a_script_is_what_its_interpreter_is(tmp_path: Path, compiled: Compiled) -> None:
    static = compiled(_PLAIN, "-static")
    script = tmp_path / "script"
    script.write_text(f"#! {static} -x\n")
    first = examine(os.fsencode(script))
    assert first.reason == Blind.STATIC
    assert [(e.kind, e.path) for e in first.events] == [
        (Kind.EXEC, os.fsencode(script)),
        (Kind.OPEN, os.fsencode(static)),
    ]
    assert first.events[0].reason == Blind.STATIC


def test_a_script_that_is_its_own_interpreter_ends(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!{script}\n")
    assert len(examine(os.fsencode(script)).events) <= 7


def test_what_is_not_there_is_left_to_execve(tmp_path: Path) -> None:
    assert examine(os.fsencode(tmp_path / "none")) == ((), "")


def test_a_setuid_program_of_another_user(tmp_path: Path, compiled: Compiled) -> None:
    program = tmp_path / "program"
    shutil.copy(compiled(_PLAIN), program)
    program.chmod(0o4755)
    other = os.geteuid() == 0
    if other:
        os.chown(program, 65534, 65534)
        program.chmod(0o4755)
    assert examine(os.fsencode(program)).reason == (Blind.SETUID if other else "")


@given(st.lists(st.tuples(st.integers(0, 1200), st.binary(min_size=1, max_size=8)), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_programs_make_nothing_fail(
    tmp_path: Path, compiled: Compiled, damage: list[tuple[int, bytes]]
) -> None:
    content = bytearray(compiled(_PLAIN).read_bytes())
    for at, piece in damage:
        content[at : at + len(piece)] = piece
    program = tmp_path / "program"
    program.write_bytes(content)
    examine(os.fsencode(program))
    calls_kernel(os.fsencode(program))
