"""Many files counted by folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.render.folders import FOLDERS, Folder, by_folder

PATHS = st.lists(
    st.lists(st.sampled_from([b"a", b"b", b"c", b"\xff"]), min_size=1, max_size=5).map(
        lambda parts: b"/" + b"/".join(parts)
    ),
    unique=True,
    max_size=60,
)


@pytest.mark.requirement("PERF-3")
def test_the_fullest_folders_are_opened_as_long_as_there_is_room() -> None:
    files = [(b"/w/raw/%d" % number, 1) for number in range(9)]
    files += [(b"/w/parts/%d/%d" % (number % 3, number), 2) for number in range(300)]
    assert by_folder(files, 4) == [
        Folder(b"/w/parts/0", 100, 200),
        Folder(b"/w/parts/1", 100, 200),
        Folder(b"/w/parts/2", 100, 200),
        Folder(b"/w/raw", 9, 9),
    ]
    assert by_folder(files, 3) == [Folder(b"/w/parts", 300, 600), Folder(b"/w/raw", 9, 9)]
    assert by_folder([(b"/w/x", 1)]) == [Folder(b"/w", 1, 1)]


@pytest.mark.requirement("PERF-3")
@given(PATHS)
def test_every_file_is_counted_once_below_its_folder(paths: list[bytes]) -> None:
    found = by_folder((path, 3) for path in paths)
    assert len(found) <= max(FOLDERS, 1)
    assert sum(folder.files for folder in found) == len(paths)
    assert all(
        any(path.startswith(folder.path.rstrip(b"/") + b"/") for path in paths) for folder in found if folder.files
    )
