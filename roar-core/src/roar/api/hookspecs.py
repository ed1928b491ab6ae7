"""The hooks: the whole contract between roar and its plugins.

A plugin is a distribution with an entry point in the group of its kind (``roar.tracers``, ``roar.filters``,
``roar.hashers``, ``roar.storages``, ``roar.commands``, ``roar.observers``) that names a module.  The module says
``roar_api = 1`` and implements hooks of this file, marked with ``@hookimpl``::

    from roar.api import hookimpl

    roar_api = 1


    @hookimpl
    def roar_hashers():
        from my_package.xxh3 import Xxh3

        return [Xxh3]

Its module is imported when its kind is first asked for, never to list it.  Configuration keys may be declared by a module
of any kind.  A hook that raises is reported with the plugin's name; it never breaks roar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

if TYPE_CHECKING:
    from roar.api.config import ConfigKey
    from roar.api.filters import Direction, Filter
    from roar.api.hashers import Hasher
    from roar.api.plan import Plan
    from roar.api.records import JobRecord, Recorded
    from roar.api.storage import Storage
    from roar.api.tracer import Tracer

_F = TypeVar("_F", bound=Callable[..., Any])

_spec = pluggy.HookspecMarker("roar")


def _registration(function: _F) -> _F:
    return _spec(function)


def _first(function: _F) -> _F:
    return _spec(firstresult=True)(function)


@_registration
def roar_tracers() -> Sequence[type[Tracer]]:
    """Register tracers.

    Called in group ``roar.tracers``, in the roar process, when a tracer is to be chosen or shown.

    :return: classes, not instances; importing them must not need privilege, a compiler or the kernel.
    """
    raise AssertionError


@_registration
def roar_filters() -> Sequence[Filter]:
    """Register filters.

    Called in group ``roar.filters``, in the roar process, while the command runs or when filters are listed.

    :return: instances, each with a name, a configuration key, a default and a one-line reason.
    """
    raise AssertionError


@_registration
def roar_hashers() -> Sequence[type[Hasher]]:
    """Register digest algorithms.

    Called in group ``roar.hashers``, in the roar process, before the first file is hashed.

    :return: classes; one whose library is missing answers False from ``available()``.
    """
    raise AssertionError


@_registration
def roar_storages() -> Mapping[str, type[Storage]]:
    """Register storages.

    Called in group ``roar.storages``, in the roar process, before the store is opened.

    :return: URL scheme → class; its ``open(url)`` is called for a ``storage.url`` of that scheme.
    """
    raise AssertionError


@_registration
def roar_commands() -> Mapping[str, str]:
    """Register commands of the command line.

    Called in group ``roar.commands``, when a command that roar itself doesn't have was typed, and for ``roar --help``.

    :return: command name → ``"module:object"`` of a `click.Command`; the module is imported only when the command runs.
        A name that roar itself has is ignored.
    """
    raise AssertionError


@_registration
def roar_config_keys() -> Sequence[ConfigKey]:
    """Declare configuration keys.  Implemented by a module of any kind.

    Called when a key that roar itself doesn't know is read or set, and for ``roar config list``.

    :return: the keys; their names should begin with the plugin's own section.
    """
    raise AssertionError


@_first
def roar_select_tracer(ready: Sequence[str], requested: str, command: tuple[bytes, ...]) -> str | None:
    """Decide which tracer runs the command.  The first answer that isn't None wins; group ``roar.observers``.

    Called in the roar process once a run, only when the user asked for ``auto``.

    :param ready: names of the tracers that passed their preflight, most capable first.
    :param requested: what was asked for: ``auto``.
    :param command: the words of the command.
    :return: one of `ready`, or None to leave the choice to roar.
    """
    raise AssertionError


@_first
def roar_keep(path: bytes, direction: Direction, command: tuple[bytes, ...]) -> bool | None:
    """Decide whether a file is recorded, after the filters.  The first answer that isn't None wins; group ``roar.observers``.

    Called in the roar process, once a file and direction, after the command has ended.

    :param path: canonical, absolute.
    :param direction: ``input`` or ``output``.
    :param command: the words of the command.
    :return: True to record it even if a filter dropped it, False to drop it, None for no opinion.
    """
    raise AssertionError


@_registration
def roar_redact(field: str, value: str) -> str | None:
    """Redact a value before it reaches the disk.  Every implementation is asked, each gets the last one's answer; group ``roar.observers``.

    Called in the roar process for each word of a command (``command``), each recorded variable (``env:<NAME>``), and the
    remote's URL (``remote``), after roar's own redaction.

    :param field: what the value is.
    :param value: the value so far.
    :return: the value to record, or None to leave it as it is.
    """
    raise AssertionError


@_registration
def roar_before_run(plan: Plan) -> None:
    """Veto a run; group ``roar.observers``.

    Called in the roar process before the command is started and before anything is written.

    :param plan: what is about to run.
    :raises Refused: ``Refused("why", fix="…")``: the run is refused with that message, exit code 1.
    """
    raise AssertionError


@_registration
def roar_run_started(plan: Plan, pid: int) -> None:
    """Be told that the command was started; group ``roar.observers``.

    Called in the roar process, in a second thread, while the command runs.  An exception is reported, never fatal.

    :param plan: what is running.
    :param pid: the command's process id.
    """
    raise AssertionError


@_registration
def roar_run_recorded(job: JobRecord, recorded: Recorded) -> None:
    """Be told that a job was recorded; group ``roar.observers``.

    Called in the roar process, after the transaction and before the summary.  An exception is reported, never fatal.

    :param job: the record.
    :param recorded: its step number and session.
    """
    raise AssertionError
