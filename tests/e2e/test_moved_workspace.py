"""A workspace that was moved or copied: it works as before, and speaks of its own files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Workspace
from e2e.acting import make_repository

QUESTIONS = (
    "show out.csv", "show data/part/a", "lineage out.csv", "lineage data/raw --down", "log --path data/", "log --path sub/..",
    "inputs out.csv", "dag", "dag --show-artifacts", "status", "verify", "diff @1 @2", "label show out.csv", "fsck",
    "reproduce out.csv --dry-run -o /nowhere/new",
)  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three steps, of which one was called by its absolute path and one reads a file outside; only to be copied."""
    place = tmp_path_factory.mktemp("moved")
    made = make_repository(place, os.environ)
    workspace = Workspace(made.root, made.env)
    (place / "outside").write_text("o\n")
    workspace.commit({
        "up.py": "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read().upper())\n",
        ".gitignore": "*.csv\ndata/\nhome/\n",
    })  # fmt: skip
    workspace.write({"data/raw": "raw\n", "data/part/a": "a\n", "sub/.keep": ""})
    workspace.commit()
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    workspace.roar("run", "sh", "-c", "cat ../data/raw ../data/part/a > ../mid.csv", cwd=workspace.root / "sub")
    workspace.roar("run", sys.executable, f"{workspace.root}/up.py", "mid.csv", "out.csv")
    workspace.roar("run", "sh", "-c", "cat ../outside mid.csv > end.csv")
    workspace.roar("label", "set", "out.csv", "best")
    return workspace


