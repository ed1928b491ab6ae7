"""The benchmark: ``python -m bench [--runs N] [NAME …]``, or ``make bench``.  See README.md beside."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import arming, beside, history_answers, overhead, report, scale, startup
from bench.timing import CommandFailed
from bench.workloads import WORKLOADS, Place, lay_out

OTHERS = {
    "startup": "roar --version, roar run true, one more Python process",
    "inputs": "25 000 to 100 000 input files: time after the command's end, memory",
    "at-once": "64 runs at once",
    "history": "a million jobs: show, lineage and dag of one artifact, roar log | head",
    "flood": "100 000 new files: how many are recorded",
    "beside": "what an untraced process pays before, during and after a run; memory",
    "arming": "how long the eBPF tracer takes to be ready; size of its wheel",
}
TRACERS = ("preload", "ptrace", "ebpf")
WAYS = {"alone": (overhead.ALONE,), "run": (overhead.WHOLE,), "both": overhead.WAYS}


def _arguments() -> argparse.Namespace:
    names = "\n".join(
        f"  {name:9} {what}" for name, what in [*((name, one.what) for name, one in WORKLOADS.items()), *OTHERS.items()]
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures what roar costs, in turns with the untraced command.",
        epilog=f"names:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-n", "--runs", type=int, default=7, help="executions of each command (7)")
    parser.add_argument("-t", "--tracer", action="append", metavar="NAME", help=f"repeatable; {', '.join(TRACERS)}")
    parser.add_argument("--plugins", type=Path, metavar="DIR", help="has distributions of further tracers")
    parser.add_argument("--only", choices=WAYS, default="both", help="the tracer alone, the whole roar run, or both")
    parser.add_argument("--folder", type=Path, help="where the workloads are laid out; the temporary directory")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all of it by default")
    given = parser.parse_args()
    unknown = set(given.names) - {*WORKLOADS, *OTHERS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join([*WORKLOADS, *OTHERS])}")
    if given.runs < 1:
        parser.error("--runs is at least 1")
    given.names = given.names or [*WORKLOADS, *OTHERS]
    given.tracers = list(dict.fromkeys(given.tracer or TRACERS))
    return given


def main() -> int:
    """Measures and prints; 1 when a tracer isn't ready or a workload failed."""
    given = _arguments()
    root = Path(tempfile.mkdtemp(prefix="roar-bench-", dir=given.folder)).resolve()
    try:
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {given.runs} runs", flush=True)
        place = lay_out(root / "work", given.plugins)
        for tracer in tuple(given.tracers):
            try:
                _check(place, tracer)
            except CommandFailed as error:
                if given.tracer:  # it was asked for
                    raise
                given.tracers.remove(tracer)
                print(f"{tracer}: not measured: {str(error).splitlines()[0]}", flush=True)
        _measure(place, given)
    except CommandFailed as error:
        print(f"A workload failed: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


def _check(place: Place, tracer: str) -> None:
    """Tries a tracer before anything is measured, and shows the way in which it works here."""
    words = [place.roar, "tracer", "check", tracer]
    done = subprocess.run(words, cwd=place.root, env=place.env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(done.stderr.strip() or done.stdout.strip())
    print(f"{tracer}:", *(f"  {line}" for line in done.stdout.splitlines()), sep="\n", flush=True)


def _measure(place: Place, given: argparse.Namespace) -> None:
    rows: list[overhead.Row] = []
    for name in given.names:
        if name in WORKLOADS:
            if not rows:
                print(report.OVERHEAD_HEAD)
            rows.append(overhead.measure(name, place, given.runs, given.tracers, WAYS[given.only]))
            print(*report.overhead_lines(rows[-1]), sep="\n", flush=True)
    if rows:
        print(*report.mean_lines(rows), sep="\n", flush=True)
    if "startup" in given.names:
        print(*report.startup_lines(startup.measure(place, given.runs, given.tracers)), sep="\n", flush=True)
    if "history" in given.names:
        print(*report.history_lines(history_answers.measure(place, given.runs)), sep="\n", flush=True)
    for tracer in given.tracers:
        if "inputs" in given.names:
            found = scale.inputs(place, min(given.runs, 3), tracer)
            print(*report.inputs_lines(tracer, found), sep="\n", flush=True)
        if "at-once" in given.names:
            print(report.at_once_line(tracer, scale.at_once(place, tracer)), flush=True)
        if "flood" in given.names:
            print(report.flood_line(tracer, scale.flood(place, tracer)), flush=True)
        if "beside" in given.names:
            print(*report.beside_lines(tracer, *beside.measure(place, given.runs, tracer)), sep="\n", flush=True)
    if "arming" in given.names and "ebpf" in given.tracers:
        print(*report.startup_lines(arming.measure(place, given.runs)), sep="\n", flush=True)
        print(report.wheel_line(arming.wheel_bytes(Path(__file__).parents[1])), flush=True)


if __name__ == "__main__":
    sys.exit(main())
