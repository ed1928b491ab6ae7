"""The built-in filters: a plugin of group ``roar.filters`` like anyone's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from roar.api.markers import hookimpl

if TYPE_CHECKING:
    from roar.api.config import ConfigKey
    from roar.api.filters import Filter

roar_api = 1


@hookimpl
def roar_filters() -> Sequence[Filter]:
    """The filters, in the order in which they are asked."""
    from roar.filters.environment import PackageFiles, SystemReads
    from roar.filters.internals import Bytecode, RoarAndGit, SystemFiles
    from roar.filters.scratch import ModelCaches, TempFiles
    from roar.filters.trackers import ExperimentTrackers

    return [
        RoarAndGit(),
        SystemFiles(),
        Bytecode(),
        PackageFiles(),
        ModelCaches(),
        ExperimentTrackers(),
        SystemReads(),
        TempFiles(),
    ]


@hookimpl
def roar_config_keys() -> Sequence[ConfigKey]:
    """The user's own patterns."""
    from roar.api.config import ConfigKey
    from roar.filters.apply import EXCLUDE, INCLUDE

    how = "a glob relative to the workspace's root, absolute, or a bare name that fits at any depth"
    return [
        ConfigKey(INCLUDE, list, [], f"Files to record although a filter would drop them; each {how}."),
        ConfigKey(EXCLUDE, list, [], f"Files to leave out beside those that the filters drop; each {how}."),
    ]
