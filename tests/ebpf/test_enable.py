"""`roar tracer enable ebpf` and `disable`: installing a copy that has capabilities, as root and by sudo, and taking it away."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ebpf.conftest import USER
from ebpf.session import Session

from roar.api.errors import PreflightFailed, Refused
from roar_tracer_ebpf import enable, install, privileges
from roar_tracer_ebpf.build import BuildFailed, version

_NAME = f"roar-ebpf-{version()}"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands for /usr/local/lib/roar: as there, nobody but root can change what is above it."""
    folder = Path(tempfile.mkdtemp(prefix="roar-test-", dir="/usr/local/lib"))
    folder.chmod(0o755)
    monkeypatch.setattr(install, "DIRECTORY", folder / "roar")
    yield folder / "roar"
    shutil.rmtree(folder)


@pytest.fixture
def built(program: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The program is where the package has it; nothing is among the user's data."""
    monkeypatch.setattr(install, "program_places", lambda: (program, tmp_path / "data" / "roar-ebpf"))
    return program


@pytest.fixture
def sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A sudo that notes what it is asked for and does it; and roar isn't root itself."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program, log = folder / "sudo", tmp_path / "asked"
    program.write_text(f'#!/bin/sh\n[ "$1" = -- ] || exit 9\nshift\necho "$*" >> {log}\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(privileges, "suffice", lambda: False)
    return log


def _yes(question: str) -> bool:
    return True


def _no(question: str) -> bool:
    return False


def _works(helper: Path, session: Callable[..., Session]) -> bool:
    return session(program=helper, options=str(USER), name=f"journal-{os.urandom(4).hex()}").armed.error == 0


@pytest.mark.requirement("TRC-3")
def test_as_root_it_installs_a_copy_that_ordinary_users_can_use(
    place: Path, built: Path, session: Callable[..., Session]
) -> None:
    assert install.find_helper() is None
    for _ in range(2):  # repeating it is harmless
        enable.enable(_no)  # root isn't asked
        helper = install.find_helper()
        assert helper == place / _NAME
        facts = helper.stat()
        assert (facts.st_uid, facts.st_gid, facts.st_mode) == (0, 0, 0o100755)
        assert os.listdir(place) == [_NAME]
    assert helper.read_bytes() == built.read_bytes()
    said = subprocess.run(["getcap", helper], capture_output=True, text=True, check=True).stdout
    assert said.split()[1:] == ["cap_perfmon,cap_bpf=p"], "permitted only, as setcap would write it"
    assert _works(helper, session)


@pytest.mark.requirement("TRC-3")
def test_disable_removes_every_version_and_what_a_hard_link_would_keep(
    place: Path, built: Path, tmp_path: Path
) -> None:
    enable.enable(_yes)
    older = place / "roar-ebpf-0-00000000"
    shutil.copy(place / _NAME, older)
    os.setxattr(older, install.ATTRIBUTE, install.attribute(install.wanted()))
    kept = place.parent / "kept-by-somebody"
    os.link(older, kept)
    enable.disable()
    assert not place.exists()
    assert install.find_helper() is None
    assert install.ATTRIBUTE not in os.listxattr(kept)
    assert built.exists(), "the package's own stays"
    enable.disable()  # repeating it is harmless


@pytest.mark.requirement("TRC-3")
def test_disable_leaves_what_is_not_roars(place: Path, built: Path) -> None:
    enable.enable(_yes)
    (place / "of-somebody").touch()
    enable.disable()
    assert os.listdir(place) == ["of-somebody"]


@pytest.mark.requirement("TRC-3")
def test_a_user_is_asked_and_shown_what_sudo_will_run(
    place: Path, built: Path, sudo: Path, session: Callable[..., Session]
) -> None:
    questions: list[str] = []
    enable.enable(lambda question: bool(questions.append(question)) or True)
    helper = install.find_helper()
    assert helper is not None
    assert _works(helper, session)
    asked = sudo.read_text().splitlines()
    assert len(questions) == 1
    assert [line.strip().removeprefix("sudo ") for line in questions[0].splitlines() if line.startswith("  ")] == asked
    assert all(line.split()[0].startswith(("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/")) for line in asked)
    enable.enable(_no)  # there is nothing left to ask for
    enable.disable()
    assert not place.exists()
    assert len(questions) == 1


@pytest.mark.requirement("TRC-3")
def test_a_user_who_has_the_capabilities_is_asked_for_nothing(
    place: Path, built: Path, sudo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "suffice", lambda: True)
    enable.enable(_no)
    assert not place.exists() and not sudo.exists()


@pytest.mark.requirement("TRC-3")
def test_a_program_of_other_sources_is_built_anew_before_it_is_installed(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stale = tmp_path / "roar-ebpf"
    stale.write_text("#!/bin/sh\necho roar-ebpf 1-00000000\n")
    stale.chmod(0o755)
    monkeypatch.setattr(install, "program_places", lambda: (stale, tmp_path / "data" / "roar-ebpf"))
    enable.enable(_yes)
    said = subprocess.run([place / _NAME, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"roar-ebpf {version()}\n"


@pytest.mark.requirement("TRC-3")
def test_a_user_who_says_no_has_nothing_changed(place: Path, built: Path, sudo: Path) -> None:
    with pytest.raises(Refused, match="Nothing was changed") as refused:
        enable.enable(_no)
    assert refused.value.fix == "As root, run: roar tracer enable ebpf"
    assert not sudo.exists()
    assert not place.exists()


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize("failing", ["install", "setcap"])
def test_a_step_that_fails_leaves_no_half_installed_copy(failing: str, place: Path, built: Path, sudo: Path) -> None:
    program = next(Path(folder, "sudo") for folder in os.environ["PATH"].split(":"))
    program.write_text(program.read_text().replace("exec", f'case "$1" in */{failing}) exit 1;; esac\nexec'))
    with pytest.raises(PreflightFailed, match=rf"`sudo /.*/{failing} .*` failed with exit code 1") as failed:
        enable.enable(_yes)
    assert failed.value.fix == "As root, run: roar tracer enable ebpf"
    assert install.find_helper() is None
    assert not (place / _NAME).exists()


@pytest.mark.requirement("TRC-3")
def test_what_is_missing_is_named(place: Path, built: Path, sudo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enable, "_SYSTEM", "/nowhere")
    with pytest.raises(PreflightFailed, match="the program setcap is missing") as failed:
        enable.enable(_yes)
    assert failed.value.fix == "apt install libcap2-bin"
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PreflightFailed, match="sudo is missing, and you aren't root"):
        enable.enable(_yes)


@pytest.mark.requirement("TRC-3")
def test_where_there_is_no_program_it_is_built_among_the_users_data(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own, users = tmp_path / "gone" / "roar-ebpf", tmp_path / "data" / "roar-ebpf"
    monkeypatch.setattr(install, "program_places", lambda: (own, users))
    assert enable.find_or_build() == users
    assert install.find_program() == users
    enable.disable()
    assert not users.parent.exists()
    monkeypatch.setattr(enable, "build", _fails)
    with pytest.raises(PreflightFailed, match=r"the program can't be built: a C compiler is missing\.") as failed:
        enable.enable(_yes)
    assert failed.value.fix == "apt install gcc libc6-dev"


def _fails(out: Path) -> None:
    raise BuildFailed("a C compiler is missing.", "apt install gcc libc6-dev")


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda helper: os.chown(helper, USER, 0), "can be changed by others than root"),
        (lambda helper: helper.chmod(0o775), "can be changed by others than root"),
        (lambda helper: helper.chmod(0o700), "can't be executed by everyone"),
        (lambda helper: os.removexattr(helper, install.ATTRIBUTE), "has no capabilities"),
        (lambda helper: os.setxattr(helper, install.ATTRIBUTE, install.attribute(1 << 21)), "has other capabilities than it should"),
        (lambda helper: helper.parent.chmod(0o777), "which others than root can change"),
        (lambda helper: os.chown(helper.parent, USER, 0), "which others than root can change"),
        (lambda helper: helper.parent.chmod(0o700), "which others than root can't enter"),
        (lambda helper: (helper.rename(helper.parent / "x"), helper.symlink_to("x")), "isn't a file"),
        (lambda helper: helper.unlink(), "doesn't exist"),
    ],
)  # fmt: skip
def test_a_copy_that_is_not_safe_is_not_used_and_enable_mends_it(
    harm: Callable[[Path], object], fault: str, place: Path, built: Path
) -> None:
    enable.enable(_yes)
    helper = place / _NAME
    harm(helper)
    assert install.find_helper() is None
    assert (install.fault_of(helper) or "").endswith(fault)
    enable.enable(_yes)
    assert install.find_helper() == helper


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"cut"])
def test_a_copy_that_is_not_the_program_is_replaced(content: bytes, place: Path, built: Path) -> None:
    enable.enable(_yes)
    helper = place / _NAME
    helper.write_bytes(built.read_bytes()[:20_000] if content == b"cut" else content)
    os.setxattr(helper, install.ATTRIBUTE, install.attribute(install.wanted()))
    enable.enable(_yes)
    assert helper.read_bytes() == built.read_bytes()


