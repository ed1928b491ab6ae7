"""The virtual machine: QEMU with a kernel of the cache, and this machine's root directory, read-only, by virtiofs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from vm.initramfs import Root, archive
from vm.kernels import Kernel

_QEMU = "qemu-system-x86_64"
_VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd/virtiofsd")
_BUSYBOX = "/bin/busybox"
_CONSOLE_LINES = 25
_ACCEPTING = 1 << 16
"""Of a socket's flags in /proc/net/unix."""


class CannotStart(Exception):
    """Something is missing on this machine; the text says what to do."""


class Crashed(Exception):
    """The guest didn't get as far as the command's end; the text has the console's last lines."""


class TookTooLong(Exception):
    """The time was up."""


class Ended(NamedTuple):
    """How a command in the guest ended."""

    status: int
    """As a shell tells it."""
    wall_s: float
    uptime_s: float
    """Of the guest.  When instructions are counted this is their number in billions."""


class Job(NamedTuple):
    """What a machine is to do."""

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    root: Root
    carried: Sequence[Path] = ()
    """Directories that the guest gets copies of, at the same place."""
    counted: bool = False
    """One processor, and a clock that goes on by a nanosecond with each instruction: times are counts, the same each time."""
    timeout_s: float = 300


def missing() -> list[str]:
    """Debian packages that this machine lacks."""
    lacking = [] if shutil.which(_QEMU) else ["qemu-system-x86"]
    if not any(map(os.path.exists, _VIRTIOFSD)):
        lacking.append("virtiofsd")
    if not os.path.exists(_BUSYBOX):
        lacking.append("busybox-static")
    return lacking


def run(kernel: Kernel, job: Job, output: IO[bytes]) -> Ended:
    """Boots a kernel, runs a command on it as root, and waits for its end.

    Args:
        kernel: from `vm.kernels.kernel`.
        job: what to run, and on which files.
        output: a file that gets what the command prints.

    Raises:
        CannotStart: QEMU or something else is missing, or this isn't root.
        Crashed: the kernel did, or didn't find its root.
        TookTooLong: longer than the job allows.
    """
    if lacking := missing():
        raise CannotStart(f"Missing: {' '.join(lacking)}\nAs root: apt-get install {' '.join(lacking)}")
    if os.geteuid() != 0:
        raise CannotStart("Only root can share this machine's files with a guest: run it as root.")
    with tempfile.TemporaryDirectory(prefix="roar-vm-") as folder:
        initrd, console, status = (f"{folder}/{name}" for name in ("initrd", "console", "status"))
        Path(initrd).write_bytes(
            archive(kernel.modules, job.root, job.carried, job.command, job.directory, job.environment)
        )
        started = time.monotonic()
        with open(f"{folder}/errors", "wb") as errors:
            server = _serve(f"{folder}/socket", errors)
            words = [*_qemu(job.counted), "-kernel", str(kernel.image), "-initrd", initrd]
            words += ["-append", "console=ttyS0 loglevel=4 panic=-1"]
            words += ["-serial", f"file:{console}", "-serial", "stdio", "-serial", f"file:{status}"]
            words += ["-chardev", f"socket,id=files,path={folder}/socket"]
            words += ["-device", "vhost-user-fs-pci,chardev=files,tag=host,queue-size=1024"]
            machine = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
            try:
                machine.wait(job.timeout_s)
            except subprocess.TimeoutExpired:
                raise TookTooLong(f"{kernel.name}: {job.timeout_s:.0f} s were not enough") from None
            finally:
                for process in (machine, server):
                    if process.poll() is None:
                        process.kill()
                    process.wait()
        wall_s = time.monotonic() - started
        told = Path(status).read_text().split() if os.path.exists(status) else []
        if len(told) != 2:
            places = [Path(folder, name) for name in ("errors", "console")]
            texts = [place.read_text(errors="replace") for place in places if place.exists()]
            last = "\n".join("".join(texts).splitlines()[-_CONSOLE_LINES:])
            raise Crashed(
                f"{kernel.name} ({kernel.package}): the command didn't end; the console's last lines:\n{last}"
            )
        return Ended(int(told[0]), wall_s, float(told[1]))


def _serve(socket: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts the file server, and waits until it listens."""
    program = next(path for path in _VIRTIOFSD if os.path.exists(path))
    # the options of the C one, which its successor takes as well
    options = [part for option in ("source=/", "cache=always", "sandbox=chroot") for part in ("-o", option)]
    server = subprocess.Popen(
        [program, f"--socket-path={socket}", *options], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
    )
    while not _listens(socket):
        if server.poll() is not None:
            raise CannotStart(f"{program} ended with {server.returncode}: {Path(errors.name).read_text()[-500:]}")
        time.sleep(0.01)
    return server


def _listens(socket: str) -> bool:
    """Whether somebody has got as far as listen(2) there: the file is made before that, by bind(2)."""
    rows = (row.split(maxsplit=7) for row in Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:])
    return any(row[-1] == socket and int(row[3], 16) & _ACCEPTING for row in rows)


def _qemu(counted: bool) -> list[str]:
    memory = "1536M"  # shared with the file server
    words = [
        _QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", memory,
        "-machine", "pc,usb=off,memory-backend=memory",
        "-object", f"memory-backend-memfd,id=memory,share=on,size={memory}",
    ]  # fmt: skip
    if counted:
        return [*words, "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "1", "-icount", "shift=0,sleep=off"]
    # /dev/kvm alone is no proof: above a hypervisor that lets no guest have one, a kernel never gets anywhere
    if os.access("/dev/kvm", os.W_OK) and any(os.path.exists(f"/sys/module/kvm_{maker}") for maker in ("intel", "amd")):
        return [*words, "-accel", "kvm", "-cpu", "host", "-smp", "2"]
    return [*words, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"]
