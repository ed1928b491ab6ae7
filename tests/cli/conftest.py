"""What the tests of the command line share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli.recorder import Recorder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-transcripts", action="store_true", help="write what the commands print now into *.console"
    )


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A workspace whose jobs are recorded without being run."""
    home = tmp_path / "home"
    root = tmp_path / "repo"
    home.mkdir()
    root.mkdir()
    hidden = ("ROAR_", "GIT_", "XDG_", "LD_PRELOAD", "PAGER", "COLUMNS", "LC_", "LANG")
    env = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    env |= {"HOME": str(home), "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    return Recorder(root.resolve(), env)
