"""Names by directory against one dict of whole paths, in random programs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.api import FileStat
from roar.run.names import File, Names

DIRECTORIES = ["", "/a", "/b", "/a/c", "/b/c", "/a/c/e"]
FILES = [directory + name for directory in DIRECTORIES for name in ("/f", "/g")]
MOVES = [
    (old, new)
    for old in DIRECTORIES[1:]
    for new in [*DIRECTORIES[1:], "/d", "/a/d"]
    if not f"{new}/".startswith(f"{old}/")
]

put = st.tuples(st.just("put"), st.sampled_from(FILES), st.just(""))
pop = st.tuples(st.just("pop"), st.sampled_from(FILES), st.just(""))
ask = st.tuples(st.just("ask"), st.sampled_from(FILES), st.just(""))
move = st.tuples(st.sampled_from(["move", "exchange"]), st.sampled_from(MOVES)).map(lambda one: (one[0], *one[1]))


def at(old: str, new: str, path: str) -> str | None:
    """Where a path is after a move, if it is below what moved."""
    return new + path.removeprefix(old) if path.startswith(f"{old}/") else None


@pytest.mark.requirement("NORM-3")
@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(put, pop, ask, move), max_size=20))
def test_names_agree_with_whole_paths(program: list[tuple[str, str, str]]) -> None:
    names = Names()
    model: dict[str, File] = {}
    for ino, (what, one, two) in enumerate(program, 1):
        if what == "put":
            model[one] = File(None, FileStat(1, ino, 0, 0, 0, 0o100644), made=True)
            names.put(one.encode(), model[one])
        elif what == "pop":
            assert names.pop(one.encode()) is model.pop(one, None)
        elif what == "ask":
            expected = {path for path, file in model.items() if file.stat == FileStat(1, ino // 2, 0, 0, 0, 0o100644)}
            found = names.of_inode(1, ino // 2)
            assert {found.decode()} == expected if found is not None else not expected
        elif what == "move":
            names.move({one.encode(): two.encode()})
            # what was at the new place is gone: the kernel lets only an empty directory be replaced
            model = {
                at(one, two, path) or path: f
                for path, f in model.items()
                if at(two, one, path) is None or at(one, two, path)
            }
        elif not f"{one}/".startswith(f"{two}/"):
            names.move({one.encode(): two.encode(), two.encode(): one.encode()})
            model = {at(one, two, path) or at(two, one, path) or path: file for path, file in model.items()}
        assert {path.decode(): file for path, file in names.items()} == model
        for path in [*FILES, *(directory + "/d/f" for directory in DIRECTORIES)]:
            assert names.get(path.encode()) is model.get(path)
        for directory in [*DIRECTORIES[1:], "/d"]:
            assert names.is_directory(directory.encode()) == any(path.startswith(f"{directory}/") for path in model)


@pytest.mark.requirement("NORM-3")
def test_a_directory_that_is_said_to_move_into_itself_stays() -> None:
    names = Names()
    file = File(None, None, made=True)
    names.put(b"/a/f", file)
    assert names.move({b"/a": b"/a/b"}) == []
    assert list(names.items()) == [(b"/a/f", file)]


@pytest.mark.requirement("NORM-3")
def test_a_file_tells_once_that_it_lost_its_name_from_before() -> None:
    names = Names()
    early, late, made = File(b"/a/early", None), File(b"/a/late", None), File(None, None, made=True)
    names.put(b"/a/early", early)
    names.put(b"/a/made", made)
    assert names.move({b"/a": b"/b"}) == [early]
    assert names.move({b"/b": b"/a"}) == []
    assert early.was_given(b"/a/early")  # it has the name again, but from the job
    names.put(b"/a/late", late)
    assert names.move({b"/a": b"/c"}) == [early, late]
    assert names.move({b"/c": b"/d"}) == []
