"""Kernel modules: which ones a kernel needs before its root is there, taken out of an unpacked package.

modules.dep is made when a package is installed, so dependencies are read from the modules themselves.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Sequence
from pathlib import Path

_DEPENDENCIES = re.compile(rb"\0(?:depends|softdep)=([^\0]*)")


def collect(unpacked: Path, wanted: Sequence[str], made: Path) -> None:
    """Writes the modules that `wanted` ones need, and these, as ``00-name.ko`` … in the order of loading.

    Args:
        unpacked: of the packages of one kernel.
        wanted: names with underscores; one that is built in needs no file.
        made: a directory that is made.

    Raises:
        LookupError: there is no such module.
    """
    (base,) = [*unpacked.glob("lib/modules/*"), *unpacked.glob("usr/lib/modules/*")]
    files = {_name(path.name): path for path in base.glob("kernel/**/*.ko*")}
    built_in = {_name(Path(line).name) for line in (base / "modules.builtin").read_text().split()}
    order: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in built_in or name in order:
            return
        if name not in files:
            raise LookupError(f"{base.name} has no module {name}")
        content = _read(files[name])
        for found in _DEPENDENCIES.findall(content):
            before = found.decode().split("post:")[0].replace("pre:", " ")
            for one in re.split(r"[,\s]+", before):
                if one:
                    add(_name(one))
        order[name] = content

    for name in wanted:
        add(name)
    made.mkdir()
    for number, (name, content) in enumerate(order.items()):
        (made / f"{number:02}-{name}.ko").write_bytes(content)


def _name(file: str) -> str:
    return file.split(".ko")[0].replace("-", "_")


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content
