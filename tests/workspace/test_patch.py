"""The patch of a dirty run applies to a checkout of its commit and makes the same tree."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from roar.api.errors import RoarError
from roar.workspace.git import GitQuery
from roar.workspace.patch import patch

_ODD = 'odd "name"\n\udcff\t\''
_MEGA = 1 << 20


def _tree(root: Path) -> dict[bytes, tuple[int, bytes]]:
    """Path → (mode as git has it, content), of everything but repositories' own files."""
    found: dict[bytes, tuple[int, bytes]] = {}
    for directory, names, files in os.walk(os.fsencode(root)):
        names[:] = [name for name in names if name != b".git"]
        for name in files + [name for name in names if os.path.islink(os.path.join(directory, name))]:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            content = os.readlink(path) if stat.S_ISLNK(mode) else Path(os.fsdecode(path)).read_bytes()
            if name != b".git":
                kind = 2 if stat.S_ISLNK(mode) else int(bool(mode & 0o100))
                found[os.path.relpath(path, os.fsencode(root))] = (kind, content)
    return found


def _untracked(repository: Any) -> list[bytes]:
    status = GitQuery.start(repository.root, repository.root).result()
    return [path for path, kind in status.changes if kind == "untracked"]


def _applied(repository: Any, tmp_path: Path, data: bytes) -> Path:
    checkout = tmp_path / "checkout"
    repository.sh("git", "worktree", "add", "-q", "--detach", str(checkout), "HEAD")
    subprocess.run(
        ["git", "apply", "--binary", "--whitespace=nowarn"], cwd=checkout, env=repository.env, input=data, check=True
    )
    return checkout


def _mess(repository: Any) -> None:
    """Changes of every sort on top of a commit."""
    lines = "".join(f"line {number}\n" for number in range(40))
    repository.commit(
        {
            "text": lines, "gone": lines, "old": lines, "mode": "x\n", "binary": bytes(range(256)) * 20, "staged": "a\n",
            "file-to-dir": "f\n", "dir/inside": "d\n", "crlf": b"a\r\nb\r\n", "no-newline": "a", "both": "1\n", _ODD: "odd\n",
        }
    )  # fmt: skip
    repository.sh("git", "mv", "old", "new")
    (repository.root / "gone").unlink()
    (repository.root / "mode").chmod(0o755)
    (repository.root / "file-to-dir").unlink()
    repository.write(
        {
            "text": lines.replace("line 20", "changed"), "binary": os.urandom(3000), "staged": "b\n", "crlf": b"a\r\nc\r\n",
            "no-newline": "b", "both": "2\n", _ODD: "changed\n", "file-to-dir/below": "new\n", "n/deep/file": "new\n",
            "empty": "", "blob": bytes(1000) + os.urandom(500), _ODD + "2": "new\n", "a b/c d": "no newline at the end",
            "script.sh": "#!/bin/sh\n", "-n": "dash\n", "cr\rname": "\r\n",
        }
    )  # fmt: skip
    (repository.root / "script.sh").chmod(0o755)
    (repository.root / "link").symlink_to("nowhere at all")
    repository.sh("git", "add", "staged", "both")
    repository.write({"both": "3\n"})


@pytest.mark.requirement("DIRTY-2", "SAFE-3")
def test_every_sort_of_change_comes_back_on_a_checkout(repository: Any, tmp_path: Path) -> None:
    _mess(repository)
    made = patch(repository.root, _untracked(repository), _MEGA)
    assert made.omitted == ()
    assert _tree(_applied(repository, tmp_path, made)) == _tree(repository.root)


@pytest.mark.requirement("DIRTY-2")
def test_the_user_s_own_diff_settings_change_nothing(repository: Any, tmp_path: Path) -> None:
    settings = {
        "diff.noprefix": "true", "diff.renames": "copies", "diff.external": "false", "color.ui": "always",
        "diff.submodule": "log", "diff.context": "0", "diff.interHunkContext": "9", "diff.mnemonicPrefix": "true",
        "diff.relative": "true", "core.quotePath": "false", "diff.ignoreSubmodules": "all", "core.pager": "false",
    }  # fmt: skip
    _mess(repository)
    expected = patch(repository.root, _untracked(repository), _MEGA)
    for name, value in settings.items():
        repository.sh("git", "config", name, value)
    assert patch(repository.root, _untracked(repository), _MEGA) == expected
    assert _tree(_applied(repository, tmp_path, expected)) == _tree(repository.root)


