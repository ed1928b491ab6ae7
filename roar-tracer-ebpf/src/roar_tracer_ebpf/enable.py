"""``roar tracer enable ebpf``: builds the program, and installs a copy of it that has the capabilities.

As root that is done here.  An ordinary user is asked first, and then sudo runs three programs of the system, with arguments
that name nothing but the two paths: no Python and no code of the user's runs as root.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from roar.api.errors import PreflightFailed, Refused
from roar_tracer_ebpf import install, privileges
from roar_tracer_ebpf.build import PROGRAM_NAME, BuildFailed, build, version

_SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"
"""Where programs that run as root are looked for: never in PATH, which is the user's."""
_AS_ROOT = "As root, run: roar tracer enable ebpf"
_NAMES = {install.CAP_BPF: "cap_bpf", install.CAP_PERFMON: "cap_perfmon", install.CAP_SYS_RESOURCE: "cap_sys_resource"}


def enable(confirm: Callable[[str], bool]) -> None:
    """Builds and installs; repeating it is harmless.

    Args:
        confirm: asks the user a yes/no question.

    Raises:
        PreflightFailed: there is no C compiler, it failed, or the copy can't be installed.
        Refused: the user said no.
    """
    program = find_or_build()
    helper = _helper_path()
    if os.geteuid() != 0 and privileges.suffice():
        return  # roar can do without; root installs it for the others
    if install.fault_of(helper) is None and _is_current(helper):
        return
    if os.geteuid() == 0:
        _install_as_root(program, helper)
    else:
        _install_by_sudo(program, helper, confirm)
    fault = install.fault_of(helper)
    if fault:
        disable()
        where = shlex.quote(os.fspath(helper.parent))
        raise _failed(f"{helper} {fault}", f"Look at: ls -ld {where}; findmnt -T {where}")


def disable() -> None:
    """Removes all installed copies, of all versions, and what was built among the user's data.

    Raises:
        PreflightFailed: they can't be removed.
    """
    copies = installed()
    if copies and os.geteuid() == 0:
        for copy in copies:
            _remove_as_root(copy)
    elif copies:
        _remove_by_sudo(copies)
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # it isn't there, or something else is in it
            install.DIRECTORY.rmdir()
    left = installed()
    if left:
        raise _failed(f"{left[0]} can't be removed", f"As root, run: rm {shlex.quote(os.fspath(left[0]))}")
    users = install.program_places()[1]
    with contextlib.suppress(OSError):
        users.unlink()
        users.parent.rmdir()


def installed() -> list[Path]:
    """All installed copies, of all versions."""
    try:
        return sorted(
            path for path in install.DIRECTORY.iterdir() if path.name.lstrip(".").startswith(f"{PROGRAM_NAME}-")
        )
    except OSError:
        return []


def find_or_build() -> Path:
    """The program; built into the package, or where that isn't writable among the user's data, when there is none of this version.

    Raises:
        PreflightFailed: there is no C compiler, it failed, or neither directory is writable.
    """
    found = install.find_program()
    if found is not None and _is_current(found):
        return found
    own, users = install.program_places()
    try:
        return _build_to(own)
    except OSError:
        pass  # the package belongs to root, or is on a read-only file system
    try:
        users.parent.mkdir(parents=True, exist_ok=True)
        return _build_to(users)
    except OSError as error:
        why = f"the program can't be written to {users.parent}: {error.strerror}"
        raise _failed(why, "set XDG_DATA_HOME") from error


