"""Bad input: repositories, configurations and working directories in which a run can't start: one line with its fix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.acting import ROAR, Workspace, make_repository

RUN = ["run", "sh", "-c", "echo ran; exit 3"]


def refused(done: subprocess.CompletedProcess[bytes], *expected: str) -> str:
    """The error's text, having checked its form."""
    text = done.stderr.decode()
    assert done.stdout == b""
    assert done.returncode == 1, text
    assert text.startswith(f"Error: {expected[0]}"), text
    assert len(text.splitlines()) > 1, "there is no fix"
    assert "Traceback" not in text
    for part in expected[1:]:
        assert part in text
    return text


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A workspace of the test's own."""
    return make_repository(tmp_path, os.environ)


@pytest.mark.requirement("INIT-3", "INIT-4")
def test_outside_of_git_and_of_a_workspace(shared: Workspace, place: Path) -> None:
    refused(
        shared.roar("init", cwd=place), "Not in a git repository.", 'git init && git add -A && git commit -m "initial"'
    )
    refused(shared.roar(*RUN, cwd=place), "roar is not initialized in this directory.", "roar init")
    shared.bash("git init -q", cwd=place)
    refused(shared.roar("init", cwd=place), "This git repository has no commit yet.", "git commit")
    refused(shared.roar(*RUN, cwd=place), "roar is not initialized in this directory.", "roar init")
    assert not (place / ".roar").exists()


@pytest.mark.requirement("INIT-4")
def test_in_a_bare_repository(shared: Workspace, place: Path) -> None:
    shared.bash("git init -q --bare bare", cwd=place)
    refused(shared.roar("init", cwd=place / "bare"), "This is a bare git repository", "git clone")


@pytest.mark.requirement("GIT-1")
def test_on_a_detached_head_in_a_worktree_and_in_a_submodule(fresh: Workspace, place: Path) -> None:
    fresh.bash("git checkout -q --detach")
    assert fresh.roar(*RUN).returncode == 3
    assert fresh.last_job()["git"]["branch"] is None
    fresh.bash(f"git worktree add -q {place}/tree")
    refused(fresh.roar(*RUN, cwd=place / "tree"), "roar is not initialized in this directory.")
    assert fresh.roar("init", cwd=place / "tree").returncode == 0
    assert fresh.roar(*RUN, cwd=place / "tree").returncode == 3
    assert fresh.bash("git status --porcelain", cwd=place / "tree").stdout == b""
    fresh.bash(f"git -c protocol.file.allow=always submodule --quiet add {fresh.root} sub; git commit -qm sub")
    assert fresh.roar(*RUN, cwd=fresh.root / "sub").returncode == 3
    (fresh.root / "sub" / "README").write_text("changed\n")
    refused(fresh.roar(*RUN), "Git repository has uncommitted changes", "sub")


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("echo x >> README", "README"),
        ("echo x >> README; git add README", "README"),
        ("rm README", "README"),
        ("git rm -q --cached README", "README"),
        ("git mv README READ2", "READ2"),
        ("chmod +x README", "README"),
        ("echo x > new", "new"),
        ("echo x > 'a new\tname'", "a new"),
        ("mkdir deep; echo x > deep/new", "deep/new"),
        ("rm README; ln -s plain README", "README"),
        ("git init -q nested; git -C nested commit -q --allow-empty -m x", "nested"),
    ],
)
def test_a_dirty_tree_is_refused_and_nothing_is_started(shared: Workspace, change: str, named: str) -> None:
    shared.bash(change)
    try:
        text = refused(
            shared.roar(*RUN), "Git repository has uncommitted changes\n", named, "--allow-dirty", "git commit"
        )
        assert "roar run sh -c 'echo ran; exit 3'" in text
        allowed = shared.roar("run", "--allow-dirty", *RUN[1:])
        assert (allowed.returncode, allowed.stdout) == (3, b"ran\n")
        assert shared.last_job()["git"]["dirty"]
    finally:
        shared.bash("git reset -q --hard; git clean -ffdq")


@pytest.mark.requirement("INIT-4", "GIT-1")
def test_a_git_that_is_missing_or_doesnt_accept_the_repository(fresh: Workspace) -> None:
    refused(fresh.roar("run", "/bin/true", env={"PATH": "/nonexistent"}), "git is not installed, or not on PATH.")
    (fresh.root / ".git" / "HEAD").rename(fresh.root / ".git" / "HEAD.away")
    refused(fresh.roar(*RUN), "git doesn't accept the .git here")
    assert fresh.roar("log").returncode == 0


