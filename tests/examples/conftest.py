"""An environment into which the examples are installed, as a user would install them."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("tracer-strace", "filter-locks", "hasher-crc32")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a new environment with the examples in it; roar and what it needs come from the one of the tests."""
    place = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    interpreter = str(place / "bin" / "python")
    copies = [str(EXAMPLES / name) for name in NAMES]
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", "--python", interpreter, "install", *options, *copies], check=True)
    return interpreter