@pytest.mark.requirement("TRC-5")
def test_below_a_directory_of_everybodys_it_is_not_used(
    built: Path, monkeypatch: pytest.MonkeyPatch, public: Path
) -> None:
    monkeypatch.setattr(install, "DIRECTORY", public / "roar")
    with pytest.raises(PreflightFailed, match="is below /var/tmp, which others than root can change"):
        enable.enable(_yes)
    assert not (public / "roar").exists(), "nothing is half done"


@pytest.mark.requirement("TRC-3")
def test_where_files_can_have_no_capabilities_nothing_is_left(
    place: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(PreflightFailed, match="can't be installed: Operation not supported"):
        enable.enable(_yes)
    assert os.listdir(place) == []


@pytest.mark.requirement("TRC-3")
def test_where_nothing_can_be_written_it_says_so(place: Path, built: Path) -> None:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], check=True)
    try:
        with pytest.raises(PreflightFailed, match="can't be installed: Read-only file system"):
            enable.enable(_yes)
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.requirement("TRC-5")
def test_on_a_file_system_mounted_nosuid_it_is_not_used(place: Path, built: Path) -> None:
    enable.enable(_yes)
    subprocess.run(["mount", "--bind", place, place], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,nosuid", place], check=True)
        assert install.fault_of(place / _NAME) == "is on a file system mounted nosuid: its capabilities don't count"
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.requirement("TRC-3")
def test_the_attribute_is_what_setcap_writes(tmp_path: Path) -> None:
    for permitted, names in (
        (install.wanted(), "cap_bpf,cap_perfmon"),
        (1 << 24 | 1 << 39, "cap_sys_resource,cap_bpf"),
    ):
        file = tmp_path / names
        file.touch()
        subprocess.run(["setcap", f"{names}=p", file], check=True)
        assert os.getxattr(file, install.ATTRIBUTE) == install.attribute(permitted)
        assert install.permitted_by(install.attribute(permitted)) == permitted
