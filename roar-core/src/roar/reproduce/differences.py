"""Where two files that should be the same begin to differ, said in the terms of their format.

Standard library only, and never more than a limit of each file is read: a hint, not a report.
"""

from __future__ import annotations

import csv
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

_MOST_BYTES = 64 << 20
_SHOWN = 60


def first_difference(recorded: bytes, made: bytes) -> str:
    """One clause that says where the files differ first.

    Args:
        recorded: path of a file with the recorded content.
        made: path of what came of the step.
    """
    try:
        sizes = os.path.getsize(recorded), os.path.getsize(made)
        if max(sizes) > _MOST_BYTES:
            return _of_sizes(*sizes)
        with open(recorded, "rb") as one, open(made, "rb") as other:
            before, now = one.read(_MOST_BYTES), other.read(_MOST_BYTES)
    except OSError as error:
        return f"can't be compared: {error.strerror}"
    for is_format, describe in _FORMATS:
        if is_format(os.path.basename(made).lower(), before, now):
            try:
                said = describe(before, now)
            except (
                ValueError,
                KeyError,
                struct.error,
                zlib.error,
                zipfile.BadZipFile,
                csv.Error,
                EOFError,
                RecursionError,
            ):
                continue  # not what it looks like
            if said:
                return said
    return _bytes(before, now)


def _of_sizes(before: int, now: int) -> str:
    return f"{now} bytes instead of {before}" if before != now else f"the same size, {now} bytes"


def _bytes(before: bytes, now: bytes) -> str:
    position = _first(before, now)
    sizes = "" if len(before) == len(now) else f"; {_of_sizes(len(before), len(now))}"
    return f"first difference at byte {position}{sizes}"


def _first(before: bytes, now: bytes) -> int:
    """The index of the first byte that differs: halves, as comparing whole slices is fast."""
    low, high = 0, min(len(before), len(now))
    while low < high:
        middle = (low + high) // 2
        if before[low : middle + 1] == now[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low


def _text(before: bytes, now: bytes) -> str:
    old, new = before.decode().splitlines(), now.decode().splitlines()
    for number, (was, is_) in enumerate(zip(old, new, strict=False), 1):
        if was != is_:
            return f"line {number}: {_quoted(is_)} instead of {_quoted(was)}"
    if len(old) != len(new):
        return f"{len(new)} lines instead of {len(old)}"
    return "only line endings differ"


def _csv(separator: str) -> Callable[[bytes, bytes], str]:
    def describe(before: bytes, now: bytes) -> str:
        old = list(csv.reader(io.StringIO(before.decode()), delimiter=separator))
        new = list(csv.reader(io.StringIO(now.decode()), delimiter=separator))
        header = old[0] if old else []
        for number, (was, is_) in enumerate(zip(old, new, strict=False), 1):
            for column, (one, other) in enumerate(zip(was, is_, strict=False)):
                if one != other:
                    name = header[column] if number > 1 and column < len(header) else str(column + 1)
                    return f"row {number}, column {_quoted(name)}: {_quoted(other)} instead of {_quoted(one)}"
            if len(was) != len(is_):
                return f"row {number}: {len(is_)} columns instead of {len(was)}"
        return f"{len(new)} rows instead of {len(old)}" if len(old) != len(new) else ""

    return describe


def _json(before: bytes, now: bytes) -> str:
    return next(_json_differences(json.loads(before), json.loads(now), "$"), "the same values, written differently")


def _json_differences(was: Any, is_: Any, where: str) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(is_, dict):
        for key in [*was, *(key for key in is_ if key not in was)]:
            place = f"{where}.{key}"
            if key not in is_:
                yield f"{place} is missing"
            elif key not in was:
                yield f"{place} is new"
            else:
                yield from _json_differences(was[key], is_[key], place)
    elif isinstance(was, list) and isinstance(is_, list):
        for number, (one, other) in enumerate(zip(was, is_, strict=False)):
            yield from _json_differences(one, other, f"{where}[{number}]")
        if len(was) != len(is_):
            yield f"{where}: {len(is_)} items instead of {len(was)}"
    elif was != is_ or type(was) is not type(is_):
        yield f"{where}: {_quoted(json.dumps(is_))} instead of {_quoted(json.dumps(was))}"


def _zip(before: bytes, now: bytes) -> str:
    """An archive by its members; of npz the arrays."""
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(now)) as new:
        names = old.namelist()
        for name in [*names, *(name for name in new.namelist() if name not in names)]:
            if name not in new.namelist():
                return f"{name} is missing"
            if name not in names:
                return f"{name} is new"
            one, other = old.read(name), new.read(name)
            if one != other:
                inner = _npy(one, other) if name.endswith(".npy") else _bytes(one, other)
                return f"{name}: {inner}"
    return "the same members, packed differently (times, order or compression)"


