"""Which packages of Debian's own a run's programs and libraries belong to, from dpkg's files; dpkg is not started."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from roar.run.lookups import Lookups

ADMIN = "/var/lib/dpkg"
_PLACES = (b"/usr/", b"/lib", b"/bin/", b"/sbin/")
_NOT_OURS = b"/usr/local/"
_COMMON = (
    "libc6", "coreutils", "bash", "dash", "libselinux1", "libpcre2-8-0", "libtinfo6", "zlib1g", "libgcc-s1",
    "libstdc++6", "findutils", "grep", "sed", "mawk", "gawk", "make", "tar", "gzip",
)  # fmt: skip
"""Looked at first: as a rule that ends the search."""


def is_candidate(path: bytes) -> bool:
    """Whether a package may own the file."""
    return path.startswith(_PLACES) and not path.startswith(_NOT_OURS)


def owners(paths: Collection[bytes], lookups: Lookups, admin: str = ADMIN) -> dict[str, str]:
    """The packages that own files: name → version, by name.  Files that none owns are left out.

    Every file is looked for once in the lists of all packages; from then on its package is known until one is installed,
    upgraded or removed.

    Args:
        paths: canonical.
        lookups: what is known already.
        admin: dpkg's directory.
    """
    status = f"{admin}/status"
    try:
        state = os.stat(status).st_ctime_ns
    except OSError:  # not Debian
        return {}
    known: dict[str, list[str]] = dict(lookups.get(status, state) or {})
    names = [os.fsdecode(path) for path in paths]
    new = [name for name in names if name not in known]
    if new:
        found = _search(new, f"{admin}/info")
        versions = _versions(status, set(found.values()))
        known |= {name: [found[name], versions.get(found[name], "")] if name in found else [] for name in new}
        lookups.put(status, state, known)
    return dict(sorted({known[name][0]: known[name][1] for name in names if known[name]}.items()))


def _search(paths: Iterable[str], info: str) -> dict[str, str]:
    """Path → package."""
    wanted: dict[bytes, str] = {}
    for path in paths:
        encoded = os.fsencode(path)
        wanted[encoded] = path
        # where /bin is a link to /usr/bin, packages may still have the old name
        wanted[encoded.removeprefix(b"/usr")] = path
    endings = {b"/" + os.path.basename(encoded) + b"\n" for encoded in wanted}
    try:
        lists = [entry.name for entry in os.scandir(info) if entry.name.endswith(".list")]
    except OSError:
        return {}
    lists.sort(key=lambda name: (_package(name).partition(":")[0] not in _COMMON, not name.startswith("lib")))
    found: dict[str, str] = {}
    left = set(wanted.values())
    for name in lists:
        content = _content(f"{info}/{name}")
        for ending in endings:
            if ending in content:
                for line in wanted.keys() & set(content.split(b"\n")):
                    found.setdefault(wanted[line], _package(name))
                    left.discard(wanted[line])
                break
        if not left:
            break
    return found


def _package(name: str) -> str:
    return name.removesuffix(".list")


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)
    except OSError:
        return b""


def _versions(status: str, packages: set[str]) -> dict[str, str]:
    """Package, with its architecture where the name has one, → version."""
    content = "\n" + _content(status).decode("utf-8", "replace")
    found: dict[str, str] = {}
    for package in packages:
        name, _, architecture = package.partition(":")
        start = 0
        while (start := content.find(f"\nPackage: {name}\n", start)) >= 0:
            end = content.find("\n\n", start)
            fields = content[start : end if end >= 0 else len(content)]
            start += 1
            if architecture and f"\nArchitecture: {architecture}\n" not in fields + "\n":
                continue
            _, _, rest = fields.partition("\nVersion: ")
            found[package] = rest.partition("\n")[0]
            break
    return found
