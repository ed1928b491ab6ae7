"""The Python environments of a reproduction: one that is here and has what was recorded, or a new one with the same packages.

What makes a new one is uv where it is installed, else venv and pip; both with the user's own settings (``UV_*``, ``PIP_*``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from roar.reproduce.children import Children
from roar.reproduce.editables import editable_directories
from roar.run.interpreters import Interpreter, distributions, interpreter_at
from roar.run.lookups import Lookups

_NOT_PINNED = frozenset({"pip", "uv"})
"""What installs is not what is to be installed."""
_ISOLATED = ("venv", "uv", "conda")
_DIFFERENCES_SHOWN = 5


class Need(NamedTuple):
    """An interpreter as it was recorded."""

    prefix: bytes
    version: str
    kind: str
    imported: bool
    """Whether anything installed was imported: if not, what is installed doesn't matter."""
    packages: tuple[tuple[str, str], ...]
    other_sites: tuple[bytes, ...]
    """Further directories of packages that modules were read from."""
    origins: tuple[tuple[str, str], ...]

    @property
    def minor(self) -> str:
        """``3.11``."""
        return ".".join(self.version.split(".")[:2])


class Decision(NamedTuple):
    """How a need is met."""

    need: Need
    how: Literal["as it is", "linked", "installed"]
    place: bytes
    """The environment's directory."""
    said: str
    """One clause for the plan."""
    modules: tuple[bytes, ...] = ()
    """Directories of the new one that hold what the recorded environment takes from the repository (``pip install -e``)."""
    with_pip: bool = False
    """Whether a new environment gets pip, as a step installs something."""


def needs_of(environment: Mapping[str, Any]) -> list[Need]:
    """The interpreters that a step needs, those of environments first."""
    found = []
    for one in environment.get("python", ()):
        packages = one.get("packages", environment.get("packages", {}))
        found.append(
            Need(
                os.fsencode(one["prefix"]),
                one.get("version", ""),
                one.get("kind", ""),
                bool(one.get("imported", True)),
                tuple(sorted(packages.items())),
                tuple(map(os.fsencode, one.get("other_sites", ()))),
                tuple(sorted(environment.get("origins", {}).items())),
            )
        )
    return found


def decide(need: Need, number: int, root: bytes, directory: bytes, private: bytes, written: bool) -> Decision:
    """How a need is met; nothing is changed.

    Args:
        need: what was recorded.
        number: of the need, for the name of a new environment.
        root: of the recorded repository.
        directory: the new one.
        private: where a new environment is made whose old one wasn't in the repository.
        written: whether a step installs something into it, so that it can't be the recorded one itself.
    """
    here = interpreter_at(need.prefix, need.version)
    modules = _editable(here, need, root, directory)
    serves = modules is not None and _serves(here, need)
    if need.prefix.startswith(root + b"/"):
        place = directory + need.prefix[len(root) :]
        if serves and not written:
            return Decision(
                need,
                "linked",
                place,
                f"{_name(need)}: the recorded one has the same packages and is linked",
                modules or (),
            )
        return Decision(need, "installed", place, _installing(need, place), with_pip=written and _had_pip(need))
    if serves:
        return Decision(
            need,
            "as it is",
            need.prefix,
            f"{_name(need)}: here, with what was recorded; nothing to install",
            modules or (),
        )
    current = _current()
    modules = _editable(current, need, root, directory)
    if current is not None and modules is not None and _serves(current, need):
        where = os.fsdecode(current.prefix)
        return Decision(
            need,
            "as it is",
            current.prefix,
            f"{_name(need)}: {where} has what was recorded; nothing to install",
            modules,
        )
    place = private + b"/environments/%d" % number
    return Decision(need, "installed", place, _installing(need, place), with_pip=written and _had_pip(need))


def _had_pip(need: Need) -> bool:
    return "pip" in dict(need.packages)


def _editable(here: Interpreter | None, need: Need, root: bytes, directory: bytes) -> tuple[bytes, ...] | None:
    """Where in the new directory is what an environment takes from the repository; None when that can't be known."""
    urls = [urlsplit(origin.rpartition(" ")[2]) for _, origin in need.origins if origin.startswith("editable ")]
    places = [os.path.realpath(os.fsencode(unquote(url.path))) for url in urls if url.scheme == "file"]
    if not any(place == root or place.startswith(root + b"/") for place in places):
        return ()
    found = editable_directories(here.sites, root) if here is not None else []
    return tuple(directory + path[len(root) :] for path in found) or None


def _name(need: Need) -> str:
    return f"Python {need.version or '?'} of {os.fsdecode(need.prefix)}"


def _installing(need: Need, place: bytes) -> str:
    tool = "uv" if shutil.which("uv") else "venv and pip"
    count = len(pins(need, lambda path: path)) if need.imported else 0
    what = f"{count} pinned package{'s' if count != 1 else ''}" if count else "no packages, as none was imported"
    return f"{_name(need)}: made anew in {os.fsdecode(place)} by {tool}, {what}"


def _serves(interpreter: Interpreter | None, need: Need) -> bool:
    if interpreter is None or not interpreter.version.startswith(need.minor):
        return False
    return not need.imported or installed(interpreter, need.other_sites) == dict(need.packages)


def _current() -> Interpreter | None:
    program = shutil.which("python3") or shutil.which("python")
    if program is None:
        return None
    beside = os.path.dirname(os.path.dirname(program))
    if os.path.isfile(os.path.join(beside, "pyvenv.cfg")):
        return interpreter_at(os.fsencode(beside))
    return interpreter_at(os.fsencode(os.path.dirname(os.path.dirname(os.path.realpath(program)))))


