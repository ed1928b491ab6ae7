"""The variables that a step gets: the user's own, with what was recorded by value as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from roar.reproduce.mapping import Mapping as Places
from roar.workspace.secret_names import REDACTED

_OF_HERE = frozenset({"PATH", "SHELL", "TERM", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE", "CONDA_PYTHON_EXE", "HOME"})
"""Where programs are here, and who looks."""
_PERSONAL = ("OLDPWD", "PWD", "_", "SHLVL")


def step_variables(
    recorded: Mapping[str, Any],
    here: Mapping[str, str],
    by_value: frozenset[str],
    places: Places,
    programs: Sequence[bytes],
    modules: Sequence[bytes],
    environment: bytes | None,
    cwd: bytes,
) -> dict[str, str]:
    """The environment of a step.

    Args:
        recorded: the step's ``variables``.
        here: the environment of this process.
        by_value: the names in `here` that are recorded by value, and so would be in the record if they had been set.
        places: of the recorded repository.
        programs: directories that go first on the PATH.
        modules: directories that go first on the path of Python's modules.
        environment: the virtual environment, if there is one.
        cwd: the step's directory.
    """
    variables = {
        name: value if name in _OF_HERE else places.text(value) for name, value in here.items() if name not in _PERSONAL
    }
    if recorded:
        for name in by_value - recorded.keys() - _OF_HERE:
            variables.pop(name, None)
    for name, value in recorded.items():
        if isinstance(value, str) and name not in _OF_HERE and REDACTED not in value:
            variables[name] = places.text(value)
    path = [os.fsdecode(directory) for directory in programs]
    variables["PATH"] = ":".join([*path, places.text(here.get("PATH", os.defpath))])
    if modules:
        further = variables.get("PYTHONPATH")
        variables["PYTHONPATH"] = ":".join([*map(os.fsdecode, modules), *([further] if further else [])])
    variables.pop("VIRTUAL_ENV", None)
    if environment is not None:
        variables["VIRTUAL_ENV"] = os.fsdecode(environment)
    variables["PWD"] = os.fsdecode(cwd)
    return variables


def missing_variables(recorded: Mapping[str, Any], here: Mapping[str, str]) -> list[str]:
    """Names that were set when the step was recorded, by values that weren't kept, and are not set now."""
    return sorted(
        name
        for name, value in recorded.items()
        if name not in here and name not in _PERSONAL and not (isinstance(value, str) and REDACTED not in value)
    )
