"""All that a plugin may import.  Names are loaded when they are first used, so that importing this package costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

ROAR_API = 1
"""Version of this contract; a plugin's module declares the one it was written for as ``roar_api``."""

_HOMES = {
    "config": ("ConfigKey",),
    "errors": (
        "Ambiguous", "CommandNotExecutable", "CommandNotFound", "ConfigError", "DirtyTree", "NotFound", "NotInGit",
        "NotInitialized", "PluginError", "PreflightFailed", "Refused", "RoarError", "StorageUnusable", "UsageError",
    ),
    "events": ("Blind", "Event", "FileStat", "Kind"),
    "filters": ("Direction", "Filter", "FilterContext", "Matcher"),
    "hashers": ("Digest", "Hasher"),
    "markers": ("hookimpl",),
    "plan": ("Plan",),
    "process": ("Child", "Exit", "Launch", "exit_of", "spawn", "wait"),
    "records": (
        "Artifact", "Capture", "Composite", "Edge", "GitState", "Job", "JobKind", "JobRecord", "LabelSubject",
        "LabelVersion", "Problem", "Recorded", "Session", "StoredEdge",
    ),
    "storage": ("JobQuery", "Storage"),
    "tracer": ("BlindSpot", "Capability", "Check", "Coverage", "Preflight", "Traced", "Tracer"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from roar.api.config import ConfigKey
    from roar.api.errors import (
        Ambiguous,
        CommandNotExecutable,
        CommandNotFound,
        ConfigError,
        DirtyTree,
        NotFound,
        NotInGit,
        NotInitialized,
        PluginError,
        PreflightFailed,
        Refused,
        RoarError,
        StorageUnusable,
        UsageError,
    )
    from roar.api.events import Blind, Event, FileStat, Kind
    from roar.api.filters import Direction, Filter, FilterContext, Matcher
    from roar.api.hashers import Digest, Hasher
    from roar.api.markers import hookimpl
    from roar.api.plan import Plan
    from roar.api.process import Child, Exit, Launch, exit_of, spawn, wait
    from roar.api.records import (
        Artifact,
        Capture,
        Composite,
        Edge,
        GitState,
        Job,
        JobKind,
        JobRecord,
        LabelSubject,
        LabelVersion,
        Problem,
        Recorded,
        Session,
        StoredEdge,
    )
    from roar.api.storage import JobQuery, Storage
    from roar.api.tracer import BlindSpot, Capability, Check, Coverage, Preflight, Traced, Tracer

__all__ = [
    "ROAR_API", "Ambiguous", "Artifact", "Blind", "BlindSpot", "Capability", "Capture", "Check", "Child",
    "CommandNotExecutable", "CommandNotFound", "Composite", "ConfigError", "ConfigKey", "Coverage", "Digest",
    "Direction", "DirtyTree", "Edge", "Event", "Exit", "FileStat", "Filter", "FilterContext", "GitState", "Hasher",
    "Job", "JobKind", "JobQuery", "JobRecord", "Kind", "LabelSubject", "LabelVersion", "Launch", "Matcher",
    "NotFound", "NotInGit", "NotInitialized", "Plan", "PluginError", "Preflight", "PreflightFailed", "Problem",
    "Recorded", "Refused", "RoarError", "Session", "Storage", "StorageUnusable", "StoredEdge", "Traced", "Tracer",
    "UsageError", "exit_of", "hookimpl", "spawn", "wait",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"roar.api.{home}"), name)
    globals()[name] = value
    return value
