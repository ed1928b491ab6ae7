"""The wheel's build hook: compiles the loop.

The library is an accelerator: without a compiler the package installs as a pure wheel, and Python does all of the work.
Editable installs come through here, too.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LoopHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the shared library into the wheel, and the platform into its name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the wheel's files are collected."""
        package = Path(self.root, "src", "roar_tracer_ptrace")
        builder = _load(package / "build.py")
        library = package / builder.LIBRARY_NAME
        try:
            builder.build(library)
        except (builder.BuildFailed, OSError) as error:
            library.unlink(missing_ok=True)
            self.app.display_info(f"roar-tracer-ptrace: without its library, which makes it quicker: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(f"src/roar_tracer_ptrace/{builder.LIBRARY_NAME}")


def _load(path: Path) -> ModuleType:
    """The module at `path`: the package that it belongs to can't be imported where roar isn't installed."""
    spec = importlib.util.spec_from_file_location("roar_tracer_ptrace_build", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
