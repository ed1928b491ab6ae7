"""The environment of a run: system, and the Python packages of the interpreters that it really used."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

_SITE = rb"^(.*/(?:site|dist)-packages)/"
_PYTHON = rb"^(.*)/bin/python3?(?:\.(\d+))?$"
_DISTRIBUTION = r"^(?P<name>.+?)-(?P<version>[^-]+?)(?:-py\d[^-]*)?\.(?:dist|egg)-info$"


def system() -> dict[str, Any]:
    """The machine and its software: kernel, architecture, C library, processors, memory in bytes."""
    uname = os.uname()
    described = {
        "kernel": uname.release,
        "system": uname.sysname,
        "machine": uname.machine,
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "roar_python": ".".join(map(str, sys.version_info[:3])),
    }
    with contextlib.suppress(ValueError, OSError):  # another C library than glibc
        described["libc"] = os.confstr("CS_GNU_LIBC_VERSION")
    release = _os_release()
    if release:
        described["distribution"] = release
    return described


def _os_release() -> str | None:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("PRETTY_NAME="):
                    return line.partition("=")[2].strip().strip("\"'")
    except OSError:
        pass
    return None


def packages(paths: Iterable[bytes], executables: Iterable[bytes]) -> dict[str, str]:
    """The Python distributions installed where the run's interpreters looked.

    Args:
        paths: the files that the run read.
        executables: the programs that it ran.

    Returns:
        Name → version, by name.
    """
    sites: set[bytes] = set()
    virtual = False
    for path in paths:
        if b"-packages/" in path:
            found = re.match(_SITE, path)
            if found:
                sites.add(found[1])
        elif path.endswith(b"/pyvenv.cfg"):
            virtual = True
            sites.update(_sites_below(os.path.dirname(path)))
    # in a virtual environment the program is a link to the base interpreter, whose packages are not seen from there
    for program in () if virtual else executables:
        found = re.match(_PYTHON, program) if b"/bin/python" in program else None
        if found:
            sites.update(_sites_below(found[1], found[2]))
    installed: dict[str, str] = {}
    for site in sorted(sites):
        for name, version in _distributions(site):
            installed.setdefault(name, version)
    return dict(sorted(installed.items(), key=lambda item: item[0].lower()))


def _sites_below(prefix: bytes, minor: bytes | None = None) -> list[bytes]:
    library = prefix + b"/lib"
    try:
        names = [b"python3." + minor] if minor else [n for n in os.listdir(library) if n.startswith(b"python3.")]
    except OSError:
        return []
    return [library + b"/" + name + b"/site-packages" for name in names]


def _distributions(site: bytes) -> Iterable[tuple[str, str]]:
    try:
        names = os.listdir(site)
    except OSError:
        return
    for name in names:
        if name.endswith(b"-info"):
            found = re.match(_DISTRIBUTION, os.fsdecode(name))
            if found:
                yield found["name"], found["version"]
