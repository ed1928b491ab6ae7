"""The wheel's build hook: compiles `roar-ebpf`.

Without a compiler the package still installs, as a pure wheel; the preflight then says that the program isn't built, and
``roar tracer enable ebpf`` calls the same `build`.  Editable installs come through here, too.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProgramHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the program into the wheel, and the platform into its name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the wheel's files are collected."""
        package = Path(self.root, "src", "roar_tracer_ebpf")
        builder = _load(package / "build.py")
        program = package / builder.PROGRAM_NAME
        try:
            builder.build(program)
        except (builder.BuildFailed, OSError) as error:
            program.unlink(missing_ok=True)
            self.app.display_warning(f"roar-tracer-ebpf: {builder.PROGRAM_NAME} isn't built: {error}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(f"src/roar_tracer_ebpf/{builder.PROGRAM_NAME}")


def _load(path: Path) -> ModuleType:
    """The module at `path`: the package that it belongs to can't be imported where roar isn't installed."""
    spec = importlib.util.spec_from_file_location("roar_tracer_ebpf_build", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
