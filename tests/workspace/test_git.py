"""What git says about a repository: commit, branch, remote, changes, and why it can't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from roar.api.errors import NotInGit, RoarError
from roar.workspace.git import Change, GitQuery, GitStatus, remote_url


def _status(root: Path, cwd: Path | None = None) -> GitStatus:
    return GitQuery.start(root, cwd or root).result()


def _kinds(repository: Any) -> dict[bytes, str]:
    return dict(_status(repository.root).changes)


@pytest.mark.requirement("GIT-1")
def test_commit_branch_root_and_directory_are_told(repository: Any) -> None:
    below = repository.root / "a" / "b"
    below.mkdir(parents=True)
    status = _status(repository.root, below)
    assert status.commit == repository.sh("git", "rev-parse", "HEAD").stdout.strip()
    assert (status.branch, status.remote) == ("main", None)
    assert (status.root, status.cwd) == (os.fsencode(repository.root), b"a/b")
    assert _status(repository.root).cwd == b""
    assert status.changes == ()


@pytest.mark.requirement("GIT-1")
def test_a_detached_head_has_no_branch(repository: Any) -> None:
    repository.sh("git", "checkout", "-q", "--detach")
    assert _status(repository.root).branch is None


@pytest.mark.requirement("GIT-1")
def test_a_linked_worktree_tells_its_own_commit_and_branch(repository: Any, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    repository.sh("git", "worktree", "add", "-q", "-b", "other", str(tree))
    repository.sh("git", "commit", "-q", "--allow-empty", "-m", "there", cwd=tree)
    status = _status(tree)
    assert status.branch == "other"
    assert status.commit == repository.sh("git", "rev-parse", "other").stdout.strip()
    assert status.root == os.fsencode(tree)


@pytest.mark.requirement("GIT-1")
def test_the_upstream_s_remote_comes_before_origin_and_its_credentials_are_left_out(repository: Any) -> None:
    repository.sh("git", "remote", "add", "origin", "https://user:hunter2@example.org/a.git")
    assert _status(repository.root).remote == "https://example.org/a.git"
    repository.sh("git", "remote", "add", "team", "https://sometoken@example.org/b.git?access_token=abc")
    repository.sh("git", "config", "branch.main.remote", "team")
    assert _status(repository.root).remote == "https://example.org/b.git"


@pytest.mark.requirement("GIT-1")
@pytest.mark.parametrize(
    ("config", "branch", "expected"),
    [
        (b"", "main", None),
        (b"remote.origin.url\n/srv/a b.git\0", None, "/srv/a b.git"),
        (b"remote.origin.url\ngit@host:a.git\0remote.origin.url\nsecond\0", "main", "git@host:a.git"),
        (b"branch.main.remote\n.\0remote.origin.url\nx\0", "main", "x"),
        (b"branch.a.b.remote\nr.s\0remote.r.s.url\ny\0", "a.b", "y"),
        (b"remote.origin.url\0", "main", None),
        (b"remote.origin.url\n/odd\nname\xff\0", "main", "/odd\nname\udcff"),
    ],
)
def test_remotes_are_read_from_git_s_configuration(config: bytes, branch: str | None, expected: str | None) -> None:
    assert remote_url(config, branch) == expected


@pytest.mark.requirement("DIRTY-1", "SAFE-3")
def test_every_kind_of_change_is_told_with_its_exact_name(repository: Any) -> None:
    names = ["gone", "changed", "both", "old name", "kept"]
    repository.commit({name: f"{name}\n" * 20 for name in names} | {".gitignore": "*.log\n"})
    (repository.root / "gone").unlink()
    repository.write({"changed": "x", "both": "x", "staged": "s", "ignored.log": "", "new\n\udcff \"'": "", "d/e": ""})
    repository.sh("git", "mv", "old name", "new name")
    repository.sh("git", "add", "staged", "both")
    repository.write({"both": "y"})
    assert _kinds(repository) == {
        b"gone": "deleted",
        b"changed": "modified",
        b"both": "modified",
        b"new name": "renamed",
        b"staged": "staged",
        b"new\n\xff \"'": "untracked",
        b"d/e": "untracked",
    }


@pytest.mark.requirement("DIRTY-1")
def test_a_conflict_is_told(repository: Any) -> None:
    repository.commit({"f": "base\n"})
    repository.sh("git", "checkout", "-q", "-b", "side")
    repository.commit({"f": "side\n"})
    repository.sh("git", "checkout", "-q", "main")
    repository.commit({"f": "main\n"})
    repository.sh("git", "merge", "-q", "side", ok=False)
    assert _kinds(repository) == {b"f": "conflicted"}


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize("change", ["content", "new file", "commit"])
def test_a_changed_submodule_counts_also_when_git_is_told_to_ignore_it(
    repository: Any, submodule: Path, change: str
) -> None:
    repository.sh("git", "config", "diff.ignoreSubmodules", "all")
    repository.sh("git", "config", "submodule.sub.ignore", "all")
    if change == "content":
        (submodule / "lib.py").write_text("x = 2\n")
    elif change == "new file":
        (submodule / "new").write_text("")
    else:
        repository.sh("git", "commit", "-q", "--allow-empty", "-m", "more", cwd=submodule)
    assert _kinds(repository) == {b"sub": "submodule"}


@pytest.mark.requirement("DIRTY-1")
def test_the_user_s_own_settings_hide_nothing(repository: Any) -> None:
    repository.sh("git", "config", "status.showUntrackedFiles", "no")
    repository.sh("git", "config", "status.relativePaths", "true")
    repository.sh("git", "config", "core.quotePath", "true")
    repository.sh("git", "config", "color.ui", "always")
    repository.write({"d/ü": ""})
    assert _kinds(repository) == {"d/ü".encode(): "untracked"}


@pytest.mark.requirement("DIRTY-1")
def test_a_repository_inside_is_one_untracked_path(repository: Any) -> None:
    repository.write({"inner/file": ""})
    repository.sh("git", "init", "-q", "inner")
    assert _kinds(repository) == {b"inner": "untracked"}


@pytest.mark.requirement("RUN-7")
def test_looking_takes_no_lock_and_leaves_the_index_alone(repository: Any) -> None:
    os.utime(repository.root / "README", ns=(1, 1))  # git would like to write down the new time
    lock = repository.root / ".git" / "index.lock"
    lock.touch()
    before = (repository.root / ".git" / "index").read_bytes()
    assert _status(repository.root).changes == ()
    assert (repository.root / ".git" / "index").read_bytes() == before


@pytest.mark.requirement("INIT-4")
def test_a_repository_without_a_commit_is_refused(repository: Any) -> None:
    repository.sh("git", "update-ref", "-d", "HEAD")
    with pytest.raises(NotInGit, match="no commit yet"):
        _status(repository.root)


@pytest.mark.requirement("INIT-4")
def test_a_git_that_went_away_is_said_so(repository: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInGit, match="git is not installed"):
        _status(repository.root)


@pytest.mark.requirement("INIT-4")
def test_a_git_directory_that_went_away_is_said_so(repository: Any, tmp_path: Path) -> None:
    os.rename(repository.root / ".git", tmp_path / "elsewhere")
    with pytest.raises(NotInGit) as caught:
        _status(repository.root)
    assert caught.value.message == "Not in a git repository."


@pytest.mark.requirement("SAFE-2", "SAFE-4")
def test_a_corrupt_index_is_one_sentence_with_git_s_own_words(repository: Any) -> None:
    (repository.root / ".git" / "index").write_bytes(b"rubbish" * 10)
    with pytest.raises(RoarError, match=r"git can't read this repository: .*index") as caught:
        _status(repository.root)
    assert "\n" not in caught.value.message
    assert caught.value.fix == "Check it with: git fsck"


@pytest.mark.requirement("GIT-1", "RUN-2")
def test_git_works_when_child_signals_are_ignored_and_standard_streams_are_closed(repository: Any) -> None:
    code = (
        "import os, signal; from pathlib import Path; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for fd in (0, 1, 2): os.close(fd)\n"
        "from roar.workspace.git import GitQuery\n"
        "root = Path.cwd(); status = GitQuery.start(root, root).result()\n"
        "Path('said').write_text(status.commit)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=repository.root).returncode == 0
    head = repository.sh("git", "rev-parse", "HEAD").stdout.strip()
    assert (repository.root / "said").read_text() == head


@pytest.mark.requirement("GIT-1")
def test_a_root_below_the_repository_s_top_still_gets_the_right_paths(repository: Any) -> None:
    repository.write({"below/x": "", "y": ""})
    status = _status(repository.root / "below")
    assert status.root == os.fsencode(repository.root)
    assert set(status.changes) == {Change(b"below/x", "untracked"), Change(b"y", "untracked")}
    assert status.cwd == b"below"


@pytest.mark.requirement("DIRTY-1", "PERF-3")
def test_twenty_thousand_new_files_take_well_under_a_second(repository: Any) -> None:
    directory = repository.root / "many"
    directory.mkdir()
    for number in range(20_000):
        os.close(os.open(directory / f"{number:05}.txt", os.O_CREAT | os.O_WRONLY))
    begun = _cpu_s()
    status = _status(repository.root)
    assert len(status.changes) == 20_000
    assert _cpu_s() - begun < 2


def _cpu_s() -> float:
    """CPU time of this process and of those it waited for, which a busy machine does not lengthen."""
    return sum(os.times()[:4])
