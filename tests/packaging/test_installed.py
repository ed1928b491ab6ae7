"""The built packages in empty environments: the core alone, with a tracer, all of it, from sdists, without a compiler."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from package_builds import PACKAGES, Built, Environment, build, copy_sources

from roar_tracer_ebpf.tracer import EbpfTracer

Install = Callable[..., Environment]
BUILD_TOOLS = ("hatchling", "editables")


BEST = "ebpf" if EbpfTracer.preflight().ready else "preload"
"""What `auto` takes for the user who runs the tests."""


def _recorded(environment: Environment, repository: Path, *options: str) -> dict[str, object]:
    """Runs a command that reads and writes, and returns the job."""
    environment.call("roar", "init", cwd=repository)
    environment.call("roar", "run", *options, "sh", "-c", "cat README > copy", cwd=repository)
    job: dict[str, object] = json.loads(environment.call("roar", "show", "@1", "--json", cwd=repository).stdout)["job"]
    return job


def _assert_copied(job: dict[str, object], tracer: str = "preload") -> None:
    assert job["tracer"] == tracer
    assert isinstance(job["capture"], dict)
    assert job["capture"]["verdict"] == "complete", job["capture"]
    assert [Path(edge["path"]).name for edge in job["outputs"]] == ["copy"]  # type: ignore[attr-defined]
    assert [Path(edge["path"]).name for edge in job["inputs"]] == ["README"]  # type: ignore[attr-defined]


@pytest.mark.requirement("INIT-5", "PLUG-1")
def test_the_core_alone_works_but_has_no_tracer(
    wheelhouse: Mapping[str, Built], install: Install, repository: Path
) -> None:
    environment = install(wheelhouse["roar-core"].wheel)

    version = environment.call("roar", "--version", cwd=repository)
    module = environment.call(environment.python, "-m", "roar", "--version", cwd=repository)
    environment.call("roar", "init", cwd=repository)
    tracers = environment.call("roar", "tracer", cwd=repository, ok=False)
    run = environment.call("roar", "run", "touch", "made", cwd=repository, ok=False)

    assert version.stdout == module.stdout
    assert version.stdout.startswith("roar 0.")
    assert "no tracer" in (tracers.stdout + tracers.stderr).lower()
    assert "Traceback" not in tracers.stderr
    assert run.returncode == 1
    assert run.stderr.startswith("Error: ")
    assert "roar-tracer-preload" in run.stderr, "the fix names a package that has one"
    assert not (repository / "made").exists(), "without a tracer the command is not started"


@pytest.mark.requirement("PLUG-1")
@pytest.mark.parametrize("tracer", [*(("ebpf",) if BEST == "ebpf" else ()), "preload", "ptrace"])
def test_the_core_with_a_tracer_records(
    wheelhouse: Mapping[str, Built], install: Install, repository: Path, tracer: str
) -> None:
    environment = install(wheelhouse["roar-core"].wheel, wheelhouse[f"roar-tracer-{tracer}"].wheel)

    _assert_copied(_recorded(environment, repository), tracer)


@pytest.mark.requirement("INIT-5", "TRC-1", "TRC-2", "TRC-7")
def test_everything_brings_all_tracers_and_auto_takes_the_one_that_sees_most(
    wheelhouse: Mapping[str, Built], install: Install, repository: Path
) -> None:
    environment = install(*(built.wheel for built in wheelhouse.values()))

    found = json.loads(environment.call("roar", "tracer", "--json", cwd=repository).stdout)
    check = environment.call("roar", "tracer", "check", "ptrace", cwd=repository)

    installed = {one["name"]: one["version"] for one in found["tracers"] if one["installed"]}
    assert installed == {"ebpf": "0.1.0", "preload": "0.1.0", "ptrace": "0.1.0"}
    assert {one["name"] for one in found["tracers"] if one["ready"]} >= {BEST, "preload", "ptrace"}
    assert found["auto"] == BEST
    assert check.stdout.splitlines()[-1] == "Tracer ptrace 0.1.0 is ready."
    _assert_copied(_recorded(environment, repository, "--tracer", "ptrace"), "ptrace")


@pytest.mark.requirement("INIT-5")
def test_everything_installs_from_sdists_and_records(
    wheelhouse: Mapping[str, Built], install: Install, repository: Path
) -> None:
    environment = install(*(built.sdist for built in wheelhouse.values()), needs=BUILD_TOOLS)

    _assert_copied(_recorded(environment, repository), BEST)


@pytest.mark.requirement("INIT-5")
def test_editable_packages_record(install: Install, repository: Path, tmp_path: Path) -> None:
    sources = copy_sources(tmp_path / "sources")
    folders = [sources / folder for folder in PACKAGES.values()]
    editable = [word for folder in folders for word in ("--editable", str(folder))]

    environment = install(options=editable, needs=BUILD_TOOLS)

    _assert_copied(_recorded(environment, repository), BEST)


@pytest.mark.requirement("INIT-5")
def test_roar_works_through_a_link_as_uv_and_pipx_make_it(
    wheelhouse: Mapping[str, Built], install: Install, repository: Path, tmp_path: Path
) -> None:
    environment = install(*(built.wheel for built in wheelhouse.values()))
    shims = tmp_path / ".local/bin"
    shims.mkdir(parents=True)
    (shims / "roar").symlink_to(environment.root / "bin/roar")
    elsewhere = environment._replace(env={**environment.env, "PATH": f"{shims}:/usr/bin:/bin"})

    _assert_copied(_recorded(elsewhere, repository), BEST)


@pytest.mark.requirement("TRC-3", "TRC-5")
def test_without_a_compiler_it_installs_says_so_and_builds_later(
    wheelhouse: Mapping[str, Built], unpacked: Mapping[str, Path], install: Install, repository: Path, tmp_path: Path
) -> None:
    wheel = build(unpacked["roar-tracer-preload"], tmp_path / "pure", "wheel", {"CC": "nonesuch"})
    environment = install(wheelhouse["roar-core"].wheel, wheel)
    environment.call("roar", "init", cwd=repository)

    check = environment.call("roar", "tracer", "check", "preload", cwd=repository, ok=False)
    refused = environment.call("roar", "run", "--tracer", "preload", "true", cwd=repository, ok=False)
    hopeless = environment.call("roar", "tracer", "enable", "preload", cwd=repository, ok=False, CC="nonesuch")
    environment.call("roar", "tracer", "enable", "preload", cwd=repository)
    again = environment.call("roar", "tracer", "enable", "preload", cwd=repository)

    assert wheel.name.endswith("-py3-none-any.whl")
    assert check.returncode == 1
    assert "the shared library isn't built" in check.stdout + check.stderr
    assert refused.returncode == 1
    first, *fix = refused.stderr.splitlines()
    assert first.startswith("Error: Tracer preflight failed for 'preload': the shared library isn't built")
    assert any("roar tracer enable preload" in line for line in fix)
    assert hopeless.returncode == 1
    assert "Error: " in hopeless.stderr
    assert "compiler" in hopeless.stderr
    assert "Traceback" not in hopeless.stderr
    assert again.returncode == 0
    _assert_copied(_recorded(environment, repository))


@pytest.mark.requirement("INIT-5")
def test_without_a_compiler_the_ptrace_tracer_works_and_nobody_is_frightened(
    wheelhouse: Mapping[str, Built], unpacked: Mapping[str, Path], install: Install, repository: Path, tmp_path: Path
) -> None:
    wheel = build(unpacked["roar-tracer-ptrace"], tmp_path / "pure", "wheel", {"CC": "nonesuch"})
    environment = install(wheelhouse["roar-core"].wheel, wheel)

    check = environment.call("roar", "tracer", "check", "ptrace", cwd=repository)
    init = environment.call("roar", "init", cwd=repository)

    assert wheel.name.endswith("-py3-none-any.whl")
    assert "FAIL" not in check.stdout
    assert (check.stderr, init.stderr) == ("", "")
    _assert_copied(_recorded(environment, repository, "--tracer", "ptrace"), "ptrace")


def test_the_wheel_of_an_sdist_is_the_wheel_of_the_sources(
    wheelhouse: Mapping[str, Built], unpacked: Mapping[str, Path], tmp_path: Path
) -> None:
    import zipfile

    for name in PACKAGES:
        rebuilt = build(unpacked[name], tmp_path / "again", "wheel")
        with zipfile.ZipFile(rebuilt) as one, zipfile.ZipFile(wheelhouse[name].wheel) as other:
            assert sorted(one.namelist()) == sorted(other.namelist())


def test_the_conformance_kit_stays_out_of_other_projects_tests(
    wheelhouse: Mapping[str, Built], install: Install, tmp_path: Path
) -> None:
    environment = install(wheelhouse["roar-core"].wheel, needs=("pytest",))
    (tmp_path / "test_own.py").write_text("def test_own():\n    assert True\n")

    done = environment.call(
        environment.python, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", cwd=tmp_path
    )

    assert "1 passed" in done.stdout
