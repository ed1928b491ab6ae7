"""``roar tracer enable preload``: builds the library where it can be found again."""

from __future__ import annotations

from pathlib import Path

from roar.api.errors import PreflightFailed
from roar_tracer_preload import preflight
from roar_tracer_preload.build import BuildFailed, build


def build_library() -> Path:
    """Builds the library into the package, or where that isn't writable among the user's data.

    Returns:
        The library.

    Raises:
        PreflightFailed: there is no C compiler, it failed, or neither directory is writable.
    """
    own, users = preflight.library_places()
    try:
        return _build_to(own)
    except OSError:
        pass  # the package belongs to root, or is on a read-only file system
    try:
        users.parent.mkdir(parents=True, exist_ok=True)
        return _build_to(users)
    except OSError as error:
        raise PreflightFailed(
            "preload", f"the shared library can't be written to {users.parent}: {error.strerror}", "set XDG_DATA_HOME"
        ) from error


def _build_to(library: Path) -> Path:
    try:
        build(library)
    except BuildFailed as error:
        raise PreflightFailed("preload", f"the shared library can't be built: {error}", error.fix) from error
    return library
