"""The Python interpreters of a run and what was installed for each, read from their directories.

A virtual environment is known by the `pyvenv.cfg` that its interpreter reads (PEP 405), any other interpreter by the
program that was executed, as the links to it lead to the same file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from roar.run.lookups import Lookups

_PYTHON = rb"^(.*)/bin/python3?(?:\.(\d+))?$"
_DISTRIBUTION = r"^(?P<name>.+?)-(?P<version>[^-]+?)(?:-py\d[^-]*)?\.(?:dist|egg)-info$"
_CONDA = r"^(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json$"
_PATCHLEVEL = r'#define\s+PY_VERSION\s+"([^"]+)"'
_IN_PATH = r"(?:^|[/-])(3\.\d+\.\d+)(?:[/-]|$)"
_DEBIAN_PREFIXES = (b"/usr", b"/usr/local")


class Interpreter(NamedTuple):
    """An interpreter that a run used."""

    prefix: bytes
    kind: str
    """``venv``, ``uv``, ``conda``, ``system`` or ``installation``."""
    version: str
    """``3.11.7``, or ``3.11`` where no more can be known without starting it; empty when not even that."""
    base: bytes
    """The installation that a virtual environment was made from; of others `prefix`."""
    sites: tuple[bytes, ...]


def interpreters(configurations: Iterable[bytes], executables: Iterable[bytes]) -> list[Interpreter]:
    """The interpreters, virtual environments first.

    Args:
        configurations: the `pyvenv.cfg` files that were read.
        executables: the programs that were run, canonical.
    """
    found = [_environment(path) for path in sorted(configurations)]
    bases = {interpreter.base for interpreter in found}
    for program in sorted(set(executables)):
        match = re.match(_PYTHON, program) if b"/bin/python" in program else None
        if match and match[1] not in bases:
            bases.add(match[1])
            found.append(_installation(match[1], match[2]))
    return found


def interpreter_at(prefix: bytes, version: str = "") -> Interpreter | None:
    """The interpreter of a virtual environment or installation, None where there is none.

    Args:
        prefix: its directory.
        version: of which one is wanted where there are several.
    """
    configuration = prefix + b"/pyvenv.cfg"
    if os.path.isfile(configuration):
        return _environment(configuration)
    minor = version.split(".")[1] if version.startswith("3.") else ""
    for name in (f"python3.{minor}",) if minor else ("python3", "python"):
        program = os.path.realpath(prefix + b"/bin/" + name.encode())
        match = re.match(_PYTHON, program)
        if match and os.access(program, os.X_OK):
            return _installation(match[1], match[2])
    return None


def _environment(configuration: bytes) -> Interpreter:
    prefix = os.path.dirname(configuration)
    settings = dict(_settings(configuration))
    base = os.path.dirname(os.path.realpath(os.fsencode(settings.get("home", "")))) if settings.get("home") else prefix
    version = settings.get("version_info") or settings.get("version") or ""
    sites = _sites_below(prefix)
    if settings.get("include-system-site-packages", "").lower() == "true":
        sites += _sites_below(base)
    return Interpreter(prefix, "uv" if "uv" in settings else "venv", _numbers(version), base, tuple(sites))


def _settings(path: bytes) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                name, equals, value = line.partition("=")
                if equals:
                    yield name.strip().lower(), value.strip()
    except OSError:
        return


def _numbers(version: str) -> str:
    """``3.11.7`` of ``3.11.7.final.0``."""
    found = re.match(r"\d+(?:\.\d+){0,2}(?:[a-z]+\d+)?", version)
    return found[0] if found else ""


def _installation(prefix: bytes, minor: bytes | None) -> Interpreter:
    conda = os.path.isdir(prefix + b"/conda-meta")
    kind = "conda" if conda else "system" if prefix in _DEBIAN_PREFIXES else "installation"
    sites = _sites_below(prefix, minor)
    name = os.fsdecode(prefix)
    in_path = re.search(_IN_PATH, name)
    version = in_path[1] if in_path else _patchlevel(prefix, minor)
    return Interpreter(prefix, kind, version or (f"3.{minor.decode()}" if minor else ""), prefix, tuple(sites))


def _patchlevel(prefix: bytes, minor: bytes | None) -> str:
    for header in (prefix + b"/include/python3." + minor + b"/patchlevel.h",) if minor else ():
        try:
            with open(header, encoding="ascii", errors="replace") as file:
                found = re.search(_PATCHLEVEL, file.read(8192))
        except OSError:
            continue
        if found:
            return found[1]
    return ""


def _sites_below(prefix: bytes, minor: bytes | None = None) -> list[bytes]:
    library = prefix + b"/lib"
    try:
        names = [b"python3." + minor] if minor else [n for n in os.listdir(library) if n.startswith(b"python3.")]
    except OSError:
        return []
    sites = [library + b"/" + name + b"/site-packages" for name in names]
    if prefix in _DEBIAN_PREFIXES:  # what Debian has instead
        sites = [*sites, b"/usr/lib/python3/dist-packages"]
        sites += [b"/usr/local/lib/" + name + b"/dist-packages" for name in names]
    return sites


def distributions(sites: Iterable[bytes], lookups: Lookups) -> tuple[dict[str, str], dict[str, str]]:
    """What is installed in directories of packages: name → version, and name → where it is from, if not from an index.

    Args:
        sites: the directories, the one that wins first.
        lookups: for those that have not changed since they were last listed.
    """
    versions: dict[str, str] = {}
    origins: dict[str, str] = {}
    for site in dict.fromkeys(sites):
        for name, (version, origin) in _listed(site, lookups).items():
            if name not in versions:
                versions[name] = version
                if origin:
                    origins[name] = origin
    return _by_name(versions), _by_name(origins)


def _by_name(values: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(values.items(), key=lambda item: item[0].lower()))


def _listed(site: bytes, lookups: Lookups) -> dict[str, list[str]]:
    place = os.fsdecode(site)
    try:
        state = os.stat(site).st_ctime_ns
    except OSError:
        return {}
    known: dict[str, list[str]] | None = lookups.get(place, state)
    if known is not None:
        return known
    found: dict[str, list[str]] = {}
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return {}
    for entry in names:
        match = re.match(_DISTRIBUTION, entry) if entry.endswith("-info") else None
        if match:
            found.setdefault(match["name"], [match["version"], _origin(f"{place}/{entry}/direct_url.json")])
    lookups.put(place, state, found)
    return found


def _origin(record: str) -> str:
    """Where a distribution is from that was not taken from an index (PEP 610), without credentials; else nothing."""
    try:
        with open(record, encoding="utf-8") as file:
            text = file.read(65536)
    except (OSError, ValueError):
        return ""
    import json

    from roar.workspace.secret_urls import without_credentials

    try:
        said: Any = json.loads(text)
        url = without_credentials(str(said["url"]))
        if said.get("dir_info", {}).get("editable"):
            return f"editable {url}"
        commit = said.get("vcs_info", {}).get("commit_id")
        return f"{said['vcs_info']['vcs']}+{url}@{commit}" if commit else url
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def conda_packages(prefix: bytes, lookups: Lookups) -> dict[str, str]:
    """The packages of a conda environment: name → version and build."""
    directory = os.fsdecode(prefix) + "/conda-meta"
    try:
        state = os.stat(directory).st_ctime_ns
        known: dict[str, str] | None = lookups.get(directory, state)
        if known is not None:
            return known
        names = sorted(os.listdir(directory))
    except OSError:
        return {}
    found = {match["name"]: f"{match['version']} {match['build']}" for n in names if (match := re.match(_CONDA, n))}
    lookups.put(directory, state, found)
    return found
