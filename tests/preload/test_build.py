"""Building, finding and enabling the library, and what is said when that can't be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import roar_tracer_preload
from roar_tracer_preload.build import BuildFailed, build

_PACKAGE = Path(roar_tracer_preload.__file__).parent


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize("compiler", [c for c in ("gcc", "clang") if shutil.which(c)])
def test_it_compiles_without_a_warning(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)
    build(tmp_path / "library.so", strict=True)
    assert (tmp_path / "library.so").stat().st_size > 10_000
    assert os.listdir(tmp_path) == ["library.so"]


@pytest.mark.requirement("TRC-3")
def test_a_failed_build_leaves_the_old_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "library.so"
    library.write_text("old")
    monkeypatch.setenv("CC", "false")
    with pytest.raises(BuildFailed):
        build(library)
    assert library.read_text() == "old"
    assert os.listdir(tmp_path) == ["library.so"]


class Installation:
    """A copy of the package that has no library, and a user's home."""

    def __init__(self, base: Path) -> None:
        self.package = base / "site" / "roar_tracer_preload"
        shutil.copytree(_PACKAGE, self.package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        self.home = base / "home"
        self.home.mkdir()
        self.library = self.package / "libroar-preload.so"

    def python(self, code: str, **env: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(self.package.parent), *(p for p in sys.path if p)])
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "LD_"))}
        environment |= {"HOME": str(self.home), "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **env}
        head = "from roar_tracer_preload.tracer import PreloadTracer as T\nfrom roar.api.errors import RoarError\n"
        return subprocess.run(
            [sys.executable, "-c", head + code], env=environment, capture_output=True, text=True, check=False
        )

    def said(self, code: str, **env: str) -> str:
        done = self.python(code, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


_FAILURE = "c = T.preflight(deep=True).failure\nprint(c and (c.detail, c.fix))"
_ENABLE = "try: print(T.enable(lambda question: True).ready)\nexcept RoarError as e: print(e.message, '|', e.fix)"
_START = (
    "import os, sys\nfrom pathlib import Path\nfrom roar.api.process import Launch\n"
    "try: T().start(Launch((b'true',), b'/bin/true', dict(os.environb), b'/'), Path(sys.argv[0] or '.'))\n"
    "except RoarError as e: print(e.message, '|', e.fix)"
)


@pytest.mark.requirement("TRC-5")
def test_without_a_library_the_preflight_says_what_to_type(installation: Installation) -> None:
    assert installation.said(_FAILURE) == "(\"the shared library isn't built\", 'roar tracer enable preload')"


@pytest.mark.requirement("TRC-5")
def test_without_a_library_nothing_is_started(installation: Installation) -> None:
    said = installation.said(_START)
    assert said == "Tracer preflight failed for 'preload': the shared library isn't built | roar tracer enable preload"


@pytest.mark.requirement("TRC-2", "TRC-3")
def test_enable_builds_it_into_the_package(installation: Installation) -> None:
    assert installation.said(_ENABLE) == "True"
    assert installation.library.is_file()
    assert installation.said(_FAILURE) == "None"
    assert installation.said(_ENABLE) == "True"


@pytest.mark.requirement("TRC-3")
def test_enable_builds_it_for_the_user_where_the_package_is_not_writable(installation: Installation) -> None:
    installation.library.mkdir()  # nobody can put a file there, not even root
    assert installation.said(_ENABLE) == "True"
    [built] = installation.home.rglob("libroar-preload.so")
    assert built.parts[-5:-2] == (".local", "share", "roar")
    assert installation.said(_FAILURE) == "None"
    installation.said("T.disable()")
    assert not built.exists()


@pytest.mark.requirement("TRC-3")
def test_enable_without_a_compiler_says_what_to_install(installation: Installation) -> None:
    said = installation.said(_ENABLE, CC="nonesuch")
    assert "a C compiler is missing" in said
    assert "apt install gcc" in said
    assert not installation.library.exists()


@pytest.mark.requirement("TRC-3")
def test_enable_says_what_the_compiler_said(installation: Installation) -> None:
    (installation.package / "shim" / "open.c").write_text("#error broken here\n")
    said = installation.said(_ENABLE)
    assert "broken here" in said
    assert "\n" not in said


@pytest.mark.requirement("TRC-5")
def test_a_library_that_does_not_load_is_found_by_the_trial_run(installation: Installation) -> None:
    installation.library.write_text("not a library")
    said = installation.said(_FAILURE)
    assert "a trial run was not seen" in said


@pytest.mark.requirement("PLUG-5")
def test_a_shallow_preflight_takes_no_time(installation: Installation) -> None:
    code = "import time\nT.preflight()\nt = time.process_time()\nfor _ in range(20): T.preflight()\nprint((time.process_time() - t) / 20)"
    assert float(installation.said(code)) < 0.002
