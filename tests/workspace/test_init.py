"""`roar init`: making a workspace in every sort of repository, and refusing clearly elsewhere."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from roar.api.errors import NotInGit, RoarError
from roar.workspace.init import initialise


def _excluded(repository: Any) -> list[str]:
    return (repository.root / ".git" / "info" / "exclude").read_text().splitlines()


@pytest.mark.requirement("INIT-1")
def test_init_makes_a_private_directory_beside_git_and_leaves_the_tree_clean(repository: Any) -> None:
    done = repository.roar("init")
    roar_dir = repository.root / ".roar"
    assert stat.S_IMODE(roar_dir.stat().st_mode) == 0o700
    assert (roar_dir / "runs").is_dir()
    assert str(roar_dir) in done.stdout
    assert "roar run" in done.stdout
    assert repository.sh("git", "status", "--porcelain").stdout == ""
    assert _excluded(repository).count(".roar/") == 1


@pytest.mark.requirement("INIT-1")
def test_init_in_a_subdirectory_makes_it_at_the_top(repository: Any) -> None:
    below = repository.root / "src" / "deep"
    below.mkdir(parents=True)
    repository.roar("init", cwd=below)
    assert (repository.root / ".roar").is_dir()
    assert not (below / ".roar").exists()


@pytest.mark.requirement("INIT-1")
def test_init_in_a_linked_worktree_uses_the_common_exclude_file(repository: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    repository.sh("git", "worktree", "add", "-q", str(tree))
    (tree / "sub").mkdir()
    repository.roar("init", cwd=tree / "sub")
    assert (tree / ".roar").is_dir()
    assert (tree / ".git").is_file()
    assert not (repository.root / ".roar").exists()
    assert repository.sh("git", "status", "--porcelain", cwd=tree).stdout == ""
    assert ".roar/" in _excluded(repository)
    repository.roar("init")
    assert _excluded(repository).count(".roar/") == 1


@pytest.mark.requirement("INIT-1")
def test_init_in_a_submodule_leaves_the_submodule_clean(repository: Any, submodule: Path) -> None:
    repository.roar("init", cwd=submodule)
    assert (submodule / ".roar").is_dir()
    assert repository.sh("git", "status", "--porcelain").stdout == ""


@pytest.mark.requirement("INIT-1", "SAFE-3")
def test_init_works_under_a_name_with_a_newline_and_bytes_that_are_not_utf8(
    make_workspace: Callable[..., Any],
) -> None:
    odd = make_workspace("odd\n\udcff name", init=False)
    done = odd.roar("init")
    assert (odd.root / ".roar" / "runs").is_dir()
    assert r"odd\n\xff name" in done.stdout
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.requirement("INIT-1")
@pytest.mark.parametrize("before", [None, b"", b"*.o", b"# none\r\n", b"/.roar\n"])
def test_the_exclude_file_keeps_what_it_had(repository: Any, before: bytes | None) -> None:
    exclude = repository.root / ".git" / "info" / "exclude"
    if before is None:
        exclude.unlink()
        exclude.parent.rmdir()
    else:
        exclude.write_bytes(before)
    initialise(repository.root)
    after = exclude.read_bytes()
    assert after.startswith(before or b"")
    assert sum(b".roar" in line for line in after.splitlines()) == 1
    assert repository.sh("git", "status", "--porcelain").stdout == ""


@pytest.mark.requirement("INIT-2")
def test_init_again_says_so_and_changes_nothing(repository: Any) -> None:
    repository.roar("init")
    before = _state(repository.root)
    done = repository.roar("init")
    assert "already initialized" in done.stdout
    assert done.stderr == ""
    assert _state(repository.root) == before


def _state(root: Path) -> dict[str, tuple[int, int]]:
    found = [*(root / ".roar").rglob("*"), root / ".roar", root / ".git" / "info" / "exclude"]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


@pytest.mark.requirement("INIT-2", "SAFE-1")
@pytest.mark.parametrize("left", ["nothing", "runs", "everything but the marker"])
def test_init_completes_what_a_killed_init_left(repository: Any, left: str) -> None:
    made = initialise(repository.root).workspace
    (made.roar_dir / "workspace").unlink()
    if left != "everything but the marker":
        (repository.root / ".git" / "info" / "exclude").write_text("")
    if left == "nothing":
        made.runs_dir.rmdir()
    assert initialise(repository.root).created
    assert initialise(repository.root).created is False
    assert _excluded(repository).count(".roar/") == 1


@pytest.mark.requirement("INIT-2", "RUN-7")
def test_eight_inits_at_once_make_one_workspace(repository: Any) -> None:
    command = [sys.executable, "-m", "roar", "init"]
    running = [
        subprocess.Popen(command, cwd=repository.root, env=repository.env, stdout=subprocess.PIPE) for _ in range(8)
    ]
    assert [process.communicate()[0] != b"" and process.returncode for process in running] == [0] * 8
    assert _excluded(repository).count(".roar/") == 1


@pytest.mark.requirement("INIT-4")
def test_outside_git_the_page_s_message_and_remedy_are_shown(repository: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    done = repository.roar("init", ok=False, cwd=outside)
    assert done.returncode == 1
    assert done.stdout == ""
    first, *fix = done.stderr.splitlines()
    assert first == "Error: Not in a git repository."
    assert 'git init && git add -A && git commit -m "initial"' in fix[0]
    assert "roar init" in fix[1]
    assert list(outside.iterdir()) == []


@pytest.mark.requirement("INIT-4", "SAFE-4")
@pytest.mark.parametrize("where", ["unborn", "bare", "inside .git", "no git", "broken"])
def test_each_unusable_repository_has_its_own_sentence(repository: Any, tmp_path: Path, where: str) -> None:
    place, env = tmp_path / "place", {}
    repository.sh("git", "init", "-q", *(["--bare"] if where == "bare" else []), str(place))
    expected = {
        "unborn": ("no commit yet", "git commit"),
        "bare": ("bare git repository", "git clone"),
        "inside .git": ("inside of a .git directory", "cd .."),
        "no git": ("git is not installed", "apt install git"),
        "broken": ("doesn't accept the .git here", "git status"),
    }[where]
    if where == "inside .git":
        place = repository.root / ".git"
    elif where == "no git":
        env["PATH"] = str(tmp_path)
    elif where == "broken":
        (place / ".git" / "HEAD").write_text("nonsense\n")
    done = repository.roar("init", ok=False, cwd=place, env=env)
    first, *fix = done.stderr.splitlines()
    assert done.returncode == 1
    assert first.startswith("Error: ")
    assert expected[0] in first
    assert expected[1] in "\n".join(fix)
    assert not (place / ".roar").exists()


@pytest.mark.requirement("INIT-4", "SAFE-4")
def test_a_repository_of_another_user_names_the_command_that_trusts_it(
    repository: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(NotInGit, match="belongs to another user") as caught:
        initialise(repository.root)
    assert f"git config --global --add safe.directory {repository.root}" in str(caught.value.fix)


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_in_the_way_is_named_and_left_alone(repository: Any, kind: str) -> None:
    path = repository.root / ".roar"
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to("nowhere")
    with pytest.raises(RoarError) as caught:
        initialise(repository.root)
    assert str(path) in caught.value.message
    assert caught.value.fix is not None
    assert str(path) in caught.value.fix
    assert path.is_symlink() or path.read_text() == "mine"


@pytest.mark.requirement("SAFE-2", "SAFE-4")
def test_what_cannot_be_written_is_named_and_nothing_is_left_half_done(repository: Any) -> None:
    exclude = repository.root / ".git" / "info" / "exclude"
    exclude.write_bytes(b"#" * 8191 + b"\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(RoarError, match="can't be written: File too large") as caught:
            initialise(repository.root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.fix is not None
    assert not (repository.root / ".roar").exists()
    assert exclude.read_bytes() == b"#" * 8191 + b"\n"


@pytest.mark.requirement("INIT-1")
@pytest.mark.parametrize("option", ["-y", "-n", "--yes", "--no"])
def test_the_answers_are_accepted_and_git_s_files_are_left_alone(repository: Any, option: str) -> None:
    repository.roar("init", option)
    assert (repository.root / ".roar").is_dir()
    assert not (repository.root / ".gitignore").exists()


@pytest.mark.requirement("GIT-1", "INIT-1")
def test_a_relative_git_dir_in_the_environment_is_respected(
    repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.rename(repository.root / ".git", tmp_path / "metadata")
    monkeypatch.chdir(repository.root)
    monkeypatch.setenv("GIT_DIR", "../metadata")
    monkeypatch.setenv("GIT_WORK_TREE", ".")
    assert initialise().workspace.root == repository.root
    assert ".roar/" in (tmp_path / "metadata" / "info" / "exclude").read_text()
