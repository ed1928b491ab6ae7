"""Which kernels there are, and how one gets here: apt downloads its packages, nothing is installed."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vm import modules

KERNELS = {
    "5.10": "linux-image-cloud-amd64/bullseye-security",
    "6.1": "linux-image-cloud-amd64/bookworm",
    "6.12": "linux-image-cloud-amd64/trixie",
    "newest": "linux-image-cloud-amd64/trixie-backports",
}
"""Name → Debian package and suite: the oldest that is supported, one of each kind after it, the newest that there is."""

_MIRROR = "http://deb.debian.org/debian"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_NEEDED = ("virtio_pci", "virtiofs")
_PARTS = re.compile(r"Depends: (linux-(?:image|binary|modules|base)-\d\S+)")
_SOURCES = re.compile(r"^(?:URIs:|deb (?:\[.*?\] )?)\s*(\S+?/debian(?:-security)?)/?\s", re.MULTILINE)


class NotToBeHad(Exception):
    """A kernel couldn't be downloaded; the text says what to do."""


class Kernel(NamedTuple):
    """A kernel in the cache."""

    name: str
    package: str
    """With its version."""
    image: Path
    modules: tuple[Path, ...]
    """What must be loaded for the file system that is shared, in order."""


def kernel(name: str) -> Kernel:
    """A kernel, downloaded if it isn't in the cache: ``roar-vm`` below ``XDG_CACHE_HOME``.

    Args:
        name: of `KERNELS`, or a Debian package and its suite, as ``linux-image-amd64/trixie``.

    Raises:
        NotToBeHad: there is no such package, or no way to it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "roar-vm")
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / name.replace("/", "_")
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would both download
        if not place.is_dir():
            _download(name, place)
    found = tuple(sorted((place / "modules").iterdir()))
    return Kernel(name, (place / "package").read_text().strip(), place / "vmlinuz", found)


def _download(name: str, place: Path) -> None:
    package, slash, suite = KERNELS.get(name, name).partition("/")
    if not slash:
        raise NotToBeHad(f"No kernel {name!r}: one of {', '.join(KERNELS)}, or PACKAGE/SUITE of Debian.")
    if missing := [tool for tool in ("apt-get", "apt-cache", "dpkg-deb") if not shutil.which(tool)]:
        raise NotToBeHad(f"{', '.join(missing)} missing: kernels come as packages of Debian, by its own tools.")
    with tempfile.TemporaryDirectory(prefix="roar-vm-", dir=place.parent) as folder:
        options = _private_state(Path(folder), suite)
        _apt(name, ["apt-get", *options, "-q", "update"], folder)
        parts = _parts(name, package, options, folder)
        _apt(name, ["apt-get", *options, "-q", "download", *parts], folder)
        unpacked, made = Path(folder, "unpacked"), Path(folder, "made")
        archives = glob.glob(f"{folder}/*.deb")
        for archive in archives:
            subprocess.run(["dpkg-deb", "--extract", archive, unpacked], check=True)
        made.mkdir()
        images = [*unpacked.glob("boot/vmlinuz-*"), *unpacked.glob("usr/lib/modules/*/vmlinuz")]
        shutil.copy(images[0], made / "vmlinuz")
        modules.collect(unpacked, _NEEDED, made / "modules")
        (made / "package").write_text("\n".join(sorted(os.path.basename(archive) for archive in archives)) + "\n")
        made.rename(place)


def _private_state(folder: Path, suite: str) -> list[str]:
    """apt's options for a suite of its own, so that the machine's lists and sources stay as they are."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "archives/partial").mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror(suite)} {suite} main\n")
    return [
        "-oAPT::Architecture=amd64",
        "-oAPT::Sandbox::User=root",
        f"-oDir::Etc::SourceList={folder}/sources.list",
        "-oDir::Etc::SourceParts=-",
        f"-oDir::State::Lists={folder}/lists",
        f"-oDir::Cache={folder}",
        "-oAcquire::Languages=none",
        "-oAcquire::Retries=3",
    ]


def _mirror(suite: str) -> str:
    """The mirror that this machine uses, when it is one of Debian's."""
    is_security = suite.endswith("-security")
    files = [*glob.glob("/etc/apt/sources.list.d/*"), "/etc/apt/sources.list"]
    texts = [Path(file).read_text(errors="replace") for file in files if os.path.isfile(file)]
    known = [uri for text in texts for uri in _SOURCES.findall(text) if uri.endswith("-security") == is_security]
    return known[0] if known else _MIRROR + "-security" * is_security


def _parts(name: str, package: str, options: Sequence[str], folder: str) -> list[str]:
    """The packages that an image is made of: the last of a chain of empty ones, and, of newer kernels, its parts."""
    for _ in range(3):
        told = _apt(name, ["apt-cache", *options, "depends", "--important", package], folder)
        needed = [part.strip("<>") for part in _PARTS.findall(told)]
        images = [part for part in needed if part.startswith("linux-image-")]
        if not images:
            return [package, *needed]
        package = images[0]  # of several versions the newest is the first
    return [package]


def _apt(name: str, words: Sequence[str], folder: str) -> str:
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode or "\nW: Failed to fetch" in f"\n{done.stderr}":
        said = [line for line in done.stderr.splitlines() if line[:3] in ("E: ", "W: ")] or ["it said nothing"]
        source = Path(folder, "sources.list").read_text().split("] ")[-1].strip()
        raise NotToBeHad(
            f"Kernel {name} can't be downloaded from {source}: {said[0]}\n"
            f"Let this machine reach that mirror (apt's proxies are respected) and install debian-archive-keyring, "
            f"or copy the folder roar-vm/{name.replace('/', '_')} from the cache of one that has it."
        )
    return done.stdout
