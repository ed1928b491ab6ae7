"""Where two files begin to differ, in the terms of their format; and paths within words."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy
import pytest

from roar.reproduce.differences import first_difference
from roar.reproduce.mapping import Mapping, aliases
from roar.reproduce.variables import step_variables

pytestmark = pytest.mark.requirement("REP-2")


def npz(**arrays: numpy.ndarray) -> bytes:
    target = io.BytesIO()
    numpy.savez(target, **arrays)
    return target.getvalue()


def npy(array: numpy.ndarray) -> bytes:
    target = io.BytesIO()
    numpy.save(target, array)
    return target.getvalue()


def png(width: int, rows: list[bytes], text: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    extra = chunk(b"tEXt", text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def packed(*members: tuple[str, str], year: int = 1980) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


ZEROS, NINE = numpy.zeros(4), numpy.array([0.0, 0.0, 9.5, 0.0])
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08%b\x01\x01\x11\x00"
GIF = b"GIF89a%b\0\0\0"


@pytest.mark.parametrize(
    ("name", "before", "now", "said"),
    [
        ("a.txt", b"one\ntwo\n", b"one\nzwei\n", "line 2: 'zwei' instead of 'two'"),
        ("a.txt", b"one\n", b"one\ntwo\n", "2 lines instead of 1"),
        ("a.txt", b"one\n", b"one\r\n", "only line endings differ"),
        ("a.csv", b"name,value\na,1\n", b"name,value\na,2\n", "row 2, column 'value': '2' instead of '1'"),
        ("a.csv", b"x,y\n1,2\n", b"x,z\n1,2\n", "row 1, column '2': 'z' instead of 'y'"),
        ("a.csv", b"x\n1\n", b"x\n1\n2\n", "3 rows instead of 2"),
        ("a.tsv", b"x\ty\n1\t2\n", b"x\ty\n1\t2\t3\n", "row 2: 3 columns instead of 2"),
        ("a.json", b'{"a": [1, {"b": 2}]}', b'{"a": [1, {"b": 3}]}', "$.a[1].b: '3' instead of '2'"),
        ("a.json", b'{"a": 1}', b'{"a": 1, "b": 2}', "$.b is new"),
        ("a.json", b"[1]", b"[1, 2]", "$: 2 items instead of 1"),
        ("a.json", b'{"a":1}', b'{"a": 1}', "the same values, written differently"),
        ("a.json", b"{", b"[", "line 1: '[' instead of '{'"),
        ("a.npz", npz(x=ZEROS), npz(x=NINE), "x.npy: element 2: 9.5 instead of 0.0; 1 of 4 differ"),
        ("a.npz", npz(x=ZEROS), npz(y=ZEROS), "x.npy is missing"),
        ("a.npy", npy(ZEROS), npy(ZEROS.reshape(2, 2)), "shape (2, 2) instead of (4,)"),
        ("a.npy", npy(ZEROS), npy(ZEROS.astype("f4")), "type <f4 instead of <f8"),
        ("a.npy", npy(numpy.array([1, 2])), npy(numpy.array([1, 3])), "element 1: 3 instead of 2; 1 of 2 differ"),
        ("a.zip", packed(("a", "x")), packed(("a", "x"), year=2000),
         "the same members, packed differently (times, order or compression)"),
        ("a.zip", packed(("a", "x")), packed(("a", "y")), "a: first difference at byte 0"),
        ("a.png", png(2, [b"ab", b"cd"]), png(2, [b"ab", b"cX"]),
         "2x2 pixels, first difference in row 2; 1 of 2 rows differ"),
        ("a.png", png(2, [b"ab"]), png(3, [b"abc"]), "3x1 pixels instead of 2x1"),
        ("a.png", png(2, [b"ab"]), png(2, [b"ab"], b"Date\0now"), "the same pixels; only what describes the image differs"),
        ("a.jpg", JPEG % b"\0\1\0\2", JPEG % b"\0\3\0\2", "2x3 pixels instead of 2x1"),
        ("a.gif", GIF % b"\1\0\2\0", GIF % b"\1\0\3\0", "1x3 pixels instead of 1x2"),
        ("a.bin", b"\0\1\2", b"\0\1\3", "first difference at byte 2"),
        ("a.bin", b"\0\1", b"\0\1\2", "first difference at byte 2; 3 bytes instead of 2"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\1", b"\x89PNG\r\n\x1a\n\0\0\0\2", "first difference at byte 11"),
    ],
)  # fmt: skip
def test_the_first_difference(tmp_path: Path, name: str, before: bytes, now: bytes, said: str) -> None:
    (tmp_path / "before").write_bytes(before)
    (tmp_path / name).write_bytes(now)
    assert first_difference(bytes(tmp_path / "before"), bytes(tmp_path / name)) == said


def test_a_document_that_is_no_more_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert first_difference(b"/nowhere", bytes(tmp_path)) == "can't be compared: No such file or directory"
    deep = "[" * 5000 + "]" * 5000
    (tmp_path / "a").write_text(json.dumps(deep))
    (tmp_path / "b.json").write_text(json.dumps(deep + "x"))
    assert first_difference(bytes(tmp_path / "a"), bytes(tmp_path / "b.json")).startswith("$: ")


@pytest.mark.parametrize(
    ("word", "mapped"),
    [
        ("/w/repo", "/new"),
        ("/w/repo/a", "/new/a"),
        ("--out=/w/repo/a", "--out=/new/a"),
        ("file:///w/repo/a", "file:///new/a"),
        ("/w/repo:/w/repo/bin", "/new:/new/bin"),
        ("/w/repo2", "/w/repo2"),
        ("/w/repo-x/a", "/w/repo-x/a"),
        ("/w/repo.git", "/w/repo.git"),
        ("x/w/repo/a", "x/w/repo/a"),
        ("open('/w/repo/a')", "open('/new/a')"),
    ],
)
def test_a_directory_is_replaced_where_it_is_one(word: str, mapped: str) -> None:
    places = Mapping([(b"/w/repo", b"/new")])
    assert places.text(word) == mapped
    assert places.path(b"/w/repo2/x") is None and places.path(b"/w/repo/x") == b"/new/x"


@pytest.mark.parametrize(
    ("word", "runs_as"),
    [
        ("../data", "/w/data"),
        ("--in=./../data", "--in=/w/data"),
        ("x=../data", "x=../data"),
        ("..", "/w"),
        ("../env/bin/python", "/new/.git/1/bin/python"),
        ("a/../../data", "a/../../data"),
        ("..data", "..data"),
    ],
)
def test_a_path_out_of_the_repository_leads_where_it_did(word: str, runs_as: str) -> None:
    places = Mapping([(b"/w/env", b"/new/.git/1"), (b"/w/repo", b"/new")])
    assert places.words([word], b"/w/repo", b"/new") == (runs_as,)
    beside = Mapping([(b"/w/repo", b"/w/repo-reproduced")])
    assert beside.words([word], b"/w/repo", b"/w/repo-reproduced") == (word,)
    assert places.words(["../a"], b"/w/repo/sub", b"/new/sub") == ("../a",)


def test_other_names_of_a_directory_are_found_where_they_are_mentioned(tmp_path: Path) -> None:
    (tmp_path / "real/repo/sub dir").mkdir(parents=True)
    root = bytes(tmp_path.resolve() / "real/repo")
    (tmp_path / "above").symlink_to("real")
    (tmp_path / "there").symlink_to("real/repo")
    (tmp_path / "sub link").symlink_to("real/repo/sub dir")
    (tmp_path / "other").symlink_to("real")
    texts = [
        f"--out={tmp_path}/above/repo/x",
        f"a:{tmp_path}/there/sub dir:b",
        f"{tmp_path}/sub link/y",
        f"{tmp_path}/real/repo/x",
        f"{tmp_path}/other/x",
        "no/path",
        "/nowhere",
        "/" + "x" * 5000,
        "\0/",
    ]
    assert aliases(texts, root) == [
        (bytes(tmp_path / "above/repo"), root),
        (bytes(tmp_path / "sub link"), root + b"/sub dir"),
        (bytes(tmp_path / "there"), root),
    ]


@pytest.mark.requirement("REP-5")
def test_no_variable_leads_into_the_recorded_repository() -> None:
    """A step that took it from there would overwrite what was recorded."""
    here = {"DATA": "/w/repo/data", "PATH": "/w/repo/bin:/bin", "HOME": "/w/repo", "PWD": "/w/repo", "N": "1"}
    places = Mapping([(b"/w/repo", b"/new")])
    found = step_variables(
        {"OUT": "/w/repo/out"}, here, frozenset(), places, [b"/env/bin"], [b"/new/src"], None, b"/new"
    )
    assert found == {
        "DATA": "/new/data", "OUT": "/new/out", "PATH": "/env/bin:/new/bin:/bin", "PYTHONPATH": "/new/src", "HOME": "/w/repo",
        "PWD": "/new", "N": "1",
    }  # fmt: skip
