"""The reader of git's porcelain format, against what git's manual says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.workspace.git import Change, parse_status

_OID = b"a" * 40
_paths = st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path and not path.endswith(b"/"))
_xy = st.sampled_from([b".M", b"M.", b"MM", b"A.", b".D", b"D.", b"AM", b".A", b"T."])


def _ordinary(path: bytes, xy: bytes) -> tuple[bytes, Change]:
    kind = "deleted" if b"D" in xy else "staged" if xy.endswith(b".") else "modified"
    return b"1 %s N... 100644 100644 100644 %s %s %s" % (xy, _OID, _OID, path), Change(path, kind)  # type: ignore[arg-type]


def _renamed(path: bytes, old: bytes) -> tuple[bytes, Change]:
    return b"2 R. N... 100644 100644 100644 %s %s R100 %s\0%s" % (_OID, _OID, path, old), Change(path, "renamed")


def _conflict(path: bytes) -> tuple[bytes, Change]:
    return b"u UU N... 100644 100644 100644 100644 %s %s %s %s" % (_OID, _OID, _OID, path), Change(path, "conflicted")


_entries = st.one_of(
    st.builds(_ordinary, _paths, _xy),
    st.builds(_renamed, _paths, _paths),
    st.builds(_conflict, _paths),
    _paths.map(lambda path: (b"? " + path, Change(path, "untracked"))),
    _paths.map(
        lambda path: (
            b"1 .M S.M. 160000 160000 160000 %s %s %s" % (_OID, _OID, path),
            Change(path, "submodule"),
        )
    ),
)


@pytest.mark.requirement("DIRTY-1", "SAFE-3")
@given(st.lists(_entries, max_size=8), st.booleans())
def test_any_names_are_read_back_exactly(entries: list[tuple[bytes, Change]], detached: bool) -> None:
    head = b"(detached)" if detached else b"feature/x"
    headers = [b"# branch.oid " + _OID, b"# branch.head " + head, b"# branch.upstream o/x", b"# stash 3"]
    out = b"\0".join([*headers, *(entry for entry, _ in entries), b""])
    commit, branch, changes = parse_status(out)
    assert commit == _OID.decode()
    assert branch == (None if detached else "feature/x")
    assert changes == tuple(change for _, change in entries)


@pytest.mark.requirement("INIT-4")
def test_before_the_first_commit_there_is_none() -> None:
    assert parse_status(b"# branch.oid (initial)\0# branch.head main\0? a\0") == (
        None,
        "main",
        (Change(b"a", "untracked"),),
    )


@pytest.mark.requirement("SAFE-4")
@given(st.lists(st.sampled_from([b"# future 1", b"! ignored", b"", b"9 something new"]), max_size=5))
def test_what_a_later_git_adds_is_passed_over(entries: list[bytes]) -> None:
    assert parse_status(b"\0".join(entries)) == (None, None, ())
