"""No room: events are dropped and counted, the command goes on unharmed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roar_tracer_preload import arena
from roar_tracer_preload.arena import Arena
from roar_tracer_preload.tracer import arm

_MANY = "import os\nfor i in range({}): os.close(os.open('n%0200d' % i, os.O_CREAT | os.O_WRONLY))"


def _counts(path: str) -> tuple[int, int]:
    opened = Arena(path)
    told = sum(1 for _ in opened.records(True, lambda *_: True))
    dropped = opened.dropped
    opened.close()
    return told, dropped


@pytest.mark.requirement("TRC-8", "SAFE-2")
def test_an_arena_that_is_full_drops_and_counts(place: Path, journal: Path) -> None:
    armed = arm(journal, dict(os.environb))
    os.unlink(armed.arena)
    arena.create(armed.arena, 16 << 10)
    subprocess.run([sys.executable, "-S", "-c", _MANY.format(500)], cwd=place, env=armed.environment, check=True)
    told, dropped = _counts(armed.arena)
    assert told > 20
    assert told + dropped >= 500
    assert dropped > 300


@pytest.mark.requirement("SAFE-2")
def test_a_full_disk_harms_nobody(place: Path, tmp_path: Path) -> None:
    # a small file system in a mount namespace of its own; the arena is on it, the command's files are not
    small = tmp_path / "small"
    small.mkdir()
    script = (
        "import os, sys, subprocess\n"
        "from pathlib import Path\n"
        "from roar_tracer_preload.tracer import arm\n"
        "from roar_tracer_preload.arena import Arena\n"
        "armed = arm(Path(sys.argv[1]), dict(os.environb))\n"
        f"done = subprocess.run([sys.executable, '-S', '-c', {_MANY.format(8000)!r}], env=armed.environment)\n"
        "opened = Arena(armed.arena)\n"
        "told = sum(1 for _ in opened.records(True, lambda *_: True))\n"
        "print(done.returncode, told, opened.dropped)\n"
    )
    maps = [] if os.geteuid() == 0 else ["-r"]
    done = subprocess.run(
        ["unshare", *maps, "-m", "sh", "-c", 'mount -t tmpfs -o size=2500k none "$1" && exec "$2" -c "$3" "$1"', "sh",
         str(small), sys.executable, script],
        cwd=place, capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, told, dropped = map(int, done.stdout.split())
    assert code == 0
    assert told > 1000
    assert told + dropped >= 8000
    assert dropped > 1000


@pytest.mark.requirement("RUN-2")
def test_a_file_size_limit_of_the_command_kills_nobody(place: Path, journal: Path) -> None:
    armed = arm(journal, dict(os.environb))
    command = f'ulimit -f 1; exec {sys.executable} -S -c "$0"'
    done = subprocess.run(["sh", "-c", command, _MANY.format(8000)], cwd=place, env=armed.environment, check=False)
    assert done.returncode == 0
    told, dropped = _counts(armed.arena)
    assert told >= 8000
    assert dropped == 0


@pytest.mark.requirement("RUN-2")
def test_a_file_size_limit_of_roar_makes_a_smaller_arena(place: Path, journal: Path) -> None:
    script = "import os, sys\nfrom pathlib import Path\nfrom roar_tracer_preload.tracer import arm\narm(Path(sys.argv[1]), {})"
    command = f'ulimit -f 20000; exec {sys.executable} -c "$0" "$1"'
    subprocess.run(["sh", "-c", command, script, str(journal)], cwd=place, check=True)
    assert (journal / "arena").stat().st_size <= 20000 * 1024


def test_the_reader_is_small_whatever_the_arena_holds(place: Path, journal: Path) -> None:
    import tracemalloc

    armed = arm(journal, dict(os.environb))
    subprocess.run([sys.executable, "-S", "-c", _MANY.format(20000)], cwd=place, env=armed.environment, check=True)
    tracemalloc.start()
    told, _ = _counts(armed.arena)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told >= 20000
    assert peak < 4 << 20
