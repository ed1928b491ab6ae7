"""NORM-5: what the shell opened for a command counts as if the command had opened it."""

from __future__ import annotations

import hashlib
import os

import pytest
from e2e.acting import ROAR, Workspace

RUN = f"{' '.join(ROAR)} run -q "


def edges(workspace: Workspace, line: str) -> tuple[set[str], set[str]]:
    done = workspace.bash(line.replace("@ ", RUN))
    assert done.returncode == 0, done.stderr
    job = workspace.last_job()
    return tuple({os.path.basename(edge["path"]) for edge in job[kind]} for kind in ("inputs", "outputs"))  # type: ignore[return-value]


@pytest.mark.requirement("NORM-5")
@pytest.mark.parametrize(
    ("line", "inputs", "outputs"),
    [
        ("@ cat < README > out.a", {"README"}, {"out.a"}),
        ("@ head -c 1 < README > /dev/null", {"README"}, set()),
        ("@ sh -c 'echo x' >> out.c", set(), {"out.c"}),
        ("echo old > out.d; @ sh -c 'echo x' >> out.d", {"out.d"}, {"out.d"}),
        ("echo old > out.e; @ true >> out.e", set(), set()),
        ("@ sh -c 'cat <&5 >&6' 5< README 6> out.f", {"README"}, {"out.f"}),
        ("echo old > out.g; @ sh -c 'read x <&5; echo \"$x\"' 5<> out.g", {"out.g"}, set()),
        ("@ python3 -c 'import os; os.pread(0, 5, 0)' < README", set(), set()),
    ],
)
def test_what_the_shell_opened_is_recorded(shared: Workspace, line: str, inputs: set[str], outputs: set[str]) -> None:
    assert edges(shared, line) == (inputs, outputs)


@pytest.mark.requirement("NORM-5", "HASH-2")
def test_an_output_of_the_shell_has_the_digest_of_the_commands_bytes_alone(shared: Workspace) -> None:
    edges(shared, "@ sh -c 'echo one; echo two >&2' > out.i 2>&1")
    [output] = shared.last_job()["outputs"]
    assert output["hashes"]["sha256"] == hashlib.sha256(b"one\ntwo\n").hexdigest()
