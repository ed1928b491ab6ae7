"""Which workspace a directory belongs to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from roar.api.errors import NotInitialized, RoarError
from roar.workspace.find import find
from roar.workspace.init import initialise


@pytest.mark.requirement("INIT-1")
def test_a_directory_deep_inside_belongs_to_the_workspace_above(repository: Any) -> None:
    made = initialise(repository.root).workspace
    deep = repository.root / "a" / "b"
    deep.mkdir(parents=True)
    assert find(deep) == made
    assert made.runs_dir == repository.root / ".roar" / "runs"
    assert made.config_path == repository.root / ".roar" / "config.toml"


@pytest.mark.requirement("INIT-3")
def test_without_a_workspace_the_error_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(NotInitialized) as caught:
        find(tmp_path)
    assert caught.value.message == "roar is not initialized in this directory."
    assert "roar init" in str(caught.value.fix)


@pytest.mark.requirement("INIT-3")
@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_something_else_called_roar_is_no_workspace(tmp_path: Path, kind: str) -> None:
    if kind == "file":
        (tmp_path / ".roar").write_text("")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / ".roar").symlink_to("elsewhere")
    else:
        (tmp_path / ".roar").mkdir()  # with neither .git beside it nor a marker in it: some other program's
    with pytest.raises(NotInitialized):
        find(tmp_path)


@pytest.mark.requirement("INIT-1")
def test_a_nested_clone_is_not_recorded_under_the_commit_of_the_repository_around_it(repository: Any) -> None:
    initialise(repository.root)
    nested = repository.root / "vendor" / "clone"
    nested.mkdir(parents=True)
    repository.sh("git", "init", "-q", str(nested))
    with pytest.raises(NotInitialized):
        find(nested)


@pytest.mark.requirement("INIT-1")
def test_a_linked_worktree_inside_the_repository_needs_its_own_init(repository: Any) -> None:
    initialise(repository.root)
    worktree = repository.root / "trees" / "one"
    repository.sh("git", "worktree", "add", "-q", str(worktree))
    with pytest.raises(NotInitialized):
        find(worktree)
    assert initialise(worktree).workspace.root == worktree
    assert find(worktree).root == worktree


@pytest.mark.requirement("INIT-1", "DIRTY-1")
def test_a_submodule_belongs_to_the_repository_above_it(repository: Any, submodule: Path) -> None:
    initialise(repository.root)
    assert find(submodule).root == repository.root


@pytest.mark.requirement("INIT-1", "NORM-6")
def test_the_root_is_canonical_also_when_reached_by_a_link(repository: Any, tmp_path: Path) -> None:
    initialise(repository.root)
    link = tmp_path / "link"
    link.symlink_to(repository.root)
    assert find(link).root == repository.root


@pytest.mark.requirement("SAFE-4")
def test_a_deleted_working_directory_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(RoarError, match="no longer exists"):
        find()
    monkeypatch.undo()


@pytest.mark.requirement("PERF-1")
def test_finding_takes_less_than_a_millisecond(repository: Any) -> None:
    initialise(repository.root)
    deep = repository.root / Path(*["d"] * 30)
    deep.mkdir(parents=True)
    best = min(_elapsed(deep) for _ in range(20))
    assert best < 0.001


def _elapsed(start: Path) -> float:
    begun = time.process_time()
    find(start)
    return time.process_time() - begun


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_what_a_run_needs_of_the_workspace_imports_neither_subprocess_nor_a_toml_library() -> None:
    modules = "find, git, dirt, secrets, config"
    code = (
        f"import sys; from roar.workspace import {modules}; "
        "print(*({'subprocess', 'tomllib', 'tomlkit', 'json', 'shlex', 'tempfile'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=_environment())
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
