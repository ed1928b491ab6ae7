"""The environment of a run: the software that was really used, found without starting any of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from roar.run.debian import owners
from roar.run.elf import libraries
from roar.run.environment import software
from roar.run.hardware import system
from roar.run.lookups import Lookups

pytestmark = pytest.mark.requirement("SHOW-4")

NOTHING = Lookups(None)
OLD_NS = 1_700_000_000_000_000_000


def site(root: Path, *names: str) -> Path:
    folder = root / "lib" / "python3.11" / "site-packages"
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


def found(
    read: list[Path], executables: list[Path], root: Path = Path("/nowhere"), lookups: Lookups = NOTHING
) -> dict[str, Any]:
    return software(
        [os.fsencode(p) for p in read], [os.fsencode(p) for p in executables], os.fsencode(root), b"/", lookups
    )


def test_packages_are_those_of_the_interpreter_that_ran(tmp_path: Path) -> None:
    site(tmp_path / "used", "numpy-1.26.4.dist-info", "my_tool-0.1-py3.11.egg-info", "numpy")
    site(tmp_path / "other", "torch-2.0.dist-info")
    seen = found([], [tmp_path / "used/bin/python3.11", Path("/opt/sh")])
    assert seen["packages"] == {"my_tool": "0.1", "numpy": "1.26.4"}
    assert seen["python"] == [
        {"version": "3.11", "kind": "installation", "prefix": str(tmp_path / "used"), "imported": False}
    ]


def test_in_a_virtual_environment_the_base_interpreters_packages_do_not_count(tmp_path: Path) -> None:
    site(tmp_path / "venv", "numpy-1.26.4.dist-info")
    site(tmp_path / "base", "pandas-2.0.dist-info")
    (tmp_path / "base/bin").mkdir()
    (tmp_path / "venv/pyvenv.cfg").write_text(
        f"home = {tmp_path}/base/bin\nuv = 0.5.1\nversion_info = 3.11.7.final.0\n"
    )
    seen = found([tmp_path / "venv/pyvenv.cfg"], [tmp_path / "base/bin/python3.11"])
    assert seen["packages"] == {"numpy": "1.26.4"}
    (python,) = seen["python"]
    assert python == {
        "version": "3.11.7", "kind": "uv", "prefix": str(tmp_path / "venv"), "base": str(tmp_path / "base"),
        "imported": False,
    }  # fmt: skip


def test_of_two_interpreters_each_has_its_packages(tmp_path: Path) -> None:
    site(tmp_path / "venv", "numpy-1.26.4.dist-info")
    site(tmp_path / "other", "numpy-2.0.dist-info", "attrs-23.1.dist-info")
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /gone/bin\nversion = 3.11.2\n")
    seen = found([tmp_path / "venv/pyvenv.cfg"], [tmp_path / "other/bin/python3.11"])
    assert [one["packages"] for one in seen["python"]] == [{"numpy": "1.26.4"}, {"attrs": "23.1", "numpy": "2.0"}]


def test_a_place_that_a_module_was_read_from_counts(tmp_path: Path) -> None:
    folder = site(tmp_path / "user", "attrs-23.1.0.dist-info")
    assert found([folder / "attr" / "__init__.py"], [])["packages"] == {"attrs": "23.1.0"}


def test_whether_anything_installed_was_imported_is_known(tmp_path: Path) -> None:
    folder = site(tmp_path, "attrs-23.1.0.dist-info")
    program = tmp_path / "bin/python3.11"
    always = [folder / "x.pth", folder / "_distutils_hack/__init__.py"]
    assert found(always, [program])["python"][0]["imported"] is False
    assert found([*always, folder / "attr/__init__.py"], [program])["python"][0]["imported"] is True


def test_a_package_that_is_not_from_an_index_has_its_origin_without_credentials(tmp_path: Path) -> None:
    folder = site(tmp_path, "ours-1.0.dist-info", "theirs-2.0.dist-info")
    says = {"url": "https://me:secret@example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    (folder / "ours-1.0.dist-info/direct_url.json").write_text('{"url": "file:///w", "dir_info": {"editable": true}}')
    (folder / "theirs-2.0.dist-info/direct_url.json").write_text(json.dumps(says))
    origins = found([folder / "x.py"], [])["origins"]
    assert origins == {"ours": "editable file:///w", "theirs": "git+https://example.org/x.git@abc"}


def test_conda_packages_have_their_builds(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/r-base-4.3.1-h5a8e6a5_0.json").touch()
    (tmp_path / "conda-meta/history").touch()
    assert found([], [tmp_path / "bin/R"])["conda"] == {"r-base": "4.3.1 h5a8e6a5_0"}


def test_no_interpreter_no_packages() -> None:
    assert found([Path("/etc/passwd")], [Path("/nowhere/sh")]) == {"packages": {}}


@pytest.mark.parametrize(
    ("program", "name", "content", "packages"),
    [
        ("node", "package-lock.json", '{"packages": {"": {}, "node_modules/a": {"version": "1.2"}}}', {"a": "1.2"}),
        ("node", "package-lock.json", '{"dependencies": {"a": {"version": "1.1"}}}', {"a": "1.1"}),
        ("R", "renv.lock", '{"R": {"Version": "4.3"}, "Packages": {"b": {"Version": "2"}}}', {"R": "4.3", "b": "2"}),
        ("julia", "Manifest.toml", 'julia_version = "1.10"\n[[deps.C]]\nversion = "3"\n', {"C": "3", "julia": "1.10"}),
        ("julia", "Manifest.toml", "this is not TOML", {}),
    ],
)
def test_the_lock_file_of_a_language_that_ran_is_read(
    tmp_path: Path, program: str, name: str, content: str, packages: dict[str, str]
) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "deep/er").mkdir(parents=True)
    cwd = os.fsencode(tmp_path / "deep/er")
    seen = software([], [b"/usr/local/bin/" + program.encode()], os.fsencode(tmp_path), cwd, NOTHING)
    assert seen["manifests"][name]["packages"] == packages
    assert len(seen["manifests"][name]["sha256"]) == 64


def test_the_lock_file_of_a_language_that_did_not_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    assert "manifests" not in software([], [b"/usr/local/bin/R"], os.fsencode(tmp_path), os.fsencode(tmp_path), NOTHING)


def dpkg(tmp_path: Path) -> Path:
    (tmp_path / "info").mkdir(parents=True)
    (tmp_path / "info/libc6:amd64.list").write_text("/.\n/lib/x86_64-linux-gnu/libc.so.6\n")
    (tmp_path / "info/tool.list").write_text("/usr/bin/tool\n")
    (tmp_path / "status").write_text(
        "Package: libc6\nArchitecture: i386\nVersion: 1\n\nPackage: libc6\nArchitecture: amd64\nVersion: 2.36-9\n\n"
        "Package: tool\nStatus: install ok installed\nArchitecture: all\nVersion: 3:1.0-1\n"
    )
    os.utime(tmp_path / "status", ns=(OLD_NS, OLD_NS))
    return tmp_path


def test_debian_packages_are_found_by_their_files_also_where_bin_is_a_link(tmp_path: Path) -> None:
    asked = [b"/usr/lib/x86_64-linux-gnu/libc.so.6", b"/usr/bin/tool", b"/usr/bin/of-nobody"]
    assert owners(asked, NOTHING, str(dpkg(tmp_path))) == {"libc6:amd64": "2.36-9", "tool": "3:1.0-1"}


def test_the_libraries_of_a_program_are_found_without_running_it(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a(void) { return 1; }")
    (tmp_path / "main.c").write_text("int a(void); int main(void) { return a(); }")
    (tmp_path / "lib").mkdir()
    lines = (
        "cc -shared -fPIC -o lib/liba.so.1 -Wl,-soname,liba.so.1 a.c",
        "cc -o main main.c lib/liba.so.1 -Wl,-rpath,$ORIGIN/lib",
        "cc -static -o static a.c main.c",
    )
    for line in lines:
        subprocess.run(line.split(), cwd=tmp_path, check=True)
    cache = Lookups(str(tmp_path / "cache"))
    for _ in range(2):  # the second time it is known
        found = libraries([os.fsencode(tmp_path / "main")], cache)
        assert os.fsencode(tmp_path / "lib/liba.so.1") in found
        assert any(os.path.basename(path).startswith(b"libc.so") for path in found)
    assert libraries([os.fsencode(tmp_path / name) for name in ("static", "a.c", "nothing")], NOTHING) == set()


@pytest.mark.parametrize("length", [0, 5, 64, 100, 700, 4000])
def test_a_damaged_program_needs_nothing_or_less(tmp_path: Path, length: int) -> None:
    (tmp_path / "cut").write_bytes(Path("/bin/sh").read_bytes()[:length])
    assert isinstance(libraries([os.fsencode(tmp_path / "cut")], NOTHING), set)


def change(path: Path) -> None:
    """Has a file's inode change, and nothing else that can be seen."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # a tick, before Linux 6.13
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_was_found_is_kept_until_its_place_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roar.run.lookups._FRESH_NS", 0)
    admin = dpkg(tmp_path / "dpkg")
    cache = str(tmp_path / "cache.json")
    first = Lookups(cache)
    assert owners([b"/usr/bin/tool"], first, str(admin)) == {"tool": "3:1.0-1"}
    first.save()
    (admin / "info/tool.list").unlink()
    assert owners([b"/usr/bin/tool"], Lookups(cache), str(admin)) == {"tool": "3:1.0-1"}
    change(admin / "status")
    assert owners([b"/usr/bin/tool"], Lookups(cache), str(admin)) == {}


