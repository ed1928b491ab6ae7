"""Building the loader, and what is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from roar_tracer_ebpf import build


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize("compiler", [c for c in ("gcc", "clang") if shutil.which(c)])
def test_it_compiles_without_a_warning_and_says_its_version(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    build.build(tmp_path / "roar-ebpf", strict=True)
    assert os.listdir(tmp_path) == ["roar-ebpf"]
    said = subprocess.run([tmp_path / "roar-ebpf", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"roar-ebpf {build.version()}\n"


@pytest.mark.requirement("TRC-3")
def test_a_failed_build_leaves_the_old_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "roar-ebpf"
    program.write_text("old")
    monkeypatch.setenv("CC", "false")
    with pytest.raises(build.BuildFailed):
        build.build(program)
    assert program.read_text() == "old"
    assert os.listdir(tmp_path) == ["roar-ebpf"]


@pytest.mark.requirement("TRC-3")
def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(build.BuildFailed, match="a C compiler is missing") as failed:
        build.build(tmp_path / "roar-ebpf")
    assert failed.value.fix == "apt install gcc libc6-dev"


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_damaged_probe_is_never_built_in(damage: str) -> None:
    whole = build.PROBE.read_bytes()
    build.check_probe(whole)
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:-1],
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "other": b"ROARBPF1" + whole[8:],
    }[damage]
    with pytest.raises(build.BuildFailed, match=r"probe\.bin is damaged"):
        build.check_probe(damaged)


@pytest.mark.requirement("TRC-3")
def test_it_is_hardened_as_what_has_capabilities_should_be(program: Path) -> None:
    headers = subprocess.run(["readelf", "-Whld", program], capture_output=True, text=True, check=True).stdout
    assert "DYN" in headers.partition("Type:")[2].partition("\n")[0], "position-independent"
    assert "GNU_RELRO" in headers and "NOW" in headers, "nothing to overwrite after the start"
    stack = next(line for line in headers.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack
    assert "RUNPATH" not in headers and "RPATH" not in headers
    needed = [line for line in headers.splitlines() if "(NEEDED)" in line]
    assert all("libc." in line for line in needed), "no library but the C library"