@pytest.mark.requirement("DIRTY-2", "RUN-7")
def test_making_a_patch_leaves_index_and_objects_alone(repository: Any) -> None:
    _mess(repository)
    git = repository.root / ".git"
    (git / "index.lock").touch()
    before = (repository.sh("find", ".git", "-type", "f").stdout, (git / "index").read_bytes())
    assert patch(repository.root, _untracked(repository), _MEGA)
    assert (repository.sh("find", ".git", "-type", "f").stdout, (git / "index").read_bytes()) == before


@pytest.mark.requirement("DIRTY-2")
@pytest.mark.parametrize("new", [{}, {"new": "new\n"}], ids=["alone", "beside a new file"])
def test_a_change_in_the_second_of_the_commit_is_in_the_patch(repository: Any, new: dict[str, str]) -> None:
    """To git, which looks at seconds, the file and the index are of one time, and the file's size is what it was."""
    git_s = 1_700_000_000
    repository.sh("git", "config", "core.trustctime", "false")
    for content in ("1\n", "2\n"):
        (repository.root / "a").write_text(content)
        os.utime(repository.root / "a", (git_s, git_s))
        if content == "1\n":
            repository.commit()
            os.utime(repository.root / ".git" / "index", (git_s, git_s))
    repository.write(new)
    assert b"-1\n+2\n" in patch(repository.root, _untracked(repository), _MEGA)


@pytest.mark.requirement("DIRTY-2")
def test_files_beyond_the_limits_are_left_out_and_named(repository: Any, tmp_path: Path) -> None:
    repository.write({"small": "s" * 10, "medium": "m" * 500, "large": "l" * 2000, "other": "o" * 600})
    made = patch(repository.root, _untracked(repository), limit_bytes=1000, file_limit_bytes=1500)
    assert made.omitted == (b"large", b"other")
    applied = _tree(_applied(repository, tmp_path, made))
    assert {b"small", b"medium"} <= set(applied)
    assert b"other" not in applied


@pytest.mark.requirement("DIRTY-2")
def test_what_no_patch_can_hold_is_named(repository: Any, submodule: Path) -> None:
    (submodule / "lib.py").write_text("x = 3\n")
    repository.write({"inner/file": "", "z": "z\n"})
    repository.sh("git", "init", "-q", "inner")
    made = patch(repository.root, [*_untracked(repository), b"vanished"], _MEGA)
    assert made.omitted == (b"inner", b"sub")
    assert b"+++ b/z" in made


@pytest.mark.requirement("DIRTY-2")
def test_a_submodule_at_another_commit_is_in_the_patch(repository: Any, submodule: Path, tmp_path: Path) -> None:
    repository.sh("git", "commit", "-q", "--allow-empty", "-m", "more", cwd=submodule)
    made = patch(repository.root, [], _MEGA)
    head = repository.sh("git", "rev-parse", "HEAD", cwd=submodule).stdout.strip()
    assert f"+Subproject commit {head}\n".encode() in made
    assert made.omitted == ()
    _applied(repository, tmp_path, made)


@pytest.mark.requirement("DIRTY-2")
def test_a_repository_of_sha256_is_patched_as_well(repository: Any, tmp_path: Path) -> None:
    root = tmp_path / "modern"
    repository.sh("git", "init", "-q", "--object-format=sha256", str(root))
    modern = type(repository)(root, repository.env)
    modern.commit({"a": "1\n"})
    modern.write({"a": "2\n", "blob": bytes(range(256))})
    made = patch(root, _untracked(modern), _MEGA)
    assert _tree(_applied(modern, tmp_path, made)) == _tree(root)


@pytest.mark.requirement("DIRTY-2")
def test_a_clean_tree_has_an_empty_patch(repository: Any) -> None:
    assert patch(repository.root, [], _MEGA) == b""


@pytest.mark.requirement("SAFE-2", "SAFE-4")
def test_a_failing_git_is_one_sentence(repository: Any) -> None:
    (repository.root / ".git" / "index").write_bytes(b"rubbish" * 10)
    with pytest.raises(RoarError, match="git can't read this repository"):
        patch(repository.root, [], _MEGA)
