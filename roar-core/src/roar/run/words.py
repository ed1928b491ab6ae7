"""What the words and options of `roar run` mean: labels, sizes, parameter files, and running a step again."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roar.api.errors import NotFound, Refused, UsageError
from roar.api.records import JobKind
from roar.context import Context
from roar.workspace.secrets import REDACTED

_STEP = re.compile(r"^@(B?)(\d+)$")


def size_of(given: str) -> int:
    """Bytes of a size such as ``10M``.  Raises UsageError."""
    from roar.workspace.sizes import parse_size

    try:
        return parse_size(given)
    except ValueError:
        raise UsageError(f"not a size: '{given}'.", "Examples: 500K, 10M, 2G") from None


def parameters_of(files: Sequence[str]) -> dict[str, Any]:
    """The values of JSON and TOML files; later files win.  Raises UsageError."""
    values: dict[str, Any] = {}
    for name in files:
        try:
            text = Path(name).read_text(encoding="utf-8")
            if name.endswith(".toml"):
                import tomllib

                read: Any = tomllib.loads(text)
            else:
                read = json.loads(text)
        except OSError as error:
            raise UsageError(
                f"the parameter file can't be read: {name}: {error.strerror}", "Check the path."
            ) from error
        except ValueError as error:
            raise UsageError(f"the parameter file is neither JSON nor TOML: {name}: {error}", "Correct it.") from error
        if not isinstance(read, dict):
            raise UsageError(f"the parameter file holds no names and values: {name}", 'Example: {"epochs": 10}')
        values.update(json.loads(json.dumps(read, default=str)))
    return values


def rerun_words(context: Context, words: Sequence[str]) -> tuple[str, ...]:
    """The command of an earlier step, with options of its command line overridden.

    Args:
        context: the workspace.
        words: ``@N`` and then only ``--key=value``.

    Raises:
        NotFound: there is no such step.
        Refused: it can't be run again from its record.
        UsageError: something else follows ``@N``.
    """
    found = _STEP.match(words[0])
    if not found:
        raise UsageError(f"not a step: '{words[0]}'.", "Example: roar run @3 --epochs=20")
    for word in words[1:]:
        if not (word.startswith("--") and "=" in word):
            raise UsageError(f"after {words[0]} only --option=value may follow, not '{word}'.", "See: roar run --help")
    kind: JobKind = "build" if found[1] else "run"
    from roar.reproduce.mapping import words_now

    storage = context.storage(read_only=True)
    try:
        job = storage.job_at(int(found[2]), kind)
    finally:
        storage.close()
    if job is None:
        raise NotFound(f"there is no step {words[0]} in the active session.", "Run: roar log")
    if any(REDACTED in word for word in job.command):
        raise Refused(
            f"step {words[0]} had a secret in its command, which was not recorded.", "Type the command again, in full."
        )
    here, there = os.path.realpath(os.getcwdb()), job.cwd
    if here != there:
        raise Refused(f"step {words[0]} ran in another directory.", f"Run: cd {os.fsdecode(there)}")
    return override(words_now(job), words[1:])


def override(command: Sequence[str], options: Sequence[str]) -> tuple[str, ...]:
    """A command line with options replaced, in the form (``--k=v`` or ``--k v``) that they have there, or added at the end."""
    result = list(command)
    for option in options:
        key, _, value = option.partition("=")
        for i, word in enumerate(result):
            if word.startswith(key + "="):
                result[i] = option
                break
            if word == key and i + 1 < len(result):
                result[i + 1] = value
                break
        else:
            result.append(option)
    return tuple(result)
