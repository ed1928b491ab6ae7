"""What a command works with, each part made when it is first asked for: workspace, configuration, plugins, storage."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.plugins import Plugins
    from roar.workspace.config import Config
    from roar.workspace.find import Workspace


class Context:
    """One invocation of roar in one directory.

    Args:
        start: where the search for the workspace begins; the working directory by default.
    """

    def __init__(self, start: Path | None = None) -> None:
        self._start = start

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace.  Raises `NotInitialized`."""
        from roar.workspace.find import find

        return find(self._start)

    @cached_property
    def maybe_workspace(self) -> Workspace | None:
        """The workspace, None where there is none."""
        from roar.api.errors import NotInitialized

        try:
            return self.workspace
        except NotInitialized:
            return None

    @cached_property
    def config(self) -> Config:
        """The configuration: of the workspace if there is one, over the user's, over the defaults."""
        from roar.workspace.config import Config

        return Config.load(self.maybe_workspace, self.plugins)

    @cached_property
    def plugins(self) -> Plugins:
        """The plugins that are installed."""
        from roar.plugins import Plugins

        return Plugins()

    def storage(self, read_only: bool = True) -> Storage:
        """Opens the workspace's storage; the caller closes it."""
        from roar.api.storage import Site

        workspace = self.workspace
        site = Site(os.fsencode(workspace.root))
        url = self.config.get("storage.url")
        if url:
            from roar.workspace.secrets import workspace_uid

            site = site._replace(uid=workspace_uid(workspace.roar_dir))
        return self.plugins.open_storage(url or f"sqlite:///{workspace.roar_dir / 'roar.db'}", read_only, site)
