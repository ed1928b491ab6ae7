"""What is in the wheels and sdists, and what they say about themselves."""

from __future__ import annotations

import email.message
import email.parser
import re
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest
from package_builds import PACKAGES, ROOT, Built

IMPORTS = {
    "roar-core": "roar",
    "roar-tracer-ebpf": "roar_tracer_ebpf",
    "roar-tracer-preload": "roar_tracer_preload",
    "roar-tracer-ptrace": "roar_tracer_ptrace",
}
LIBRARIES = {
    "roar-tracer-ebpf": "roar_tracer_ebpf/roar-ebpf",
    "roar-tracer-preload": "roar_tracer_preload/libroar-preload.so",
    "roar-tracer-ptrace": "roar_tracer_ptrace/libroar-ptrace.so",
}
LICENCES = {
    "roar-core": "MIT",
    "roar-cli": "MIT",
    "roar-tracer-ebpf": "MIT",
    "roar-tracer-preload": "MIT",
    "roar-tracer-ptrace": "GPL-2.0-or-later",
}


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.parser.Parser().parsestr(archive.read(name).decode())


def _licence(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        return archive.read(name).decode()


def _sdist_names(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def _modules(sources: Path, package: str, *suffixes: str) -> set[str]:
    source = sources / PACKAGES[package] / "src"
    return {str(path.relative_to(source)) for path in source.rglob("*") if path.suffix in suffixes}


@pytest.mark.parametrize("package", IMPORTS)
def test_a_wheel_has_all_modules_its_types_and_nothing_else(
    wheelhouse: Mapping[str, Built], sources: Path, package: str
) -> None:
    name = IMPORTS[package]

    inside = {entry for entry in _names(wheelhouse[package].wheel) if ".dist-info/" not in entry}

    assert f"{name}/py.typed" in inside
    assert _modules(sources, package, ".py", ".c", ".h", ".json", ".bin") <= inside
    assert {entry.partition("/")[0] for entry in inside} == {name}
    assert not [entry for entry in inside if "__pycache__" in entry or entry.endswith((".pyc", ".o", ".orig", "~"))]


def test_the_wheel_of_roar_cli_has_no_code(wheelhouse: Mapping[str, Built]) -> None:
    assert {re.sub(r"^roar_cli-[\d.]+\.", "", entry) for entry in _names(wheelhouse["roar-cli"].wheel)} == {
        "dist-info/METADATA",
        "dist-info/WHEEL",
        "dist-info/RECORD",
        "dist-info/entry_points.txt",
        "dist-info/licenses/LICENSE",
    }


def test_the_wheel_of_roar_cli_brings_what_most_people_want(wheelhouse: Mapping[str, Built]) -> None:
    required = _metadata(wheelhouse["roar-cli"].wheel).get_all("Requires-Dist", [])

    names = {re.split(r"[<>=!~ ;\[]", line)[0] for line in required if "extra ==" not in line}
    assert names == {"roar-core", "roar-tracer-ebpf", "roar-tracer-preload", "roar-tracer-ptrace"}


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_library_is_in_a_wheel_of_its_platform_and_of_no_python_version(
    wheelhouse: Mapping[str, Built], package: str
) -> None:
    wheel = wheelhouse[package].wheel
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())

    assert wheel.name.endswith(f"-py3-none-{platform}.whl")
    assert LIBRARIES[package] in _names(wheel)


def test_the_ebpf_wheel_is_small_and_its_program_can_be_executed(wheelhouse: Mapping[str, Built]) -> None:
    wheel = wheelhouse["roar-tracer-ebpf"].wheel
    with zipfile.ZipFile(wheel) as archive:
        mode = archive.getinfo("roar_tracer_ebpf/roar-ebpf").external_attr >> 16

    assert wheel.stat().st_size <= 200_000
    assert mode & 0o111 == 0o111


def test_only_the_package_under_the_gpl_depends_on_what_is_under_the_gpl(wheelhouse: Mapping[str, Built]) -> None:
    required = {
        package: "python-ptrace" in str(_metadata(built.wheel).get_all("Requires-Dist", []))
        for package, built in wheelhouse.items()
    }

    assert [package for package, requires in required.items() if requires] == ["roar-tracer-ptrace"]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_distribution_says_its_licence_python_and_description(
    wheelhouse: Mapping[str, Built], package: str
) -> None:
    metadata = _metadata(wheelhouse[package].wheel)

    assert metadata["Name"] == package
    assert metadata["License-Expression"] == LICENCES[package]
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    title = "GNU GENERAL PUBLIC LICENSE" if LICENCES[package].startswith("GPL") else "MIT License"
    assert _licence(wheelhouse[package].wheel).split("\n", 1)[0].strip() == title


@pytest.mark.parametrize("package", PACKAGES)
def test_an_sdist_has_what_a_build_and_a_reader_need(
    wheelhouse: Mapping[str, Built], sources: Path, package: str
) -> None:
    inside = _sdist_names(wheelhouse[package].sdist)

    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"} <= inside
    assert {f"src/{name}" for name in _modules(sources, package, ".py", ".c", ".h", ".typed", ".bin")} <= inside
    assert not [name for name in inside if name.endswith((".so", ".pyc")) or "__pycache__" in name]
    assert not [name for name in inside if name.startswith(("tests", "demo", ".venv", "dist"))]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_changelog_begins_with_the_version_of_the_package(wheelhouse: Mapping[str, Built], package: str) -> None:
    version = _metadata(wheelhouse[package].wheel)["Version"]

    headings = re.findall(r"^## (\S+)", (ROOT / PACKAGES[package] / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] in (version, f"[{version}]", "Unreleased")


@pytest.mark.requirement("PLUG-1", "INIT-5")
def test_our_plugins_are_found_by_entry_points_of_their_kind(wheelhouse: Mapping[str, Built]) -> None:
    groups = {}
    for package in PACKAGES:
        with zipfile.ZipFile(wheelhouse[package].wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
            parser = ConfigParser(delimiters=("=",))
            parser.read_string(archive.read(name).decode())
            groups[package] = {section: set(parser[section]) for section in parser.sections()}

    assert groups["roar-core"]["console_scripts"] == {"roar"}
    assert groups["roar-cli"] == {"console_scripts": {"roar"}}, (
        "uv and pipx link what the named distribution brings itself"
    )
    assert {"roar.filters", "roar.hashers", "roar.storages"} <= set(groups["roar-core"])
    assert groups["roar-tracer-ebpf"] == {"roar.tracers": {"ebpf"}}
    assert groups["roar-tracer-preload"] == {"roar.tracers": {"preload"}}
    assert groups["roar-tracer-ptrace"] == {"roar.tracers": {"ptrace"}}


@pytest.mark.parametrize("package", IMPORTS)
def test_the_version_is_written_in_one_place(package: str) -> None:
    project = tomllib.loads((ROOT / PACKAGES[package] / "pyproject.toml").read_text())

    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == f"src/{IMPORTS[package]}/__init__.py"
