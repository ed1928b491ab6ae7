"""The examples are small, install on their own, do their work under the real roar, and pass the conformance kit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import EXAMPLES, INSTALL, NAMES, make_environment, pip

pytestmark = pytest.mark.requirement("PLUG-1", "PLUG-3")


def plugins(workspace: Any, python: str) -> dict[str, dict[str, Any]]:
    listing = json.loads(workspace.sh(python, "-m", "roar", "plugins", "--json").stdout)
    assert listing["schema"] == "roar/plugins/1"
    return {plugin["distribution"]: plugin for plugin in listing["plugins"]}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_at_most_sixty_lines_of_code(name: str) -> None:
    lines = [line for path in (EXAMPLES / name).rglob("*.py") for line in path.read_text().splitlines()]
    assert sum(1 for line in lines if line.strip()) <= 60


def test_the_examples_are_listed_with_version_kind_and_state(workspace: Any, python: str) -> None:
    found = plugins(workspace, python)
    for name, kind in (
        ("roar-example-strace", "tracer"),
        ("roar-example-locks", "filter"),
        ("roar-example-crc32", "hasher"),
    ):
        plugin = found[name]
        assert (plugin["version"], plugin["kinds"], plugin["state"], plugin["api_version"]) == (
            "0.1.0",
            [kind],
            "ok",
            1,
        )


@pytest.mark.requirement("TRC-10")
def test_the_strace_tracer_records_a_run(workspace: Any, python: str) -> None:
    workspace.commit({"data.txt": "1\n"})
    script = "cat data.txt > part; mv part result.txt; exit 3"
    done = workspace.sh(python, "-m", "roar", "run", "--tracer", "strace", "sh", "-c", script, ok=False)
    assert done.returncode == 3, done.stderr
    job = json.loads(workspace.sh(python, "-m", "roar", "show", "@1", "--json").stdout)["job"]
    assert (job["tracer"], job["exit_code"], job["capture"]["verdict"]) == ("strace", 3, "complete")
    assert workspace.names(job["inputs"]) == {"data.txt"}
    assert workspace.names(job["outputs"]) == {"result.txt"}


@pytest.mark.requirement("FILTER-4")
def test_the_lock_filter_drops_lock_files_until_it_is_switched_off(workspace: Any, python: str) -> None:
    def outputs(step: str) -> set[str]:
        workspace.sh(python, "-m", "roar", "run", "sh", "-c", f"echo 1 > {step}.lock; echo 1 > {step}.txt")
        job = json.loads(workspace.sh(python, "-m", "roar", "show", f"@{step}", "--json").stdout)["job"]
        found: set[str] = workspace.names(job["outputs"])
        return found

    assert outputs("1") == {"1.txt"}
    workspace.sh(python, "-m", "roar", "config", "set", "locks.ignore", "false")
    assert outputs("2") == {"2.txt", "2.lock"}


@pytest.mark.requirement("HASH-1")
def test_the_crc32_hasher_is_used_when_it_is_asked_for(workspace: Any, python: str) -> None:
    workspace.sh(python, "-m", "roar", "run", "--hash", "crc32", "sh", "-c", "printf 123456789 > out")
    job = json.loads(workspace.sh(python, "-m", "roar", "show", "@1", "--json").stdout)["job"]
    (edge,) = job["outputs"]
    assert edge["hashes"]["crc32"] == "cbf43926"  # the check value of CRC-32


@pytest.mark.requirement("PLUG-4")
def test_the_examples_pass_the_conformance_kit(tmp_path: Path, python: str, make_workspace: Callable[..., Any]) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from roar_example_crc32 import Crc32\n"
        "from roar_example_locks import LockFiles\n"
        "from roar_example_strace import Strace\n"
        "from roar.testing import FilterContract, HasherContract, TracerContract\n"
        "class TestHasher(HasherContract):\n"
        "    hasher = Crc32\n"
        "class TestFilter(FilterContract):\n"
        "    filter = LockFiles()\n"
        "    config = {'locks.suffixes': ['.lock']}\n"
        "    drops = (b'ROOT/x.lock', b'/data/x.lock')\n"
        "    keeps = (b'ROOT/lock',)\n"
        "class TestTracer(TracerContract):\n"
        "    tracer = Strace\n"
    )
    words = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_mine.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.requirement("PLUG-5")
@pytest.mark.parametrize("option", [(), ("-e",)])
def test_installing_and_uninstalling_are_noticed_at_once(
    workspace: Any, tmp_path: Path, option: tuple[str, ...]
) -> None:
    interpreter = make_environment(tmp_path / "env")
    source = shutil.copytree(EXAMPLES / "hasher-crc32", tmp_path / "source")
    (packages,) = (tmp_path / "env").glob("lib/python*/site-packages")

    def listed() -> dict[str, dict[str, Any]]:
        long_ago = time.time_ns() - 100_000_000_000  # else the directory would be too fresh for the cache
        os.utime(packages, ns=(long_ago, long_ago))
        return plugins(workspace, interpreter)

    assert "roar-example-crc32" not in listed()
    pip(interpreter, *INSTALL, *option, str(source))
    assert plugins(workspace, interpreter)["roar-example-crc32"]["state"] == "ok"
    assert listed()["roar-example-crc32"]["state"] == "ok"
    pip(interpreter, "uninstall", "-y", "roar-example-crc32")
    assert "roar-example-crc32" not in plugins(workspace, interpreter)
