"""Packages that an environment only points to: where their modules are, when that is in the recorded repository.

A path file has the directory (`site`), or loads a finder that setuptools has written, with a table of packages.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
from collections.abc import Iterable, Iterator

_FINDER = re.compile(rb"^import\s+(__editable__\w+)")
_TABLE = re.compile(r"^MAPPING\b[^=]*=\s*(\{.*?\})\s*$", re.MULTILINE | re.DOTALL)


def editable_directories(sites: Iterable[bytes], root: bytes) -> list[bytes]:
    """Directories of the repository in which an environment's modules are looked for, in its order.

    Args:
        sites: the environment's directories of packages.
        root: of the repository, canonical.
    """
    found = [os.path.realpath(path) for site in sites for path in _pointed_to(site)]
    inside = [path for path in found if path == root or path.startswith(root + b"/")]
    return list(dict.fromkeys(path for path in inside if not _is_below(path, sites)))


def _is_below(path: bytes, directories: Iterable[bytes]) -> bool:
    return any(path == directory or path.startswith(directory + b"/") for directory in directories)


def _pointed_to(site: bytes) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(site)):
            if name.endswith(b".pth"):
                yield from _of_path_file(os.path.join(site, name), site)


def _of_path_file(path: bytes, site: bytes) -> Iterator[bytes]:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        for line in file.read().splitlines():
            finder = _FINDER.match(line)
            if finder:
                yield from _of_finder(os.path.join(site, finder[1] + b".py"))
            elif line.strip() and not line.startswith((b"#", b"import ", b"import\t")):
                yield os.path.join(site, line.strip())


def _of_finder(path: bytes) -> Iterator[bytes]:
    with contextlib.suppress(OSError, ValueError, SyntaxError, AttributeError), open(path, encoding="utf-8") as file:
        table = _TABLE.search(file.read())
        if table:
            yield from (os.path.dirname(os.fsencode(place)) for place in ast.literal_eval(table[1]).values())
