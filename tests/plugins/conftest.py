"""A directory of made-up distributions."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

import pytest

from roar.plugins import Plugins
from roar.plugins.entry_points import installed
from roar.plugins.listing_cache import ListingCache

_NUMBERS = itertools.count()


class Site:
    """A directory on the import path, into which distributions are put."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(exist_ok=True)

    def install(
        self, name: str, source: str = "", *groups: str, version: str = "1.0", api: str | None = "1", module: str = ""
    ) -> str:
        """Installs a distribution whose one module has this source.  Returns the module's name, unique in this process."""
        module = module or f"{name.replace('-', '_')}_{next(_NUMBERS)}"
        head = "from roar.api import hookimpl\n" + ("" if api is None else f"roar_api = {api}\n")
        (self.path / f"{module}.py").write_text(head + source)
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\ntext\n")
        (info / "entry_points.txt").write_text("".join(f"[{group}]\nmain = {module}\n" for group in groups))
        return module

    def settle(self) -> None:
        """Makes the directory look as if nothing had changed in it for long."""
        long_ago = time.time_ns() - 100_000_000_000
        os.utime(self.path, ns=(long_ago, long_ago))

    def plugins(self, only: list[str] | None = None) -> Plugins:
        """What is installed here, and roar's own."""
        return Plugins(installed([str(self.path)], ListingCache(None)), only)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An empty directory on this process's import path."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.path))
    return made
