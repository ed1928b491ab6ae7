"""Which changes make a tree dirty, and what the refusal says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.workspace.dirt import Dirt, classify, ignore_patterns, refusal
from roar.workspace.git import Change, GitQuery

_ROOT = b"/work"


def _classified(changes: Sequence[tuple[bytes, str]], made: Sequence[bytes] = ()) -> Dirt:
    outputs = {b"/work/" + path for path in made}
    return classify([Change(path, kind) for path, kind in changes], lambda paths: outputs & set(paths), _ROOT)  # type: ignore[arg-type]


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize("kind", ["modified", "staged", "deleted", "renamed", "conflicted", "submodule"])
def test_a_change_of_a_tracked_file_counts_even_if_a_step_made_it(kind: str) -> None:
    dirt = _classified([(b"model.pkl", kind)], made=[b"model.pkl"])
    assert dirt == Dirt((b"model.pkl",), (), ())
    assert dirt.blocking == (b"model.pkl",)


@pytest.mark.requirement("DIRTY-1")
def test_new_files_count_unless_a_step_of_the_session_made_them() -> None:
    dirt = _classified([(b"a.csv", "untracked"), (b"b.csv", "untracked"), (b"c.py", "untracked")], made=[b"b.csv"])
    assert dirt == Dirt((), (b"b.csv",), (b"a.csv", b"c.py"))
    assert _classified([(b"b.csv", "untracked")], made=[b"b.csv"]).blocking == ()


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize(
    "path", [b".roar", b".roar/runs/x/plan.json", b"__pycache__/a.cpython-311.pyc", b"p/__pycache__/b.pyc"]
)
def test_what_roar_and_the_interpreter_leave_never_counts(path: bytes) -> None:
    assert _classified([(path, "untracked")]).blocking == ()


@pytest.mark.requirement("DIRTY-1")
def test_a_name_that_only_resembles_roar_s_counts() -> None:
    assert _classified([(b".roarx", "untracked"), (b"a.pyc", "untracked")]).blocking == (b".roarx", b"a.pyc")


@pytest.mark.requirement("DIRTY-1")
def test_the_store_is_asked_once_and_only_about_new_files() -> None:
    asked: list[list[bytes]] = []

    def generated(paths: list[bytes]) -> set[bytes]:
        asked.append(paths)
        return set()

    classify([Change(b"a", "modified")], generated, _ROOT)
    assert asked == []
    classify([Change(b"a", "modified"), Change(b"b", "untracked"), Change(b"c\xff", "untracked")], generated, b"/work/")
    assert asked == [[b"/work/b", b"/work/c\xff"]]


@pytest.mark.requirement("DIRTY-1")
@given(st.lists(st.tuples(st.binary(min_size=1), st.sampled_from(["modified", "untracked"])), max_size=8), st.data())
def test_every_change_is_in_exactly_one_group(changes: list[tuple[bytes, str]], data: st.DataObject) -> None:
    changes = list(dict(changes).items())
    made = data.draw(st.lists(st.sampled_from([path for path, _ in changes]))) if changes else []
    dirt = _classified(changes, made)
    grouped = [*dirt.code, *dirt.outputs, *dirt.unknown]
    assert sorted(grouped) == sorted(path for path, _ in changes if path.split(b"/")[0] != b".roar")


@pytest.mark.requirement("DIRTY-1")
def test_the_refusal_sorts_the_paths_and_shows_both_ways_out() -> None:
    dirt = Dirt((b"train.py",), (b"model.pkl",), (b"notes.xyz", b"new.py"))
    error = refusal(dirt, ["python", "train.py", "--name", "a b"])
    assert error.exit_code == 1
    assert error.message.startswith("Git repository has uncommitted changes")
    assert str(error.fix).splitlines() == [
        "  code, to be committed:",
        "    train.py",
        "    new.py",
        "  unknown, to be committed or ignored:",
        "    notes.xyz",
        "  outputs of earlier steps, which don't count:",
        "    model.pkl",
        "Either commit the changes:",
        '    git add -A && git commit -m "wip"',
        "    roar run python train.py --name 'a b'",
        "or record them with the job, as a patch:",
        "    roar run --allow-dirty python train.py --name 'a b'",
    ]


@pytest.mark.requirement("DIRTY-1", "RUN-5")
def test_a_refused_build_is_told_to_build_again() -> None:
    assert "roar build --allow-dirty make" in str(refusal(Dirt((b"a",), (), ()), ["make"], "build").fix)


@pytest.mark.requirement("DIRTY-1")
def test_ten_paths_are_shown_and_the_rest_counted() -> None:
    fix = str(refusal(Dirt(tuple(b"%02d.c" % n for n in range(25)), (), (b"x",)), ["true"]).fix)
    assert sum(line.startswith("    ") and line.strip().endswith(".c") for line in fix.splitlines()) == 10
    assert "and 16 more" in fix


@pytest.mark.requirement("DIRTY-1", "SAFE-3")
def test_names_are_harmless_to_a_terminal() -> None:
    fix = str(refusal(Dirt((b"a\x1b[31m\n\xff",), (), ()), ["python", "x\x1b"]).fix)
    assert r"a\x1b[31m\n\xff" in fix
    assert "\x1b" not in fix


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize(
    ("paths", "patterns"),
    [
        ([b"a.csv", b"b.csv"], []),
        ([b"a.csv", b"b.csv", b"c/d.csv"], [b"*.csv"]),
        ([b"out/1", b"out/2", b"out/x/3", b"a.csv"], [b"/out/"]),
        ([b"o p/1", b"o p/2", b"o p/3"], []),
        ([b".a", b".b", b".c"], []),
        ([b"x.*", b"y.*", b"z.*"], []),
        ([b"out/1", b"out/2", b"out/3", b"a.log", b"b.log", b"c.log", b"d.log"], [b"/out/", b"*.log"]),
    ],
)
def test_a_pattern_is_suggested_when_three_share_it(paths: list[bytes], patterns: list[bytes]) -> None:
    assert ignore_patterns(paths) == patterns


@pytest.mark.requirement("DIRTY-1")
def test_the_suggested_patterns_make_git_ignore_the_files(repository: Any) -> None:
    names = ["out/1.bin", "out/2.bin", "out/sub/3", "a.csv", "deep/b.csv", "c.csv"]
    repository.write(dict.fromkeys(names, ""))
    patterns = ignore_patterns([os.fsencode(name) for name in names])
    repository.write({".git/info/exclude": b"\n".join(patterns) + b"\n"})
    assert GitQuery.start(repository.root, repository.root).result().changes == ()


@pytest.mark.requirement("DIRTY-1")
def test_roar_run_refuses_a_dirty_tree_and_starts_nothing(workspace: Any) -> None:
    workspace.write({"train.py": "print()\n"})
    done = workspace.roar("run", "touch", "started", ok=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Error: Git repository has uncommitted changes"
    assert "roar run --allow-dirty touch started" in done.stderr
    assert not (workspace.root / "started").exists()
