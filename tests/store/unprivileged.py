"""Being an ordinary user for a while, as permissions mean nothing to root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Within, the process has the rights of an ordinary user.  What is imported there must be imported before."""
    if os.geteuid() != 0:
        yield
        return
    group = os.getegid()
    os.setegid(_NOBODY)
    os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setegid(group)


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory of the ordinary user's."""
    directory = Path(tempfile.mkdtemp(prefix="roar-user-"))
    if os.geteuid() == 0:
        os.chown(directory, _NOBODY, _NOBODY)
    try:
        yield directory
    finally:
        directory.chmod(0o700)
        shutil.rmtree(directory, ignore_errors=True)