@pytest.fixture
def original(recorded: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the test's own, beside which there is nothing."""
    root = tmp_path.resolve() / "first" / "repo"
    shutil.copytree(recorded.root.parent, root.parent, symlinks=True)
    return Workspace(root, recorded.env)


def moved(workspace: Workspace, name: str = "far/away") -> Workspace:
    """The workspace at another place, and nothing where it was."""
    root = workspace.root.parent.parent / name
    root.parent.mkdir(parents=True, exist_ok=True)
    workspace.root.rename(root)
    return Workspace(root, workspace.env)


def asked(workspace: Workspace, question: str) -> str:
    """What roar says, on either stream."""
    done = workspace.roar(*question.split(), ok=False)
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def outputs(workspace: Workspace, ref: str) -> dict[str, str]:
    """The outputs of a step, relative to the root, and how each is on disk."""
    return {os.path.relpath(one["path"], workspace.root): one["state"] for one in workspace.job(ref)["outputs"]}


@pytest.mark.requirement("SHOW-1", "SHOW-2", "SHOW-3", "SHOW-5", "SHOW-6", "SHOW-7", "GIT-1")
def test_every_command_says_after_a_move_what_it_said_before(recorded: Workspace, tmp_path: Path) -> None:
    before = {question: asked(recorded, question) for question in QUESTIONS}
    assert "(missing)" not in before["status"] and "best" in before["label show out.csv"]
    then = recorded.job("@1")
    away = tmp_path.resolve() / "away"
    recorded.root.rename(away)
    try:
        here = Workspace(away, recorded.env)
        after = {question: asked(here, question) for question in QUESTIONS}
        now = here.job("@1")
        pages = [here.roar("show", ref).stdout for ref in ("@1", "@2")]
        old = here.roar("show", f"{recorded.root}/out.csv", ok=False)
    finally:
        away.rename(recorded.root)
    names = {str(away): str(recorded.root)}
    for question, text in after.items():
        assert text.replace(*next(iter(names.items()))) == before[question], question
    root, was = str(away), str(recorded.root)
    assert (then["git"]["root"], then["git"]["recorded_root"]) == (was, None)
    assert (now["git"]["root"], now["git"]["recorded_root"], now["cwd"]) == (root, was, f"{root}/sub")
    assert {one["path"] for one in now["outputs"]} == {f"{root}/mid.csv"}
    assert f"Directory  {root}/sub\n           {was}/sub when it ran\n" in pages[0]
    assert f"Directory  {root}\n           {was} when it ran\n" in pages[1]
    assert old.returncode == 1 and "It was recorded at another path: out.csv (@2)" in old.stderr


@pytest.mark.requirement("SHOW-3", "SHOW-6")
def test_a_copy_speaks_of_its_own_files_and_touches_no_others(original: Workspace) -> None:
    root = original.root.with_name("copy")
    subprocess.run(["cp", "-a", original.root, root], check=True)
    copy = Workspace(root, original.env)
    copy.write({"mid.csv": "other\n"})
    assert "Stale: 2\n" in asked(copy, "status") and "mid.csv" in asked(copy, "verify")
    assert "Stale" not in asked(original, "status")
    assert "Removed 1 output." in copy.roar("pop", "-y", "--outputs").stdout
    assert not (root / "end.csv").exists() and (original.root / "end.csv").exists()
    assert [outputs(original, ref) for ref in ("@1", "@3")] == [{"mid.csv": "present"}, {"end.csv": "present"}]


@pytest.mark.requirement("REP-1", "REP-2", "REP-5", "RUN-8", "SHOW-5")
def test_steps_are_run_again_where_the_workspace_is_and_not_where_it_was(original: Workspace) -> None:
    original.roar("run", "@2")
    copy = original.root.with_name("copy")
    subprocess.run(["cp", "-a", original.root, copy], check=True)
    here = Workspace(copy, original.env)
    script = original.root / "up.py"
    script.write_text("raise SystemExit('the one of the other place')\n")
    assert here.roar("run", "--check", "@4").stdout.startswith("@4 deterministic")
    assert here.roar("reproduce", "out.csv", "-o", "../new").stdout.startswith("out.csv: identical\n")
    here.roar("run", "@4")
    assert here.job("@5")["command"][1] == f"{copy}/up.py"
    assert "2 earlier runs of these steps not shown" in here.roar("dag").stdout
    assert original.root.joinpath("out.csv").read_text() == "RAW\nA\n"


@pytest.mark.requirement("REP-5")
def test_a_script_that_names_the_former_place_is_not_run_again(original: Workspace) -> None:
    original.commit({"fixed.sh": f"echo x > {original.root}/fixed.csv\n"})
    original.roar("run", "sh", "fixed.sh")
    root = original.root.with_name("copy")
    subprocess.run(["cp", "-a", original.root, root], check=True)
    before = (original.root / "fixed.csv").stat()
    done = Workspace(root, original.env).roar("reproduce", "fixed.csv", "-o", "../new", ok=False)
    assert done.returncode == 1
    assert f"fixed.sh names {original.root}: the step would work there, not here" in done.stdout + done.stderr
    assert (original.root / "fixed.csv").stat() == before


@pytest.mark.requirement("SHOW-6", "NORM-6")
def test_steps_of_several_places_hang_together_and_links_lead_to_the_workspace(original: Workspace) -> None:
    original.roar("run", "sh", "-c", "echo made > made")
    second = moved(original)  # where what git doesn't know is a step's still, and no reason to refuse
    second.roar("run", "sh", "-c", ": > empty.csv; cat out.csv > second.csv")
    third = moved(second, "third")
    second.root.mkdir()
    other = second.root / "second.csv"
    other.write_text("another project's\n")
    third.roar("run", "sh", "-c", f"cat second.csv empty.csv {other} > third.csv")
    link = third.root.with_name("link")
    link.symlink_to(third.root)
    through = Workspace(link, third.env)
    lineage = json.loads(through.roar("lineage", "third.csv", "--json").stdout)
    assert [job["ref"] for job in lineage["up"]["jobs"]] == ["@6", "@5", "@2", "@1"]
    assert str(other) in through.roar("inputs", "third.csv").stdout
    shown = json.loads(through.roar("show", str(other), "--json").stdout)["artifact"]
    assert [job["ref"] for job in shown["used_by"]] == ["@6"]
    assert "Stale" not in asked(through, "status") and "issing" not in asked(through, "status")


@pytest.mark.requirement("RUN-6", "SAFE-1", "SHOW-3")
def test_a_run_whose_workspace_moved_meanwhile_is_recorded_with_the_files_where_they_are(original: Workspace) -> None:
    root = original.root
    line = f"cat mid.csv > {root}/early.csv; mv {root} {root}.moved; cat {root}.moved/mid.csv > {root}.moved/late.csv; exit 3"
    done = original.roar("run", "sh", "-c", line, ok=False)
    assert done.returncode == 3
    here = Workspace(root.with_name("repo.moved"), original.env)
    job = here.job("@4")
    assert (job["exit_code"], job["cwd"], job["git"]["recorded_root"]) == (3, str(here.root), str(root))
    assert here.names(job["inputs"]) == {"mid.csv"}
    assert outputs(here, "@4") == {"early.csv": "present", "late.csv": "present"}
