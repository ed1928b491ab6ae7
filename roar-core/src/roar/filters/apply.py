"""Sifting a job's files: each goes to the first filter that drops it, or is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from roar.api.filters import Direction, Filter, FilterContext, Matcher
from roar.filters.globs import compiled

INCLUDE = "filters.include"
EXCLUDE = "filters.exclude"
KEEP_HOOK = "roar_keep"
"""The names under which files are counted that the user's patterns or an observer dropped."""

File = tuple[bytes, Direction]
KeepHook = Callable[[bytes, Direction], bool | None]
Blame = Callable[[object, str], None]


class Sifted(NamedTuple):
    """What came of a job's files."""

    kept: list[File]
    dropped: dict[str, list[File]]
    """Filter name (or `EXCLUDE`, `KEEP_HOOK`) → what it dropped; only those that dropped anything."""
    took_every_output: tuple[str, ...]
    """When the job had outputs and none is left: the names of the filters that dropped them, the greediest first."""
    notes: tuple[str, ...]
    """Sentences for the user: the same with the key to set, and which runs of experiment trackers the job is (FILTER-3)."""


def sieve(
    files: Iterable[File],
    filters: Sequence[Filter],
    context: FilterContext,
    keep_hook: KeepHook | None = None,
    blame: Blame | None = None,
) -> Sifted:
    """Applies the filters that are switched on, in their order, and the user's patterns.

    ``filters.include`` wins over every filter, ``filters.exclude`` over none but those; the observers' opinion comes last
    and wins over all.

    Args:
        files: canonical path and direction of each.
        filters: as `Plugins.filters` gives them.
        context: what filters may look at; its ``config`` gives the switches and patterns.
        keep_hook: `Observers.roar_keep` of this command; None when no observer has that hook.
        blame: told about a filter that raises (`Plugins.blame`); it is then as if it were switched off.
    """
    everything = list(files)
    dropped: dict[str, list[File]] = {}
    included, rest = _included(everything, context)
    for item in filters:
        matcher = _prepared(item, context, blame)
        if matcher is not None:
            rest = _sift(rest, item, matcher, dropped, blame)
    rest = _excluded(rest, context, dropped)
    if keep_hook is not None:
        _ask(keep_hook, everything, included + rest, dropped)
    gone = {file for taken in dropped.values() for file in taken}
    kept = [file for file in everything if file not in gone] if gone else everything
    greedy = _greedy(kept, dropped)
    notes = [_note(name, dropped[name], filters) for name in greedy]
    return Sifted(kept, dropped, greedy, (*notes, *_links(dropped)))


def key_of(name: str, filters: Iterable[Filter]) -> str | None:
    """The configuration key that decides about files counted under a name; None when that is no filter's."""
    if name == EXCLUDE:
        return EXCLUDE
    return next((item.config_key for item in filters if item.name == name), None)


def _included(files: list[File], context: FilterContext) -> tuple[list[File], list[File]]:
    fits = compiled(context.config(INCLUDE), context.root)
    if fits is None:
        return [], files
    included: list[File] = []
    rest: list[File] = []
    for file in files:
        (included if fits(file[0]) else rest).append(file)
    return included, rest


def _excluded(files: list[File], context: FilterContext, dropped: dict[str, list[File]]) -> list[File]:
    fits = compiled(context.config(EXCLUDE), context.root)
    if fits is None:
        return files
    rest: list[File] = []
    for file in files:
        (dropped.setdefault(EXCLUDE, []) if fits(file[0]) else rest).append(file)
    return rest


def _prepared(item: Filter, context: FilterContext, blame: Blame | None) -> Matcher | None:
    if not context.config(item.config_key):
        return None
    try:
        return item.prepare(context)
    except Exception as error:  # a plugin can raise anything, and must not break roar
        _tell(blame, item, error)
        return None


def _sift(
    files: list[File], item: Filter, matcher: Matcher, dropped: dict[str, list[File]], blame: Blame | None
) -> list[File]:
    try:
        taken = [file for file in files if matcher(*file)]
    except Exception as error:  # a plugin can raise anything, and must not break roar
        _tell(blame, item, error)
        return files
    if not taken:
        return files
    dropped.setdefault(item.name, []).extend(taken)
    gone = set(taken)
    return [file for file in files if file not in gone]


def _tell(blame: Blame | None, item: Filter, error: Exception) -> None:
    if blame is None:
        raise error
    blame(item, f"filter '{item.name}' raised {type(error).__name__}: {error}; it was left out")


def _ask(hook: KeepHook, everything: list[File], kept: list[File], dropped: dict[str, list[File]]) -> None:
    """Asks the observers about every file, and moves those that they see otherwise."""
    now_kept = set(kept)
    rescued: set[File] = set()
    for file in everything:
        opinion = hook(*file)
        if opinion is False and file in now_kept:
            dropped.setdefault(KEEP_HOOK, []).append(file)
        elif opinion is True and file not in now_kept:
            rescued.add(file)
    if rescued:
        for name, files in list(dropped.items()):
            left = [file for file in files if file not in rescued]
            if left:
                dropped[name] = left
            else:
                del dropped[name]


def _greedy(kept: list[File], dropped: dict[str, list[File]]) -> tuple[str, ...]:
    if any(direction == "output" for _, direction in kept):
        return ()
    outputs = {name: sum(direction == "output" for _, direction in files) for name, files in dropped.items()}
    return tuple(sorted((name for name, count in outputs.items() if count), key=lambda name: -outputs[name]))


def _links(dropped: dict[str, list[File]]) -> list[str]:
    """What still leads from the job to the trackers' runs whose logs were dropped."""
    from roar.filters.trackers import ExperimentTrackers, runs

    logs = dropped.get(ExperimentTrackers.name, ())
    return [f"An experiment tracker has this run as {run}." for run in runs(path for path, _ in logs)]


def _note(name: str, files: list[File], filters: Sequence[Filter]) -> str:
    count = sum(direction == "output" for _, direction in files)
    what = f"{count} output{'' if count == 1 else 's'}"
    if name == EXCLUDE:
        return f"No output is left: {EXCLUDE} removed {what}; change it with: roar config edit"
    if name == KEEP_HOOK:
        return f"No output is left: an observer plugin (hook {KEEP_HOOK}) removed {what}."
    return f"No output is left: the filter '{name}' removed {what}; to record them: roar config set {key_of(name, filters)} false"
