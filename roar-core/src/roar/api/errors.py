"""The errors that a user can cause, each with the fix that the user can type.

The command line prints ``Error: <message>``, then the fix on lines of its own, and exits with ``exit_code``.  Anything
that is not a `RoarError` is a defect of roar or of a plugin and is reported as such.
"""

from __future__ import annotations


class RoarError(Exception):
    """A failure that is explained to the user in one line.

    Args:
        message: one sentence, without the leading ``Error: ``.
        fix: what to type next; several lines are allowed; None when nothing can be done.
    """

    exit_code: int = 1

    def __init__(self, message: str, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(RoarError):
    """The command line itself is wrong; exit code 2."""

    exit_code = 2


class NotInitialized(RoarError):
    """There is no `.roar` directory here or in any directory above."""

    def __init__(self) -> None:
        super().__init__("roar is not initialized in this directory.", "Run: roar init")


class NotInGit(RoarError):
    """The directory is not inside a usable git working tree."""


class DirtyTree(RoarError):
    """The working tree has uncommitted changes and the run was not asked to accept them."""


class PreflightFailed(RoarError):
    """A tracer can't work here.

    Args:
        backend: the tracer's name.
        why: the specific cause.
        fix: the remedy.
    """

    def __init__(self, backend: str, why: str, fix: str | None = None) -> None:
        super().__init__(f"Tracer preflight failed for '{backend}': {why}", fix)
        self.backend = backend
        self.why = why


class CommandNotFound(RoarError):
    """The command to run does not exist; exit code 127, as a shell gives."""

    exit_code = 127


class CommandNotExecutable(RoarError):
    """The command to run exists and can't be executed; exit code 126, as a shell gives."""

    exit_code = 126


class NotFound(RoarError):
    """A job, artifact, session, plugin or key that was named does not exist."""


class Ambiguous(RoarError):
    """A reference fits more than one thing; the message lists the candidates."""


class ConfigError(RoarError):
    """A configuration file or value can't be used."""


class StorageUnusable(RoarError):
    """The record's store can't be opened, read or written; nothing in it was changed."""


class Refused(RoarError):
    """An operation was vetoed, by the user's answer or by a plugin's ``roar_before_*`` hook."""


class PluginError(RoarError):
    """A plugin broke its contract; the message names the plugin."""
