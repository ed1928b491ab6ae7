"""What other languages' package managers have written down of the packages of a run: lock files of R, Node, Julia and so on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from roar.run.lookups import Lookups

_MOST_BYTES = 32 << 20


def manifests(wanted: Iterable[tuple[str, ...]], root: bytes, cwd: bytes, lookups: Lookups) -> dict[str, Any]:
    """The lock files that belong to the programs that ran.

    Args:
        wanted: their names, a group a language; of each group the first that is there counts.
        root: of the workspace; a lock file is looked for from `cwd` up to here.
        cwd: where the command ran.
        lookups: what is known of files that have not changed.

    Returns:
        Name relative to `root` → ``{"sha256": …, "packages": {name: version}}``; ``packages`` only where the format is
        known.
    """
    found: dict[str, Any] = {}
    for names in wanted:
        path = _nearest(names, os.fsdecode(root), os.fsdecode(cwd))
        if path is not None:
            described = _described(path, lookups)
            if described:
                found[os.path.relpath(path, os.fsdecode(root))] = described
    return found


def _nearest(names: tuple[str, ...], root: str, cwd: str) -> str | None:
    directory = cwd
    while directory == root or directory.startswith(root + "/"):
        for name in names:
            if os.path.isfile(f"{directory}/{name}"):
                return f"{directory}/{name}"
        directory = os.path.dirname(directory)
    return None


def _described(path: str, lookups: Lookups) -> dict[str, Any]:
    try:
        state = os.stat(path)
        known: dict[str, Any] | None = lookups.get(path, state.st_ctime_ns)
        if known is not None:
            return known
        if state.st_size > _MOST_BYTES:
            return {}
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return {}
    import hashlib

    described: dict[str, Any] = {"sha256": hashlib.sha256(content).hexdigest()}
    read = _FORMATS.get(os.path.basename(path))
    if read is not None:
        try:
            described["packages"] = dict(sorted(read(content.decode()).items()))
        except (ValueError, KeyError, TypeError, AttributeError):  # not what its name says
            described["packages"] = {}
    lookups.put(path, state.st_ctime_ns, described)
    return described


def _renv(text: str) -> dict[str, str]:
    import json

    value = json.loads(text)
    return {"R": str(value["R"]["Version"])} | {
        name: str(package["Version"]) for name, package in value["Packages"].items()
    }


def _npm(text: str) -> dict[str, str]:
    import json

    value = json.loads(text)
    packages = value.get("packages")
    if packages is None:  # the first version of the format
        return {name: str(package["version"]) for name, package in value["dependencies"].items()}
    return {
        name.removeprefix("node_modules/"): str(package["version"])
        for name, package in packages.items()
        if name and "version" in package
    }


def _julia(text: str) -> dict[str, str]:
    import tomllib

    value = tomllib.loads(text)
    versions = {
        name: str(entry["version"])
        for name, entries in value.get("deps", value).items()
        if isinstance(entries, list)
        for entry in entries
        if "version" in entry
    }
    return ({"julia": str(value["julia_version"])} if "julia_version" in value else {}) | versions


def _cargo(text: str) -> dict[str, str]:
    import tomllib

    return {str(package["name"]): str(package["version"]) for package in tomllib.loads(text)["package"]}


_FORMATS: dict[str, Callable[[str], dict[str, str]]] = {
    "renv.lock": _renv,
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "Manifest.toml": _julia,
    "JuliaManifest.toml": _julia,
    "Cargo.lock": _cargo,
}
