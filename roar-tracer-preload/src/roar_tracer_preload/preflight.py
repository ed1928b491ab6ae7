"""Whether the tracer can work here: its library, and a directory that programs may load it from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from roar.api.errors import PreflightFailed, RoarError
from roar.api.tracer import Check, Preflight
from roar_tracer_preload import __version__, place

ENABLE = "roar tracer enable preload"
MACHINES = ("x86_64", "aarch64")
LIBRARY_NAME = "libroar-preload.so"


def library_places() -> tuple[Path, Path]:
    """Where the library may be: in the package, or, where that isn't writable, among the user's data."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if data.startswith("/") else Path(os.path.expanduser("~"), ".local", "share")
    return Path(__file__).parent / LIBRARY_NAME, base / "roar" / f"preload-{__version__}" / LIBRARY_NAME


def find_library() -> Path | None:
    """The built library; None when there is none."""
    return next((path for path in library_places() if path.is_file()), None)


def check(deep: bool = False) -> Preflight:
    """Looks; with `deep` also traces a real process.  Never raises."""
    checks = list(_shallow())
    if deep and all(c.ok for c in checks):
        checks.append(_trial())
    return Preflight(tuple(checks))


def _shallow() -> Iterator[Check]:
    machine = os.uname().machine
    supported = sys.platform == "linux" and machine in MACHINES
    yield Check("platform", supported, f"{sys.platform} on {machine}" + ("" if supported else " isn't supported"))
    library = find_library()
    if library is None:
        yield Check("shared library", False, "the shared library isn't built", ENABLE)
    elif not os.access(library, os.R_OK):
        yield Check("shared library", False, f"{library} can't be read", f"chmod a+r {library}")
    else:
        yield Check("shared library", True, str(library))


def _trial() -> Check:
    """Runs a real command under the tracer and looks whether a file that it read was seen."""
    import tempfile

    from roar.api.process import exit_of
    from roar_tracer_preload.arena import Arena, NotAnArena
    from roar_tracer_preload.tracer import arm

    name = "trial run"
    try:
        with tempfile.TemporaryDirectory(prefix="roar-preflight-") as directory:
            journal = Path(directory)
            try:
                armed = arm(journal, os.environb)
                output = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
                pid = os.posix_spawn("/bin/cat", ["cat", __file__], armed.environment, file_actions=output)
                code = exit_of(os.waitpid(pid, 0)[1]).code
                arena = Arena(armed.arena)
                seen = {path for _, path, _ in arena.records(True, lambda *_: True)}
                arena.close()
            finally:
                place.leave(journal)
    except (OSError, RoarError, NotAnArena) as error:
        why = error.why if isinstance(error, PreflightFailed) else str(error)
        return Check(name, False, f"a trial run failed: {why}", getattr(error, "fix", None) or "")
    if os.fsencode(__file__) not in seen:
        return Check(name, False, f"a trial run was not seen (cat exited with {code})", ENABLE)
    return Check(name, True, "a file read by /bin/cat was seen")