def _npy(before: bytes, now: bytes) -> str:
    """An array of NumPy's format (numpy.lib.format): its header, then the first element that differs."""
    (was, old), (is_, new) = _npy_parts(before), _npy_parts(now)
    for key, name in (("descr", "type"), ("shape", "shape"), ("fortran_order", "order")):
        if was.get(key) != is_.get(key):
            return f"{name} {is_.get(key)} instead of {was.get(key)}"
    kind = str(was["descr"])
    width = int(kind[2:]) if kind[1:2] in "biufc" and kind[2:].isdigit() else 0
    position = _first(old, new)
    if not width:
        return f"first difference at byte {position} of the data"
    index = position // width
    code = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I",
            "u8": "Q", "b1": "?"}.get(kind[1:])  # fmt: skip
    differing = sum(
        old[start : start + width] != new[start : start + width]
        for start in range(index * width, min(len(old), len(new)), width)
    )
    values = ""
    if code:
        order = ">" if kind[0] == ">" else "<"
        [one], [other] = (struct.unpack_from(order + code, data, index * width) for data in (old, new))
        values = f": {other!r} instead of {one!r}"
    return f"element {index}{values}; {differing} of {len(old) // width} differ"


def _npy_parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    import ast

    if content[:6] != b"\x93NUMPY":
        raise ValueError("not an array")
    size, start = struct.unpack_from("<H", content, 8)[0], 10
    if content[6] > 1:
        size, start = struct.unpack_from("<I", content, 8)[0], 12
    try:
        header = ast.literal_eval(content[start : start + size].decode("latin-1").strip())
    except SyntaxError as error:
        raise ValueError(str(error)) from error
    if not isinstance(header, dict) or "descr" not in header:
        raise ValueError("no header")
    return header, content[start + size :]


def _png(before: bytes, now: bytes) -> str:
    """A PNG image: size, kind, else how many bytes of its rows differ, else that only what describes it does."""
    old, new = _png_parts(before), _png_parts(now)
    if old[0] != new[0]:
        (width, height, *rest), (new_width, new_height, *new_rest) = old[0], new[0]
        if (width, height) != (new_width, new_height):
            return f"{new_width}x{new_height} pixels instead of {width}x{height}"
        return f"colour type {new_rest} instead of {rest}"
    if old[1] == new[1]:
        return "the same pixels; only what describes the image differs"
    width, height, depth, colour, *_ = old[0]
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    row = 1 + (width * channels * depth + 7) // 8
    position = _first(old[1], new[1])
    rows = sum(old[1][n * row : (n + 1) * row] != new[1][n * row : (n + 1) * row] for n in range(height))
    return f"{width}x{height} pixels, first difference in row {position // row + 1}; {rows} of {height} rows differ"


def _png_parts(content: bytes) -> tuple[tuple[int, ...], bytes]:
    """The header, and the rows as they are filtered (PNG specification, 5 and 9)."""
    position, header, packed = 8, (), b""
    while position + 8 <= len(content):
        (size,) = struct.unpack_from(">I", content, position)
        kind, data = content[position + 4 : position + 8], content[position + 8 : position + 8 + size]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", data)
        elif kind == b"IDAT":
            packed += data
        position += size + 12
    return header, zlib.decompress(packed)


def _image(before: bytes, now: bytes) -> str:
    """The sizes of images whose pixels can't be read here."""
    old, new = _image_size(before), _image_size(now)
    if old and new and old != new:
        return f"{new[0]}x{new[1]} pixels instead of {old[0]}x{old[1]}"
    return f"{new[0]}x{new[1]} pixels both, {_bytes(before, now)}" if new else ""


def _image_size(content: bytes) -> tuple[int, int] | None:
    if content[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack_from("<HH", content, 6)
        return width, height
    if content[:2] == b"BM":
        width, height = struct.unpack_from("<ii", content, 18)
        return width, abs(height)
    if content[:2] != b"\xff\xd8":
        return None
    position = 2  # JPEG: segments until the frame's header (ITU T.81, B.2)
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker, size = content[position + 1], struct.unpack_from(">H", content, position + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, position + 5)
            return width, height
        position += 2 + size
    return None


def _quoted(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _both(magic: bytes) -> Callable[[bytes, bytes, bytes], bool]:
    return lambda name, before, now: before.startswith(magic) and now.startswith(magic)


def _named(*suffixes: bytes) -> Callable[[bytes, bytes, bytes], bool]:
    return lambda name, before, now: name.endswith(suffixes)


def _is_text(name: bytes, before: bytes, now: bytes) -> bool:
    return b"\0" not in before[:8192] and b"\0" not in now[:8192]


_FORMATS: tuple[tuple[Callable[[bytes, bytes, bytes], bool], Callable[[bytes, bytes], str]], ...] = (
    (_both(b"PK\x03\x04"), _zip),
    (_both(b"\x93NUMPY"), _npy),
    (_both(b"\x89PNG\r\n\x1a\n"), _png),
    (_both(b"GIF8"), _image),
    (_both(b"BM"), _image),
    (_both(b"\xff\xd8"), _image),
    (_named(b".csv"), _csv(",")),
    (_named(b".tsv"), _csv("\t")),
    (_named(b".json", b".ipynb", b".geojson"), _json),
    (_is_text, _text),
)
