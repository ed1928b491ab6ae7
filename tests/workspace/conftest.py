"""A repository for tests that call the workspace's functions and not the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def repository(make_workspace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A repository with one commit and without `.roar`; this process sees git as the repository's commands do."""
    made = make_workspace(init=False)
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_")):
            monkeypatch.delenv(name)
    for name in ("HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, made.env[name])
    return made


@pytest.fixture
def submodule(repository: Any, tmp_path: Path) -> Path:
    """A committed submodule ``sub`` of the repository."""
    library = tmp_path / "library"
    repository.sh("git", "init", "-q", str(library))
    (library / "lib.py").write_text("x = 1\n")
    repository.sh("git", "add", "-A", cwd=library)
    repository.sh("git", "commit", "-qm", "library", cwd=library)
    repository.sh("git", "submodule", "--quiet", "add", str(library), "sub")
    repository.commit(message="add a submodule")
    path: Path = repository.root / "sub"
    return path
