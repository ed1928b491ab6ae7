"""The Python environment of a reproduction: the recorded one where it still has the same packages, else a new one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Workspace
from reproduce.steps import record, reproduce, results

from roar.reproduce.editables import editable_directories

pytestmark = pytest.mark.requirement("REP-1", "REP-3")


def wheel(folder: Path, version: str) -> Path:
    """A distribution `tiny` whose module knows its version."""
    folder.mkdir(exist_ok=True)
    path = folder / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", f"VERSION = '{version}'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def venv(place: Path, package: Path) -> Path:
    """A virtual environment with a package in it; its program."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python3.*/site-packages")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(site)
    os.utime(site, (1_700_000_000, 1_700_000_000))
    return place / "bin/python"


@pytest.fixture
def index(workspace: Workspace, tmp_path: Path) -> dict[str, str]:
    """Two versions of `tiny`, from which pip installs, and a script that needs one."""
    wheel(tmp_path / "wheels", "1.0")
    wheel(tmp_path / "wheels", "2.0")
    workspace.commit({"use.py": "import tiny\nopen('out', 'w').write(tiny.VERSION)\n", ".gitignore": "out*\n.venv\n"})
    bare = f"{Path(shutil.which('git') or '').parent}:/usr/bin:/bin"  # no uv, whatever is installed here
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PATH": bare}


def test_one_outside_of_the_repository_is_used_as_long_as_it_is_the_same_then_made_anew(
    workspace: Workspace, index: dict[str, str], tmp_path: Path
) -> None:
    program = venv(tmp_path / "env", tmp_path / "wheels/tiny-1.0-py3-none-any.whl")
    record(workspace, f"{program} use.py")
    value, done = reproduce(workspace, "out", env=index)
    assert done.returncode == 0, done.stderr
    (said,) = value["environments"]
    assert said.endswith("here, with what was recorded; nothing to install")

    shutil.rmtree(tmp_path / "env")
    value, done = reproduce(workspace, "out", "-o", "../again", env=index)
    assert done.returncode == 0 and value["identical"] is True, done.stderr
    (said,) = value["environments"]
    assert said.endswith("by venv and pip, 1 pinned package")
    assert not (tmp_path / "env").exists()


UV = """\
#!/bin/sh
echo "$@" >> "$(dirname "$0")/said"
case "$1" in
    venv) exec {python} -m venv --without-pip "$5" ;;
    pip) exec {python} -m pip --python "$5" install --quiet --disable-pip-version-check --no-deps -r "$8" ;;
esac
"""


