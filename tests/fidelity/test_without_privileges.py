"""The same as an ordinary user: from root all privileges are taken, as the kernel sees it."""

from __future__ import annotations

import os

import pytest
from fidelity.lines import Lines, as_bare_or_told, cases
from fidelity.test_surroundings import compare
from fidelity.tracers import Tracer, excused

DROP = "" if os.geteuid() else "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all "
"""Stands before a command that is to have no privileges."""
LINES = {
    "exits": "for n in 0 3 255; do {drop}@ sh -c \"exit $n\"; echo $?; done; {drop}@ sh -c 'kill -9 $$'; echo $?",
    "streams": "echo a | {drop}@ cat | {drop}@ sort; {drop}@ sh -c 'cat README; echo x > made; cat made >&2'",
    "a file that it may not read": "chmod 0 plain; {drop}@ cat plain; echo $?; chmod 644 plain",
    "processes": "{drop}@ processes starts; {drop}@ processes orphan; {drop}@ processes clones",
    "threads": "{drop}@ threads open; {drop}@ threads exec | tail -n +3",
    "signals": "{drop}@ signals info",
    "a debugger": "{drop}@ debugger attach",
    "a sandbox": "{drop}@ sandbox errno; {drop}@ sandbox trap; {drop}@ sandbox landlock",
    "a program that nobody may read": "cp $(command -v who-am-i) w; chmod 111 w; {drop}@ sh -c './w; echo $?'; rm -f w",
    "limits": "ulimit -n 64; {drop}@ limits descriptors; {drop}@ sh -c 'ulimit -St 1; limits time'; echo $?",
}
SET_ID = {
    "a setuid program": "cp $(command -v who-am-i) w; chown 65534:65534 w; chmod 6755 w; {drop}@ ./w; echo $?; rm w",
}


def filled(table: dict[str, str]) -> dict[str, str]:
    return {name: line.format(drop=DROP) for name, line in table.items()}


@pytest.mark.requirement("RUN-2", "RUN-3", "TRC-8")
@cases(filled({**LINES, **({} if os.geteuid() else SET_ID)}))
def test_it_goes_as_without_roar_or_the_verdict_says_so(lines: Lines, tracer: Tracer, line: str) -> None:
    as_bare_or_told(lines, tracer, line, privileged=False)


@pytest.mark.requirement("RUN-2")
@cases({"plainly": f"{DROP}@ world", "in a shell": f"{DROP}@ sh -c 'world; exit 3'"})
def test_a_process_finds_itself_as_without_roar(lines: Lines, tracer: Tracer, line: str) -> None:
    compare(lines, tracer, line, excused(tracer, privileged=False), privileged=False)
