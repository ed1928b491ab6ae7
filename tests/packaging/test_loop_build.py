"""Building the ptrace tracer's library, and that nothing depends on it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from roar_tracer_ptrace import build as builder
from roar_tracer_ptrace.build import BuildFailed, build


@pytest.mark.parametrize("compiler", [c for c in ("gcc", "clang") if shutil.which(c)])
def test_it_compiles_without_a_warning(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)

    build(tmp_path / "library.so", strict=True)

    assert (tmp_path / "library.so").stat().st_size > 5_000
    assert os.listdir(tmp_path) == ["library.so"]


@pytest.mark.parametrize(("compiler", "why"), [("false", "false failed"), ("nonesuch", "a C compiler is missing")])
def test_a_failed_build_leaves_the_old_library_and_says_why(
    compiler: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library.so"
    library.write_text("old")
    monkeypatch.setenv("CC", compiler)

    with pytest.raises(BuildFailed, match=why) as raised:
        build(library)

    assert "apt install gcc" in raised.value.fix
    assert library.read_text() == "old"
    assert os.listdir(tmp_path) == ["library.so"]


def test_what_the_compiler_said_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop.c").write_text("#error broken here\n")
    monkeypatch.setattr(builder, "LOOP", tmp_path)

    with pytest.raises(BuildFailed, match="broken here") as raised:
        build(tmp_path / "library.so")

    assert "\n" not in str(raised.value)


def test_without_its_sources_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "LOOP", tmp_path)

    with pytest.raises(BuildFailed, match="sources"):
        build(tmp_path / "library.so")

    assert os.listdir(tmp_path) == []
