"""The environment of a run: the software that it really used, found by what it read and executed.

Nothing is started to find it, and what hasn't changed since an earlier run is not looked at again (`lookups`).  What a run
needs no knowledge of is not imported.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence, Set
from typing import TYPE_CHECKING, Any

from roar.run.debian import ADMIN, is_candidate, owners
from roar.run.elf import libraries
from roar.run.lookups import Lookups

if TYPE_CHECKING:
    from roar.run.interpreters import Interpreter

_SYSTEM = frozenset({b"/bin", b"/usr/bin", b"/sbin", b"/usr/sbin", b"/usr/local/bin"})

_NOT_USED = (b"_distutils_hack/", b"_virtualenv.py", b"sitecustomize.py")
"""What every interpreter reads of what is installed, whatever it is to run."""

_R = ("renv.lock", "packrat/packrat.lock")
_NODE = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock")
_LOCK_FILES: dict[bytes, tuple[str, ...]] = {
    b"R": _R,
    b"Rscript": _R,
    b"node": _NODE,
    b"nodejs": _NODE,
    b"bun": _NODE,
    b"deno": ("deno.lock",),
    b"julia": ("Manifest.toml", "JuliaManifest.toml"),
    b"ruby": ("Gemfile.lock",),
    b"cargo": ("Cargo.lock",),
    b"go": ("go.sum",),
}
"""Program → the files that tell of its packages."""


def software(
    read: Iterable[bytes], executables: Collection[bytes], root: bytes, cwd: bytes, lookups: Lookups
) -> dict[str, Any]:
    """What was installed of what the run used.

    Args:
        read: the files that it read, canonical.
        executables: the programs that it ran, canonical.
        root: of the workspace.
        cwd: where the command ran.
        lookups: what earlier runs found; what is new is put into it.

    Returns:
        ``packages``: Python distributions, name → version; and those of these sections that have something in them:
        ``python``: the interpreters, and whether anything installed was ``imported``; ``origins``: distribution → URL, of
        those that are not from an index; ``conda`` and ``debian``: package → version; ``manifests``: see
        `roar.run.manifests`.
    """
    sites: set[bytes] = set()
    configurations: set[bytes] = set()
    shared = set(executables)
    for path in read:
        if b".so" in path:
            shared.add(path)
        if b"-packages/" in path:
            above, part, name = path.rpartition(b"-packages/")
            if above.endswith((b"/site", b"/dist")) and not name.endswith(b".pth") and not name.startswith(_NOT_USED):
                sites.add(above + part[:-1])
        elif path.endswith(b"/pyvenv.cfg"):
            configurations.add(path)
    sections: dict[str, Any] = {"packages": {}}
    if sites or configurations or any(b"/bin/python" in program for program in executables):
        sections |= _python(sites, configurations, executables, lookups)
    sections["conda"] = _conda(executables, lookups)
    if os.path.exists(ADMIN):
        shared |= libraries(sorted(shared), lookups)
        sections["debian"] = owners(sorted(filter(is_candidate, shared)), lookups)
    wanted = {_LOCK_FILES[name] for program in executables if (name := program.rpartition(b"/")[2]) in _LOCK_FILES}
    if wanted:
        from roar.run.manifests import manifests

        sections["manifests"] = manifests(sorted(wanted), root, cwd, lookups)
    return {name: section for name, section in sections.items() if section or name == "packages"}


def _python(
    sites: Set[bytes], configurations: Collection[bytes], executables: Collection[bytes], lookups: Lookups
) -> dict[str, Any]:
    from roar.run.interpreters import distributions, interpreters

    found = interpreters(configurations, executables)
    theirs = [site for interpreter in found for site in interpreter.sites]
    others = [os.fsdecode(site) for site in sorted(set(sites).difference(theirs))]  # a user's own, or of PYTHONPATH
    packages, origins = distributions([*theirs, *sorted(sites)], lookups)
    described = _described(found, sites, lookups)
    if described and others:
        described[0]["other_sites"] = others
    return {"packages": packages, "origins": origins, "python": described}


def _described(found: Sequence[Interpreter], sites: Set[bytes], lookups: Lookups) -> list[dict[str, Any]]:
    """The interpreters as they are recorded; each with its packages where one list can't tell whose they are."""
    from roar.run.interpreters import distributions

    described: list[dict[str, Any]] = []
    for interpreter in found:
        one: dict[str, Any] = {
            "version": interpreter.version,
            "kind": interpreter.kind,
            "prefix": os.fsdecode(interpreter.prefix),
            "imported": not sites.isdisjoint(interpreter.sites),
        }
        if interpreter.base != interpreter.prefix:
            one["base"] = os.fsdecode(interpreter.base)
        if len(found) > 1:
            one["packages"] = distributions(interpreter.sites, lookups)[0]
        described.append(one)
    return described


def _conda(executables: Iterable[bytes], lookups: Lookups) -> dict[str, str]:
    """The packages of the conda environments that the programs are in."""
    directories = {os.path.dirname(program) for program in executables} - _SYSTEM
    packages: dict[str, str] = {}
    for directory in sorted(directories):
        prefix = directory.removesuffix(b"/bin")
        if prefix != directory and os.path.isdir(prefix + b"/conda-meta"):
            from roar.run.interpreters import conda_packages

            packages |= conda_packages(prefix, lookups)
    return packages
