"""The demo: the pipeline of examples/pipeline under roar, and what it says to try next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from package_builds import ROOT

PIPELINE = ROOT / "examples/pipeline"
EDGES = {
    "@B1": ({"standardise.c"}, {"standardise"}),
    "@1": (
        {"prepare.py", "dataset.py", "params.json", "standardise"},
        {"data/raw.csv", "data/standard.csv", "data/train.csv", "data/test.csv"},
    ),
    "@2": (
        {"train.py", "dataset.py", "model.py", "params.json", "data/train.csv"},
        {"results/model.npz", "results/loss.csv"},
    ),
    "@3": (
        {"evaluate.py", "dataset.py", "model.py", "data/test.csv", "results/model.npz"},
        {"results/scores.json"},
    ),
    "@4": (
        {"plot.py", "dataset.py", "model.py", "data/test.csv"}
        | {"results/model.npz", "results/loss.csv", "results/scores.json"},
        {"results/plot.svg"},
    ),
}
"""Step → what it reads and writes, as the pipeline's README says."""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ROAR_", "GIT_", "XDG_", "LD_"))}
    return {**kept, "HOME": str(home), "PATH": path}


@pytest.fixture(scope="module")
def demo(variables: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder after it ran twice."""
    folder = tmp_path_factory.mktemp("made") / "demo"
    for _ in range(2):
        done = subprocess.run(
            [PIPELINE / "demo.sh", folder],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "What to try next" in done.stdout
    return folder


def _roar(folder: Path, variables: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["roar", *words], cwd=folder, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.requirement("RUN-4", "RUN-5", "NORM-1", "NORM-4", "NORM-6")
@pytest.mark.parametrize("step", EDGES)
def test_the_demo_records_what_each_step_reads_and_writes(demo: Path, variables: Mapping[str, str], step: str) -> None:
    job = json.loads(_roar(demo, variables, "show", step, "--json").stdout)["job"]

    reads, writes = ({os.path.relpath(edge["path"], demo) for edge in job[kind]} for kind in ("inputs", "outputs"))
    assert (reads, writes) == EDGES[step]
    assert job["capture"]["verdict"] == "complete"
    assert all(edge["hashes"]["blake3"] for edge in (*job["inputs"], *job["outputs"]))


@pytest.mark.requirement("DIRTY-1", "SHOW-3")
def test_what_the_demo_says_to_try_next_works(demo: Path, variables: Mapping[str, str]) -> None:
    params = demo / "params.json"
    params.write_text(params.read_text().replace('"hidden": 24', '"hidden": 4'))
    refused = _roar(demo, variables, "run", "python", "train.py")
    subprocess.run(["git", "commit", "-qam", "A smaller model"], cwd=demo, env=variables, check=True)
    trained = _roar(demo, variables, "run", "python", "train.py")
    status = _roar(demo, variables, "status")
    with open(demo / "results/scores.json", "a") as scores:
        scores.write("edited\n")
    shown = _roar(demo, variables, "show", "results/scores.json")
    checked = _roar(demo, variables, "fsck", "--content")

    assert refused.returncode == 1
    assert "Git repository has uncommitted changes" in refused.stderr
    assert trained.returncode == 0, trained.stderr
    assert "stale" in status.stdout
    assert "(changed)" in shown.stdout
    assert "scores.json" in checked.stdout + checked.stderr


def test_the_demo_leaves_a_folder_alone_that_is_not_its_own(variables: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")

    done = subprocess.run([PIPELINE / "demo.sh", tmp_path], env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "not of this demo" in done.stderr
    assert (tmp_path / "notes").read_text() == "mine"