def test_uv_makes_it_where_it_is_installed(workspace: Workspace, index: dict[str, str], tmp_path: Path) -> None:
    """A stand-in that takes uv's words; what uv itself does with them is uv's."""
    program = venv(tmp_path / "env", tmp_path / "wheels/tiny-1.0-py3-none-any.whl")
    record(workspace, f"{program} use.py")
    shutil.rmtree(tmp_path / "env")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(UV.format(python=sys.executable))
    (tools / "uv").chmod(0o755)
    value, done = reproduce(workspace, "out", env={**index, "PATH": f"{tools}:{index['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert value["environments"][0].endswith("by uv, 1 pinned package")
    version = ".".join(map(str, sys.version_info[:3]))
    place = f"{value['directory']}/.git/roar/environments/1"
    first, second = (tools / "said").read_text().splitlines()
    assert first == f"venv --quiet --python {version} {place}"
    assert second.startswith(f"pip install --quiet --python {place}/bin/python --no-deps -r ")


def test_a_package_that_can_not_be_had_stops_the_step_and_is_named(
    workspace: Workspace, index: dict[str, str], tmp_path: Path
) -> None:
    program = venv(tmp_path / "env", tmp_path / "wheels/tiny-1.0-py3-none-any.whl")
    record(workspace, f"{program} use.py", "cp out out2")
    shutil.rmtree(tmp_path / "env")
    (tmp_path / "wheels/tiny-1.0-py3-none-any.whl").unlink()
    value, done = reproduce(workspace, "out2", env=index)
    reason = results(value)["@1"]["reason"]
    assert done.returncode == 1
    assert reason.startswith("its Python environment could not be made: ") and "tiny==1.0" in reason


def test_one_in_the_repository_is_linked_or_when_it_has_changed_made_anew_in_the_same_place(
    workspace: Workspace, index: dict[str, str], tmp_path: Path
) -> None:
    place = workspace.root / ".venv"
    venv(place, tmp_path / "wheels/tiny-1.0-py3-none-any.whl")
    record(workspace, ".venv/bin/python use.py")
    value, done = reproduce(workspace, "out", env=index)
    assert done.returncode == 0, done.stderr
    assert value["environments"][0].endswith("the recorded one has the same packages and is linked")

    shutil.rmtree(place)
    venv(place, tmp_path / "wheels/tiny-2.0-py3-none-any.whl")
    value, done = reproduce(workspace, "out", "-o", "../again", env=index)
    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert (tmp_path / "again/.venv/pyvenv.cfg").is_file() and not (tmp_path / "again/.venv").is_symlink()


def test_a_script_that_imports_nothing_installed_needs_no_packages(workspace: Workspace, tmp_path: Path) -> None:
    package = wheel(tmp_path / "wheels", "1.0")
    program = venv(tmp_path / "env", package)
    workspace.commit({".gitignore": "out\n"})
    record(workspace, f'{program} -c \'open("out", "w").write("x")\'')
    shutil.rmtree(tmp_path / "env")
    environment = {"PATH": f"{Path(sys.base_prefix)}/bin:/usr/bin:/bin"}
    value, done = reproduce(workspace, "out", env=environment)
    assert done.returncode == 0, done.stderr
    assert value["environments"][0].endswith("nothing to install")


def test_a_package_installed_in_editable_mode_is_that_of_the_commit(workspace: Workspace) -> None:
    """What the recorded environment points to is the user's tree, as it is now."""
    place = workspace.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python3.*/site-packages")
    (site / "tiny-1.0.dist-info").mkdir()
    (site / "tiny-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (site / "tiny-1.0.dist-info/direct_url.json").write_text(
        json.dumps({"url": f"file://{workspace.root}", "dir_info": {"editable": True}})
    )
    (site / "__editable__.tiny-1.0.pth").write_text(f"{workspace.root}/src\n")
    script = "import tiny\nopen('out', 'w').write(tiny.VERSION)\n"
    workspace.commit({"src/tiny.py": "VERSION = 'then'\n", "use.py": script, ".gitignore": "out*\n.venv\n"})
    record(workspace, ".venv/bin/python use.py")
    workspace.commit({"src/tiny.py": "VERSION = 'now'\n"})
    value, done = reproduce(workspace, "out")
    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert value["environments"][0].endswith("is linked")


def test_where_an_environment_points_to(tmp_path: Path) -> None:
    root, site = tmp_path / "repo", tmp_path / "repo/.venv/site-packages"
    site.mkdir(parents=True)
    (site / "a.pth").write_text(f"# a comment\nimport os; os.getcwd()\n{root}/src\n/elsewhere\n{root}2\n\nbeside\n")
    (site / "b.pth").write_text("import __editable___b_finder; __editable___b_finder.install()\n")
    (site / "__editable___b_finder.py").write_text(
        f"NAMESPACES = {{}}\nMAPPING: dict[str, str] = {{'b': '{root}/lib/b', 'c': '/elsewhere/c'}}\nPATH = 1\n"
    )
    (site / "c.pth").write_text("import __editable___c_finder\n")
    (site / "__editable___c_finder.py").write_text("MAPPING = {1: }\n")
    found = editable_directories([bytes(site), b"/nowhere"], bytes(root))
    assert found == [bytes(root / "src"), bytes(root / "lib")]


@pytest.mark.requirement("RUN-5")
def test_an_environment_that_a_step_installs_into_is_made_with_pip(
    workspace: Workspace, index: dict[str, str], tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", workspace.root / ".venv"], check=True)
    record(
        workspace, ".venv/bin/python -m pip install -q --disable-pip-version-check tiny==1.0", verb="build", env=index
    )
    record(workspace, ".venv/bin/python use.py")
    value, done = reproduce(workspace, "out", env=index)
    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert results(value)["@B1"]["exit_code"] == 0
