"""The rules of the architecture: who may import whom, and what a start may load."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import roar
from roar.cli.main import _COMMANDS

TOP = Path(__file__).parents[2]
PACKAGE = Path(roar.__file__).parent


def loaded_by(workspace: Any, tmp_path: Path, *words: str) -> set[str]:
    """The modules that a roar has loaded when it ends."""
    report = tmp_path / "modules"
    code = (
        "import atexit, sys; report = sys.argv.pop(1);"
        "atexit.register(lambda: open(report, 'w').write('\\n'.join(sys.modules)));"
        "from roar.__main__ import main; sys.exit(main())"
    )
    workspace.sh(sys.executable, "-c", code, str(report), *words)
    return set(report.read_text().split())


def packages(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.requirement("PLUG-1")
def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.requirement("PLUG-1")
def test_the_contract_of_the_interface_forgets_no_part_of_roar() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (interface,) = [contract for contract in contracts if contract.get("source_modules") == ["roar.api"]]
    parts = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name.endswith(".py") or path.is_dir()}
    named = {name.removeprefix("roar.") for name in interface["forbidden_modules"] if name.startswith("roar.")}
    assert parts - named <= {"api", "testing", "__init__", "__main__", "__pycache__"}


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_the_version_loads_no_command_no_library_and_no_plugin(workspace: Any, tmp_path: Path) -> None:
    before = set(sys.stdlib_module_names)
    loaded = {name for name in loaded_by(workspace, tmp_path, "--version") if name.partition(".")[0] not in before}
    site_hooks = {name for name in loaded if name.startswith(("_", "sitecustomize", "distutils"))}
    assert loaded - site_hooks == {"roar", "roar.__main__"}


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_the_help_imports_no_command(workspace: Any, tmp_path: Path) -> None:
    loaded = loaded_by(workspace, tmp_path, "--help")
    assert not loaded & {entry.module for entry in _COMMANDS.values()}
    assert not packages(loaded) & {"peewee", "rich", "tomlkit", "pluggy", "blake3"}


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_a_run_loads_only_what_it_needs(workspace: Any, tmp_path: Path) -> None:
    workspace.roar("run", "true")  # the first one makes the store
    loaded = loaded_by(workspace, tmp_path, "run", "true")
    assert not packages(loaded) & {
        "rich",
        "tomlkit",
        "pluggy",
        "inspect",
        "platformdirs",
        "requests",
        "keyring",
        "psycopg",
    }
    assert "importlib.metadata" not in loaded


@pytest.mark.requirement("PLUG-5", "PLUG-4")
def test_the_pytest_plugin_imports_nothing_but_pytest(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert 'roar.testing.plugin' in sys.modules\n"
        "    assert {n for n in sys.modules if n.startswith('roar')} == {'roar', 'roar.testing', 'roar.testing.plugin'}\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.requirement("PLUG-4")
def test_a_plugin_that_breaks_the_contract_fails_the_kit(tmp_path: Path) -> None:
    (tmp_path / "broken_things.py").write_text(
        "from roar.api import Filter, Hasher\n"
        "class _Cut:\n"
        "    def __init__(self): self.size = 0\n"
        "    def update(self, data): self.size = len(data)\n"
        "    def hexdigest(self): return f'{self.size % 256:02X}'\n"
        "class Bad(Hasher):\n"
        "    name, digest_bytes, rank = 'bad', 4, 0\n"
        "    new = classmethod(lambda cls: _Cut())\n"
        "class BadFilter(Filter):\n"
        "    name, config_key, reason = 'bad', 'nodots', 'none'\n"
        "    def prepare(self, context): return lambda path, direction: path.decode().count('data')\n"
    )
    (tmp_path / "test_it.py").write_text(
        "from broken_things import Bad, BadFilter\n"
        "from roar.testing import FilterContract, HasherContract\n"
        "class TestBad(HasherContract):\n"
        "    hasher = Bad\n"
        "class TestBadFilter(FilterContract):\n"
        "    filter = BadFilter()\n"
        "    drops = (b'ROOT/x',)\n"
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    failed = {line.split("::")[2].split()[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {
        "test_digests_are_lower_case_hexadecimal_of_the_promised_size",
        "test_how_the_data_is_cut_makes_no_difference",
        "test_a_digest_can_be_looked_at_and_goes_on",
        "test_every_bit_counts",
        "test_it_says_what_it_is",
        "test_its_examples_are_dropped",
        "test_what_is_not_its_business_is_kept",
        "test_it_answers_true_or_false_for_any_name",
        "test_it_answers_the_same_every_time",
    }