def _is_current(program: Path) -> bool:
    """Whether it has the package's probe in it: one that was built of other sources hasn't."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)
        return done.stdout == f"{PROGRAM_NAME} {version()}\n"
    except OSError:
        return False


def _build_to(program: Path) -> Path:
    try:
        build(program)
    except BuildFailed as error:
        raise _failed(f"the program can't be built: {error}", error.fix) from error
    return program


def _helper_path() -> Path:
    try:
        return install.helper_path()
    except OSError as error:
        raise _failed(f"the package is damaged: {error}", "Install roar-tracer-ebpf again.") from error


def _failed(why: str, fix: str | None) -> PreflightFailed:
    return PreflightFailed("ebpf", why, fix)


def _install_as_root(program: Path, helper: Path) -> None:
    """The copy appears in one step, whole and with its capabilities."""
    partial = helper.with_name(f".{helper.name}.{os.getpid()}")
    try:
        _make_directory(helper.parent)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(program.read_bytes())
            file.flush()
            os.fchown(fd, 0, 0)
            os.fchmod(fd, 0o755)
            os.setxattr(
                fd, install.ATTRIBUTE, install.attribute(install.wanted())
            )  # last: a change of owner takes it away
            os.fsync(fd)
        os.replace(partial, helper)
        _sync_directory(helper.parent)
    except OSError as error:
        raise _failed(
            f"{helper} can't be installed: {error.strerror}", f"Look at: ls -ld {helper.parent}; df -h {helper.parent}"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # it has its name by now, or was never made
            partial.unlink()


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(fd, 0, 0)
        os.fchmod(fd, 0o755)
    finally:
        os.close(fd)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove_as_root(copy: Path) -> None:
    try:
        if stat.S_ISREG(os.lstat(copy).st_mode):
            with contextlib.suppress(OSError):  # a hard link that somebody made must not keep them
                os.removexattr(copy, install.ATTRIBUTE)
        copy.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _failed(f"{copy} can't be removed: {error.strerror}", None) from error


def _install_by_sudo(program: Path, helper: Path, confirm: Callable[[str], bool]) -> None:
    sudo = _sudo()
    setcap = _of_system("setcap", "libcap2-bin")
    put = _of_system("install", "coreutils")
    names = ",".join(name for number, name in _NAMES.items() if install.wanted() >> number & 1)
    steps = [
        [put, "-d", "-o", "root", "-g", "root", "-m", "0755", os.fspath(helper.parent)],
        [put, "-o", "root", "-g", "root", "-m", "0755", os.fspath(program.resolve()), os.fspath(helper)],
        [setcap, f"{names}=p", os.fspath(helper)],
    ]
    shown = "\n".join(f"  sudo {shlex.join(step)}" for step in steps)
    if not confirm(
        f"Seeing files from inside the kernel needs CAP_BPF. A copy of roar-ebpf with it is installed by:\n{shown}\nRun these?"
    ):
        raise Refused("Nothing was changed.", _AS_ROOT)
    try:
        for step in steps:
            _run(sudo, step)
    except BaseException:  # whatever it was: a copy without capabilities is of no use
        if helper.exists() and install.fault_of(helper) is not None:
            _try_to_run(sudo, [_of_system("rm", "coreutils"), "-f", os.fspath(helper)])
        raise


def _remove_by_sudo(copies: list[Path]) -> None:
    sudo = _sudo()
    words = [os.fspath(copy) for copy in copies]
    setcap = shutil.which("setcap", path=_SYSTEM)
    for word in words if setcap else []:
        _try_to_run(sudo, [str(setcap), "-q", "-r", word])  # fails for those that have none
    _run(sudo, [_of_system("rm", "coreutils"), "-f", "--", *words])
    _try_to_run(sudo, [_of_system("rmdir", "coreutils"), "--ignore-fail-on-non-empty", os.fspath(install.DIRECTORY)])


def _sudo() -> str:
    sudo = shutil.which("sudo")
    if sudo is None:
        raise _failed("sudo is missing, and you aren't root", _AS_ROOT)
    return sudo


def _of_system(name: str, package: str) -> str:
    path = shutil.which(name, path=_SYSTEM)
    if path is None:
        raise _failed(f"the program {name} is missing", f"apt install {package}")
    return path


def _run(sudo: str, step: list[str]) -> None:
    """On the user's terminal: sudo asks for a password there."""
    try:
        done = subprocess.run([sudo, "--", *step], check=False)
    except OSError as error:
        raise _failed(f"sudo can't be run: {error.strerror}", _AS_ROOT) from error
    if done.returncode != 0:
        raise _failed(f"`sudo {shlex.join(step)}` failed with exit code {done.returncode}", _AS_ROOT)


def _try_to_run(sudo: str, step: list[str]) -> None:
    with contextlib.suppress(OSError):
        subprocess.run([sudo, "--", *step], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