def test_a_lock_file_that_is_replaced_with_its_times_kept_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roar.run.lookups._FRESH_NS", 0)
    known = Lookups(str(tmp_path / "cache.json"))
    lock = tmp_path / "package-lock.json"
    for version in ("1.0", "2.0"):
        lock.write_text(f'{{"dependencies": {{"a": {{"version": "{version}"}}}}}}')
        os.utime(lock, ns=(OLD_NS, OLD_NS))
        change(lock)
        seen = software([], [b"/usr/local/bin/node"], os.fsencode(tmp_path), os.fsencode(tmp_path), known)
        assert seen["manifests"][lock.name]["packages"] == {"a": version}


@pytest.mark.parametrize("damage", ["", "[1", "[0,{}]", '[1,{"a":1}]', "[]"])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, damage: str) -> None:
    (tmp_path / "cache").write_text(damage)
    assert Lookups(str(tmp_path / "cache")).get("a", 1) is None


def test_the_system_is_described(tmp_path: Path) -> None:
    information = tmp_path / "gpus/0000:01:00.0/information"
    information.parent.mkdir(parents=True)
    information.write_text("Model: \t\t NVIDIA A100\nIRQ: 3\n")
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19\n")
    described = system(str(tmp_path))
    assert described["kernel"] == os.uname().release
    assert described["processors"] >= 1
    assert described["memory_bytes"] > 1 << 20
    assert described["gpus"] == ["NVIDIA A100"] and described["gpu_driver"] == "535.129.03"
    assert "gpus" not in system(str(tmp_path / "none"))


def test_a_run_records_what_it_used_and_how_its_streams_were_opened(workspace: Any) -> None:
    workspace.commit({"in": "b\na\n", ".gitignore": "out\n"})
    workspace.sh("sh", "-c", "python3 -m roar run --tracer preload sort < in >> out", env={"PATH": path_of_roar()})
    environment = workspace.job()["environment"]
    assert environment["streams"] == {
        "0": {"path": str(workspace.root / "in"), "mode": "r"},
        "1": {"path": str(workspace.root / "out"), "mode": "a"},
    }
    assert {"coreutils", "libc6:amd64"} <= {name.replace("arm64", "amd64") for name in environment["debian"]}
    shown = workspace.roar("show", "@1", "--env").stdout
    assert f"coreutils {environment['debian']['coreutils']}" in shown


def path_of_roar() -> str:
    import sys

    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"