def installed(interpreter: Interpreter, other_sites: Iterable[bytes] = ()) -> dict[str, str]:
    """What is installed for an interpreter and in other directories, name → version."""
    return distributions([*interpreter.sites, *other_sites], Lookups(None))[0]


def pins(need: Need, place_of: Any) -> list[str]:
    """The requirements (PEP 508) that give the recorded packages.

    Args:
        need: what was recorded.
        place_of: path in the recorded repository → in the new one.
    """
    origins = dict(need.origins)
    return [
        _requirement(name, version, origins.get(name, ""), place_of)
        for name, version in need.packages
        if name.lower() not in _NOT_PINNED
    ]


def _requirement(name: str, version: str, origin: str, place_of: Any) -> str:
    editable, _, url = origin.rpartition(" ")
    if url.startswith("file://"):
        path = place_of(unquote(url.removeprefix("file://")))
        if os.path.exists(path):
            return f"-e {path}" if editable else f"{name} @ file://{path}"
    elif url:
        return f"{name} @ {url}"
    return f"{name}=={version}"


class Failed(Exception):
    """An environment could not be made; the text says why."""


def prepare(decision: Decision, place_of: Any, log: bytes, children: Children, before: Callable[[], None]) -> None:
    """Does what was decided; nothing when it was done before.

    Args:
        decision: what to do.
        place_of: path in the recorded repository → in the new one.
        log: file for what the installer says.
        children: starts the installer.
        before: called in the installer's process before its program.

    Raises:
        Failed: it could not be done.
        NotNoted: `before` failed.
        Stopped: the installer was ended.
    """
    if decision.how == "as it is":
        return
    place = os.fsdecode(decision.place)
    if decision.how == "linked":
        if not os.path.lexists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.symlink(os.fsdecode(decision.need.prefix), place)
        return
    done = os.path.join(place, "made-by-roar")
    if os.path.exists(done):
        return
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.dirname(os.fsdecode(log)), exist_ok=True)
    lines = pins(decision.need, place_of) if decision.need.imported else []
    requirements = os.fsdecode(log) + ".txt"
    with open(requirements, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    for words in _commands(decision.need, place, requirements if lines else None, decision.with_pip):
        _run(words, log, children, before)
    with open(done, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _commands(need: Need, place: str, requirements: str | None, with_pip: bool) -> Iterable[list[str]]:
    program = os.path.join(place, "bin", "python")
    uv = shutil.which("uv")
    if uv:
        seed = ["--seed"] if with_pip else []
        yield [uv, "venv", "--quiet", *seed, "--python", need.version or need.minor, place]
        if requirements:
            yield [uv, "pip", "install", "--quiet", "--python", program, "--no-deps", "-r", requirements]
        return
    base = _base(need)
    yield [base, "-m", "venv", *([] if with_pip else ["--without-pip"]), place]
    if requirements:
        pip = next((one for one in (base, sys.executable) if _has_pip(one)), None)
        if pip is None:
            raise Failed(f"pip is missing: {base} -m ensurepip")
        yield [
            pip, "-m", "pip", "--python", program, "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r",
            requirements,
        ]  # fmt: skip


def _base(need: Need) -> str:
    """A program of the recorded minor version to make the environment with."""
    name = f"python{need.minor}"
    recorded = os.path.join(os.fsdecode(need.prefix), "bin", name)
    for program in (recorded, shutil.which(name), sys.executable, shutil.which("python3")):
        if program and os.access(program, os.X_OK) and _version(program) == need.minor:
            return program
    raise Failed(f"there is no Python {need.minor} here; install it, or uv, which fetches it")


def _version(program: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([program, "-I", "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _has_pip(program: str) -> bool:
    try:
        done = subprocess.run([program, "-m", "pip", "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _run(words: list[str], log: bytes, children: Children, before: Callable[[], None]) -> None:
    with open(log, "ab") as file:
        try:
            status = children.run(words, before, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        except OSError as error:
            raise Failed(f"{words[0]}: {error.strerror}") from error
    if status:
        from roar.reproduce.commands import last_lines

        said = [line for line in last_lines(log) if not re.match(r"\s*\[notice\]", line)]
        raise Failed(
            "; ".join(said[-2:]) or f"{words[0]} ended with exit code {128 - status if status < 0 else status}"
        )


def differences(need: Need, decision: Decision) -> list[str]:
    """What an environment has otherwise than recorded, a clause each, the first few."""
    found: list[str] = []
    here = interpreter_at(decision.place, need.version)
    if here is None:
        return [f"Python {need.version} is missing"]
    if here.version != need.version:
        found.append(f"Python {here.version} instead of {need.version}")
    if need.imported:
        now = installed(here, need.other_sites)
        for name, version in need.packages:
            if name.lower() in _NOT_PINNED or now.get(name) == version:
                continue
            found.append(f"{name} {now[name]} instead of {version}" if name in now else f"{name} {version} is missing")
    more = len(found) - _DIFFERENCES_SHOWN
    return [*found[:_DIFFERENCES_SHOWN], f"and {more} more"] if more > 0 else found


def on_path(decisions: Iterable[Decision]) -> list[bytes]:
    """The directories of programs that go before the user's own, so that ``python`` is the recorded one."""
    found: list[bytes] = []
    for decision in decisions:
        programs = decision.place + b"/bin"
        if decision.need.kind in _ISOLATED or decision.how != "as it is":
            found.append(programs)
        elif decision.need.kind == "installation":
            current = _current()
            if current is None or current.base != decision.place:
                found.append(programs)
    return list(dict.fromkeys(found))
