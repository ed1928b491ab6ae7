"""An environment into which the examples are installed, as a user would install them."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("tracer-strace", "filter-locks", "hasher-crc32")


def make_environment(place: Path) -> str:
    """Makes an environment in which roar and what it needs are those of the tests.  Returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return str(place / "bin" / "python")


def pip(interpreter: str, *words: str) -> None:
    """Runs pip on an environment."""
    options = ["--disable-pip-version-check", "--quiet", "--python", interpreter]
    subprocess.run([sys.executable, "-m", "pip", *options, *words], check=True)


INSTALL = ("install", "--no-deps", "--no-build-isolation", "--no-index")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a new environment with the examples in it."""
    interpreter = make_environment(tmp_path_factory.mktemp("environment") / "env")
    pip(interpreter, *INSTALL, *(str(EXAMPLES / name) for name in NAMES))
    return interpreter
