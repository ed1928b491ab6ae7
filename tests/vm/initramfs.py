"""What the guest starts with: an archive of busybox, modules and a script that makes the host's files its root."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

EMPTY = ("/tmp", "/run", "/var/tmp")
"""Directories of the host's that the guest doesn't see: there it has empty ones of its own, in memory."""
HELPERS = Path("/usr/local/lib/roar")
"""Where `roar tracer enable` installs what only root may: in the guest it begins with nothing."""


class Entry(NamedTuple):
    """A file of the archive."""

    mode: int
    content: bytes = b""
    uid: int = 0
    gid: int = 0


class Root(NamedTuple):
    """How the guest's files differ from the host's."""

    covered: tuple[str, ...]
    """Directories that are empty ones of the guest's own."""
    kept: tuple[str, ...]
    """What is below a covered one, and is there all the same."""


def root_for(needed: Iterable[Path], fresh: Iterable[Path] = ()) -> Root:
    """A root on which `needed` is for every user to see.

    Args:
        needed: the checkout, an interpreter: they may be in a directory that is covered, or in somebody's home.
        fresh: directories that aren't there in the guest, whatever the host has, and can be made.
    """
    places = [Path(os.path.abspath(place)) for place in needed]
    closed = (parent for place in places for parent in place.parents if not os.stat(parent).st_mode & stat.S_IXOTH)
    covered = list(dict.fromkeys([*EMPTY, *map(str, closed)]))
    covered = [one for one in covered if not any(one.startswith(f"{other}/") for other in covered)]
    kept = [str(place) for place in places if any(str(place).startswith(f"{one}/") for one in covered)]
    for place in fresh:
        covered.append(str(place.parent))
        kept += [str(other) for other in place.parent.iterdir() if other != place]
    return Root(tuple(covered), tuple(dict.fromkeys(kept)))


_INIT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*.ko; do [ ! -e $module ] || insmod $module || echo "vm: $module" > /dev/console; done
mount -t virtiofs -o ro host /host || {{ echo "vm: no root" > /dev/console; poweroff -f; }}
{root}
mkdir /host/run/vm
cp /go /host/run/vm/
{carried}
ln -s /proc/self/fd /dev/fd
mkdir /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
for special in debugfs:/sys/kernel/debug tracefs:/sys/kernel/tracing securityfs:/sys/kernel/security bpf:/sys/fs/bpf; do
    mount -t ${{special%%:*}} none ${{special#*:}} 2> /dev/null
done
ip link set lo up
for kernel in dev proc sys; do mount --move /$kernel /host/$kernel; done
exec switch_root /host /bin/sh /run/vm/go
"""
_GO = """\
stty -F /dev/ttyS1 raw -echo
cd {directory} || exit
export {environment}
setsid {command} < /dev/null > /dev/ttyS1 2>&1
echo $? $(cut -d ' ' -f 1 /proc/uptime) > /dev/ttyS2
sync
echo o > /proc/sysrq-trigger
sleep 60
"""
"""Process 1, on the host's files.  What the command prints and its status leave by serial ports of their own."""


def archive(
    modules: Sequence[Path],
    root: Root,
    carried: Sequence[Path],
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
) -> bytes:
    """The archive.

    Args:
        modules: to be loaded, in order.
        root: how the guest's files differ.
        carried: directories of the host's that the guest gets copies of, at the same place; it must be a covered one.
        command: what is run, as root.
        directory: where.
        environment: all of its environment.
    """
    entries = {
        name: Entry(stat.S_IFDIR | 0o755)
        for name in ("bin", "dev", "proc", "sys", "host", "modules", "kept", "carried")
    }
    busybox = Path("/bin/busybox").read_bytes()
    entries["bin/busybox"] = Entry(stat.S_IFREG | 0o755, busybox)
    copies = []
    for number, place in enumerate(carried):
        entries.update(_tree(place, f"carried/{number}"))
        copies.append(f"mkdir -p {shlex.quote(f'/host{place.parent}')}")
        copies.append(f"cp -a /carried/{number} {shlex.quote(f'/host{place}')}")
    init = _INIT.format(root="\n".join(_root_lines(root)), carried="\n".join(copies))
    entries["init"] = Entry(stat.S_IFREG | 0o755, init.encode())
    go = _GO.format(
        directory=shlex.quote(str(directory)),
        environment=" ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()),
        command=shlex.join(command),
    )
    entries["go"] = Entry(stat.S_IFREG | 0o644, go.encode())
    for module in modules:
        entries[f"modules/{module.name}"] = Entry(stat.S_IFREG | 0o644, module.read_bytes())
    return _cpio(entries)


def _root_lines(root: Root) -> Iterable[str]:
    """Commands that hide what is covered, and show again what is kept."""
    for number, place in enumerate(map(shlex.quote, root.kept)):
        yield f"if [ -d /host{place} ]; then mkdir /kept/{number}; else touch /kept/{number}; fi"
        yield f"mount --bind /host{place} /kept/{number}"
    for place in map(shlex.quote, root.covered):
        mode = "1777" if place in EMPTY else "755"
        yield f"mount -t tmpfs -o mode={mode} tmpfs /host{place}"
    for number, place in enumerate(map(shlex.quote, root.kept)):
        yield f"mkdir -p /host{os.path.dirname(place)}"
        yield f"if [ -d /kept/{number} ]; then mkdir -p /host{place}; else touch /host{place}; fi"
        yield f"mount --bind /kept/{number} /host{place}"


def _tree(place: Path, name: str) -> dict[str, Entry]:
    """A directory with what is in it, under another name."""
    found = {}
    for path in [place, *sorted(place.rglob("*"))]:
        state = path.lstat()
        content = b""
        if stat.S_ISREG(state.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(state.st_mode):
            content = os.fsencode(os.readlink(path))
        inside = path.relative_to(place)
        found[os.path.normpath(f"{name}/{inside}")] = Entry(state.st_mode, content, state.st_uid, state.st_gid)
    return found


def _cpio(entries: Mapping[str, Entry]) -> bytes:
    """An archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst: newc)."""
    out = bytearray()
    # a directory comes before what is in it
    for number, name in enumerate([*sorted(entries), "TRAILER!!!"], 1):
        entry = entries.get(name, Entry(0))
        encoded = os.fsencode(name) + b"\0"
        fields = (number, entry.mode, entry.uid, entry.gid, 1, 0, len(entry.content), 0, 0, 0, 0, len(encoded), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        out += bytes(-len(out) % 4) + entry.content
        out += bytes(-len(out) % 4)
    return bytes(out)
