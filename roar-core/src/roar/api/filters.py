"""The interface of a filter: which of the files that a command touched are noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

Direction = Literal["input", "output"]

Matcher = Callable[[bytes, Direction], bool]
"""(canonical absolute path, direction) → whether the file is dropped.  Called once for each file of a job."""


class FilterContext(NamedTuple):
    """What a filter may look at."""

    root: bytes
    """The workspace's root, canonical, without a trailing slash."""
    roar_dir: bytes
    """Its `.roar` directory."""
    config: Callable[[str], Any]
    """The value of a configuration key."""
    executables: tuple[bytes, ...]
    """The programs that the command ran."""


class Filter(ABC):
    """A named rule with a configuration key that switches it off.

    Example::

        class IgnoreLocks(Filter):
            name = "lock files"
            config_key = "filters.ignore_locks"
            default = True
            reason = "lock files carry no data"

            def prepare(self, context):
                return lambda path, direction: path.endswith(b".lock")
    """

    name: ClassVar[str]
    config_key: ClassVar[str]
    """A boolean key; it is registered for the filter, and false switches the filter off."""
    default: ClassVar[bool] = True
    reason: ClassVar[str]
    """One line: why such files are noise."""
    order: ClassVar[int] = 100
    """The first filter that drops a file is the one it is counted under; lower comes first."""

    @abstractmethod
    def prepare(self, context: FilterContext) -> Matcher:
        """Called once a job, after the command has ended; compile what can be compiled here."""
