"""How long the eBPF tracer takes until it sees: by roar's own privileges, and by the helper that ordinary users have."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.startup import PYTHON_MS, Figure
from bench.timing import CommandFailed
from bench.workloads import Place

TARGETS_MS = {"own privileges": 60, "the helper": 80}
PACKAGE = "roar-tracer-ebpf"
WHEEL_TARGET_BYTES = 200_000
_NOBODY = "65534"
_AS_USER = (
    "setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups",
    # an interpreter in root's home must still be found; for BPF these two are no help
    "--inh-caps=+dac_override,+dac_read_search", "--ambient-caps=+dac_override,+dac_read_search", "--",
)  # fmt: skip
_PROGRAM = """
import subprocess, sys, tempfile, time
from pathlib import Path
from roar_tracer_ebpf.drainer import Drainer
from roar_tracer_ebpf.refusal import Refused
for _ in range(int(sys.argv[1])):
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        drainer = Drainer.start(Path(folder, "events"))
        try:
            drainer.armed()
        except Refused as refused:
            sys.exit(f"{refused.error} {refused.step}")
        armed_s = time.perf_counter() - began
        drainer.close()
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    print(armed_s, time.perf_counter() - began)
"""


def measure(place: Place, runs: int) -> list[Figure]:
    """Durations from `Tracer.start` until the probe is armed; at least 20 of each way that can be had here.

    The targets are scaled as those of the start-up are, by the start of an interpreter, which takes turns with the arming.

    Raises:
        CommandFailed: it can't be armed.
    """
    from roar_tracer_ebpf import privileges
    from roar_tracer_ebpf.install import find_helper

    ways: dict[str, tuple[str, ...]] = {"own privileges": ()} if privileges.suffice() else {}
    if find_helper() is not None:
        ways["the helper"] = _AS_USER if os.geteuid() == 0 else ()
    figures = []
    for way, prefix in ways.items():
        words = (*prefix, sys.executable, "-c", _PROGRAM, str(max(runs, 20)))
        done = subprocess.run(words, cwd="/", env=place.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"not armed by {way}: {done.stderr.strip().rpartition(chr(10))[2]}")
        pairs = [[float(word) * 1e3 for word in line.split()] for line in done.stdout.splitlines()]
        times_ms, pythons_ms = (sorted(column) for column in zip(*pairs, strict=True))
        target_ms = TARGETS_MS[way] * pythons_ms[0] / PYTHON_MS
        figures.append(Figure(f"arming ebpf by {way}", times_ms[0], times_ms[len(times_ms) // 2], target_ms))
    return figures


def wheel_bytes(sources: Path) -> int:
    """The size of the tracer's wheel, built from a checkout.

    Raises:
        CommandFailed: it can't be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, str(sources / PACKAGE)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailed(f"no wheel of {PACKAGE}: {done.stdout[-500:]}{done.stderr[-500:]}")
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.stat().st_size
