"""Floods: everything is seen, or what was not is counted to the last record, and the verdict tells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ebpf.common.ways import Fast, TinyRing

from roar.testing.tracer import Ground
from roar_tracer_ebpf.journal import Counters, Journal
from roar_tracer_ebpf.tracer import EbpfTracer

sys.path.append(str(Path(__file__).parents[1] / "ptrace/common"))
import surroundings

pytestmark = pytest.mark.requirement("TRC-8", "SAFE-2")

HERE = Path(__file__).parent
_MANY, _SOME = 100_000, 20_000


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of common/odd.c."""
    program = tmp_path_factory.mktemp("odd") / "odd"
    subprocess.run(["cc", "-O1", "-pthread", "-o", program, HERE / "common/odd.c"], check=True)
    return program


@pytest.fixture
def memory() -> Iterator[Path]:
    """A file system in memory, for many small files."""
    folder = Path(tempfile.mkdtemp(prefix="roar-flood-", dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def _counters(ground: Ground) -> Counters:
    journal = Journal(ground.journal)
    counters = journal.counters()
    journal.close()
    return counters


def _records(ground: Ground) -> int:
    journal = Journal(ground.journal)
    found = sum(1 for _ in journal.records())
    journal.close()
    return found


def test_of_a_hundred_thousand_files_all_are_seen_or_the_rest_is_counted(
    odd: Path, memory: Path, tmp_path: Path
) -> None:
    ground = Ground(Fast, tmp_path)
    driven = ground.run(str(odd), "flood", str(_MANY), str(memory))[0]
    assert driven.exit is not None and driven.exit.code == 0
    assert driven.coverage is not None
    seen = sum(path.startswith(os.fsencode(memory) + b"/flood-") for path in driven.outputs)
    assert seen + driven.coverage.dropped == _MANY
    assert seen > _MANY // 2, "the ring is drained while the command runs"
    counters = _counters(ground)
    assert counters.emitted == _records(ground)
    assert counters.drops == driven.coverage.dropped


def test_what_a_ring_that_is_full_loses_is_counted_exactly_and_told(odd: Path, memory: Path, tmp_path: Path) -> None:
    """Nobody drains it while the command runs: whoever does is stopped by the command itself."""
    ground = Ground(TinyRing, tmp_path)
    line = f"""
        drainer=; for p in /proc/[0-9]*; do
            read -r name < $p/comm && test "$name" = roar-ebpf && grep -q "^PPid:.$PPID$" $p/status && drainer=${{p#/proc/}}
        done 2> /dev/null
        kill -STOP $drainer; {odd} flood {_SOME} {memory}; kill -CONT $drainer"""
    driven = ground.sh(line)
    assert driven.exit is not None and driven.exit.code == 0
    assert driven.coverage is not None
    seen = sum(path.startswith(os.fsencode(memory) + b"/flood-") for path in driven.outputs)
    dropped = driven.coverage.dropped
    assert 0 < seen < _SOME and dropped > 0
    # what came after the flood's last file may have been lost as well: the end of the flood, of the shell's `kill`
    assert _SOME <= seen + dropped <= _SOME + 10
    counters = _counters(ground)
    assert counters.drops == dropped
    assert counters.emitted == _records(ground)


def test_what_a_full_disk_loses_is_counted_and_told(odd: Path, memory: Path, tmp_path: Path) -> None:
    ground = Ground(EbpfTracer, tmp_path)
    steps = surroundings.each(surroundings.own_mounts, surroundings.tmpfs(ground.journal, "size=128k"))
    driven = ground.run(str(odd), "flood", "5000", str(memory), preexec_fn=steps)[0]
    assert driven.exit is not None and driven.exit.code == 0, "the command doesn't notice"
    assert driven.coverage is not None
    seen = sum(path.startswith(os.fsencode(memory) + b"/flood-") for path in driven.outputs)
    assert 0 < seen < 5000
    assert 5000 <= seen + driven.coverage.dropped <= 5010