@pytest.mark.requirement("SAFE-2", "SAFE-4")
@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"x = [\n", "config.toml"),
        (b"[tracer\n", "config.toml"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b"hash.primary = 3\n", "hash.primary"),
        (b'hash.primary = "md99"\n', "md99"),
        (b'[filters]\nignore_tmp_files = "no"\n', "filters.ignore_tmp_files"),
        (b'tracer.default = "nope"\n', "nope"),
        (b'storage.url = "mongodb://x"\n', "mongodb"),
    ],
)
def test_a_broken_configuration_is_named_before_anything_starts(shared: Workspace, content: bytes, named: str) -> None:
    path = shared.root / ".roar" / "config.toml"
    path.write_bytes(content)
    try:
        done = shared.roar(*RUN)
        if (
            content.startswith((b"storage.url", b"[filters]")) and done.returncode == 3
        ):  # found out when it is needed: the command's code wins
            assert b"Error: the run was not recorded" in done.stderr
        else:
            refused(done, "", named)
        assert path.read_bytes() == content
    finally:
        path.unlink()
        shared.roar("log")


@pytest.mark.requirement("SAFE-4", "TRC-5")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tracer", "nope"], "Unknown tracer 'nope'."),
        (["--hash", "md99"], "no hasher is named 'md99'."),
        (["--params-file", "missing.json"], ""),
        (["--label", "=novalue"], "a label is KEY=VALUE"),
        (["--label", "k" * 256], "a label's key has at most 255 bytes."),
        (["--no-hash-inputs-over", "much"], "not a size: 'much'."),
    ],
)
def test_an_impossible_option_is_refused(shared: Workspace, options: list[str], said: str) -> None:
    done = shared.roar("run", *options, *RUN[1:])
    text = done.stderr.decode()
    assert (done.stdout, done.returncode in (1, 2)) == (b"", True)
    assert text.startswith(f"Error: {said}")
    assert len(text.splitlines()) > 1


@pytest.mark.requirement("SAFE-4")
def test_a_working_directory_that_is_gone(shared: Workspace, place: Path) -> None:
    done = shared.bash(f"mkdir scratch; cd scratch; rmdir ../scratch; {' '.join(ROAR)} run true", cwd=place)
    refused(done, "The current directory no longer exists.")


@pytest.mark.requirement("SAFE-4", "RUN-2")
@pytest.mark.parametrize("limit", [5, 6, 7])
def test_too_few_descriptors_are_named(shared: Workspace, limit: int) -> None:
    done = shared.bash(f"ulimit -n {limit}; {' '.join(ROAR)} run sh -c 'exit 3'")
    text = done.stderr.decode()
    assert done.returncode in (1, 3)
    assert "Traceback" not in text
    assert done.returncode == 3 or "Too many open files" in text or "open files" in text, text


@pytest.mark.requirement("SAFE-4", "RUN-2")
@pytest.mark.parametrize("unset", ["HOME", "PATH", "TMPDIR", "USER", "LANG", "TERM"])
def test_a_variable_that_is_missing_changes_nothing(shared: Workspace, unset: str) -> None:
    env = {key: value for key, value in shared.env.items() if key != unset}
    done = subprocess.run(
        [*ROAR, "run", "/bin/sh", "-c", "exit 3"], cwd=shared.root, env=env, capture_output=True, check=False
    )
    assert done.returncode == 3, done.stderr


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    "value", ["/proc/nonexistent", "/dev/null", "relative", ""]
)  # root can make directories elsewhere
@pytest.mark.parametrize("variable", ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"])
def test_a_directory_of_the_user_that_cant_be_used_changes_nothing(
    shared: Workspace, variable: str, value: str
) -> None:
    done = shared.roar("run", "sh", "-c", "exit 3", env={variable: value})
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith(b"roar: @"), done.stderr


@pytest.mark.requirement("INIT-5", "SAFE-4")
def test_modules_of_the_project_dont_get_in_the_way(shared: Workspace) -> None:
    scratch = shared.root / "scratch"
    scratch.mkdir(exist_ok=True)
    for name in ("json", "click", "sqlite3", "pathlib", "roar", "typing"):
        (scratch / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    script = Path(sys.executable).with_name("roar")
    done = subprocess.run(
        [script, "run", "sh", "-c", "exit 3"], cwd=scratch, env=shared.env, capture_output=True, check=False
    )
    assert done.returncode == 3, done.stderr
