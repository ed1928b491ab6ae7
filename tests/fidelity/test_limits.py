"""Limits hold for the command alone, at the same point as without roar; what roar and the tracer use is not counted."""

from __future__ import annotations

import os

import pytest
from fidelity.lines import Lines, cases, told
from fidelity.tracers import Tracer, inside

LIMITS = {
    "descriptors": "ulimit -n 20; @ limits descriptors",
    "descriptors, many": "ulimit -n 1000; @ limits descriptors",
    "a small table of descriptors": "ulimit -n 12; @ sh -c 'cat README; (cat README | cat); exit 4'; echo $?",
    "descriptors, lowered in it": "@ sh -c 'ulimit -n 8; limits descriptors'",
    "the size of a file": "ulimit -f 8000; @ limits file; echo $?",
    "the size of a file, without the signal": "ulimit -f 8000; @ limits file 1; echo $?",
    "the size of a file, while much is opened": "ulimit -f 8000; @ limits files 1000; @ limits file; echo $?",
    "the size of a file, in it": "@ sh -c 'ulimit -f 2; limits files 1000; limits file; echo $?'",
    "processor time": "ulimit -St 1; @ limits time; echo $?",
    "processor time that the command does not use": "ulimit -St 1; @ limits opens 40000; echo $?",
    "memory": "ulimit -v 1000000; @ limits memory",
    "memory, in it": "@ sh -c 'ulimit -v 100000; limits memory'",
    "the stack": "ulimit -s 128; @ cat README; echo $?",
    "locked memory": "ulimit -l 0; @ cat README; echo $?",
    "queued signals": "ulimit -i 0; @ sh -c 'cat README; kill -USR1 $$'; echo $?",
}


@pytest.mark.requirement("RUN-2", "RUN-3")
@cases(LIMITS)
def test_limits_are_the_commands_own(lines: Lines, tracer: Tracer, line: str) -> None:
    bare, traced = lines.both(tracer, line)
    refused = inside(tracer, line)
    if refused is not None:
        assert refused.verdict.encode() in traced.stderr
        return
    without_roars = traced._replace(stderr=b"".join(map(commands_own, traced.stderr.splitlines(keepends=True))))
    assert not told(bare, without_roars), f"{line}\n{told(bare, without_roars)}\n{traced.stderr!r}"


def commands_own(text: bytes) -> bytes:
    """A line of stderr; empty when roar says in it that the run could not be recorded within the limits."""
    said = (b"Error: ", b"Check ", b"Free some ", b"What was seen ")
    return b"" if text.startswith(said) else text


PROCESSES = "ulimit -u $(($(ps -Lu $(id -u) -o pid= | wc -l) + 60)); @ sh -c 'cat README; (exit 3); exit $?'; echo $?"


@pytest.mark.requirement("RUN-2")
def test_roar_needs_few_processes(lines: Lines, tracer: Tracer) -> None:
    bare, traced = lines.both(tracer, PROCESSES)
    assert (bare.code, bare.stdout) == (traced.code, traced.stdout) == (0, b"one\ntwo\nthree\n3\n"), os.geteuid()
