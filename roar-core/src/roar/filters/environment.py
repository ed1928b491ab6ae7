"""Filters for what belongs to the environment: packages, libraries, programs, settings.

The environment is recorded with the job as a whole (packages with versions, variables, system), so that its files need not
be inputs.  A file outside the workspace that none of these rules knows is the user's data, and is kept.
"""

from __future__ import annotations

import os

from roar.api.filters import Direction, Filter, FilterContext, Matcher
from roar.filters.places import Rule, by_directory, home, inside
from roar.filters.scratch import in_model_caches

_PACKAGE_DIRECTORIES = (
    b"/site-packages/", b"/dist-packages/", b"/node_modules/", b"/conda-meta/", b"/site-library/", b"/.cache/pip/",
    b"/.cache/uv/", b"/.cache/pypoetry/", b"/.conda/", b"/.npm/", b"/go/pkg/mod/", b"/.cargo/registry/", b"/.gem/",
    b"/.julia/packages/", b"-linux-gnu-library/", b".egg-info/", b"/.nox/", b"/.tox/",
)  # fmt: skip
_INSTALLED = (b"/bin/", b"/lib/", b"/lib64/", b"/include/", b"/share/", b"/etc/", b"/libexec/", b"/ssl/")
"""Directories of an installation prefix."""
_ENVIRONMENT_NAMES = (b"/.venv", b"/venv", b"/.virtualenv")
_ENVIRONMENT_MARKS = (b"/pyvenv.cfg", b"/conda-meta")

_SYSTEM = (
    b"/usr/", b"/lib/", b"/lib32/", b"/lib64/", b"/libx32/", b"/bin/", b"/sbin/", b"/etc/", b"/boot/", b"/snap/",
    b"/nix/store/", b"/gnu/store/", b"/var/lib/", b"/var/cache/", b"/var/spool/", b"/home/linuxbrew/.linuxbrew/",
)  # fmt: skip
"""File hierarchy of Linux (hier(7)), and of the package managers that bring their own."""
_INTERPRETERS = (b"python", b"pypy", b"R", b"Rscript", b"julia")
_DISTRIBUTIONS = frozenset((b"miniconda", b"anaconda", b"miniforge", b"mambaforge", b"micromamba"))
"""Without the version: ``miniconda3``."""


class PackageFiles(Filter):
    """Files of installed packages, wherever their environment is: also of one inside the repository."""

    name = "package files"
    config_key = "filters.ignore_package_reads"
    reason = "the names and versions of packages are recorded with the job"
    order = 40

    def prepare(self, context: FilterContext) -> Matcher:
        """A directory is an environment when it has a usual name, or is marked as one; each is looked at once."""
        in_package = in_packages(context.root)
        return lambda path, direction: in_package(path) or path.endswith(b"/pyvenv.cfg")


def in_packages(root: bytes) -> Rule:
    """Whether a file is in a directory of packages, or in an environment's ``bin``, ``lib`` …"""
    environments: dict[bytes, bool] = {}

    def is_environment(prefix: bytes) -> bool:
        found = environments.get(prefix)
        if found is None:
            is_named = prefix != root and prefix.endswith(_ENVIRONMENT_NAMES)
            found = is_named or any(os.path.exists(prefix + mark) for mark in _ENVIRONMENT_MARKS)
            environments[prefix] = found
        return found

    def is_installed(directory: bytes) -> bool:
        return directory.endswith(_INSTALLED) and is_environment(directory[: directory.rfind(b"/", 0, -1)])

    return by_directory(_PACKAGE_DIRECTORIES, root, is_installed)


class SystemReads(Filter):
    """Libraries, programs, the interpreter and settings outside the repository."""

    name = "system files"
    config_key = "filters.ignore_system_reads"
    reason = "libraries, programs and settings outside the repository belong to the environment"
    order = 70

    def prepare(self, context: FilterContext) -> Matcher:
        """Never for a file in the workspace, nor for one that another filter is about (switching that off brings it back)."""
        root = inside(context.root)
        at_home = home()
        dotfile = inside(at_home) + b"." if at_home else b"/."
        prefixes = (*_SYSTEM, *_interpreters(context), dotfile)
        programs = frozenset(context.executables)
        in_package = in_packages(context.root)
        in_cache = in_model_caches(context)

        def is_system_directory(directory: bytes) -> bool:
            return directory.startswith(prefixes) or _is_others_settings(directory) or _is_installation(directory)

        in_system = by_directory((), context.root, is_system_directory)

        def matcher(path: bytes, direction: Direction) -> bool:
            if path.startswith(root):
                return False
            if direction == "input" and path in programs:
                return True
            if in_system(path) or path.startswith(dotfile) or _is_library(path):
                return not (in_package(path) or in_cache(path))
            return False

        return matcher


def _interpreters(context: FilterContext) -> tuple[bytes, ...]:
    """Where the interpreters that ran are installed: of ``/data/envs/ml/bin/python3`` all of ``/data/envs/ml/lib`` …"""
    prefixes: list[bytes] = []
    for program in context.executables:
        directory, _, name = program.rpartition(b"/")
        prefix = directory.removesuffix(b"/bin")
        if directory == prefix or not name.startswith(_INTERPRETERS) or prefix in (b"", home()):
            continue
        if not inside(context.root).startswith(inside(prefix)):
            prefixes += [prefix + part for part in _INSTALLED]
    return tuple(prefixes)


def _is_others_settings(directory: bytes) -> bool:
    """Whether it is a dot directory of a home that isn't the user's, where hier(7) has homes: ``/home/x/.config/``, root's."""
    if directory.startswith(b"/home/"):
        return directory[6:].partition(b"/")[2].startswith(b".")
    return directory.startswith(b"/root/.")


def _is_installation(directory: bytes) -> bool:
    """Whether it is of software that is installed as a whole: under /opt, a conda, an interpreter's own library."""
    if directory.startswith(b"/opt/") and directory.endswith(_INSTALLED):
        return True
    parent, _, name = directory[:-1].rpartition(b"/")
    return name.rstrip(b"0123456789") in _DISTRIBUTIONS or (
        name.startswith((b"python3.", b"python2.")) and parent.endswith(b"/lib")
    )


def _is_library(path: bytes) -> bool:
    """Whether it is a shared object by its name: ``libm.so``, ``libm.so.6.1``."""
    if b".so" not in path:
        return False
    _, dot, version = path.rpartition(b"/")[2].partition(b".so")
    return bool(dot) and not version.strip(b".0123456789")
