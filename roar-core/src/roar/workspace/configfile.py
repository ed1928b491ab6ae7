"""Changing a configuration file: comments kept, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.api.errors import ConfigError
from roar.render.text import printable

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def put(path: Path, name: str, value: Any) -> None:
    """Sets a key; the file and its directory are made when needed.

    Args:
        path: the file.
        name: dotted; its tables are made when needed.
        value: of a type that TOML has.

    Raises:
        ConfigError: the file is broken or can't be written; it is as before.
    """

    def change(document: TOMLDocument) -> bool:
        import tomlkit

        *tables, last = name.split(".")
        table: Any = document
        for part in tables:
            if part not in table:
                table[part] = tomlkit.table()
            elif not hasattr(table[part], "keys"):
                raise ConfigError(
                    f"{path}: {part} is a value, and {name} needs it to be a table.", f"Take {part} out of the file."
                )
            table = table[part]
        if last in table and not hasattr(table[last], "keys"):
            new, old = tomlkit.item(value), _trivia(table, last)
            if old is not None:
                new.trivia.comment, new.trivia.comment_ws = old.comment, old.comment_ws
            table[last] = new
        else:
            table[last] = value
        return True

    _change(path, change)


def _trivia(table: Any, name: str) -> Any:
    """The comment beside a value; a table gives booleans without theirs, what is inside of it has them."""
    from tomlkit.container import Container

    inside = table if isinstance(table, Container) else getattr(table, "value", None)
    return getattr(inside.item(name) if isinstance(inside, Container) else table[name], "trivia", None)


def take_out(path: Path, name: str) -> bool:
    """Takes a key out, and tables that are empty then.  Whether it was there.  Raises as `put`."""

    def change(document: TOMLDocument) -> bool:
        *tables, last = name.split(".")
        chain: list[tuple[Any, str]] = []
        table: Any = document
        for part in tables:
            if part not in table or not hasattr(table[part], "keys"):
                return False
            chain.append((table, part))
            table = table[part]
        if last not in table:
            return False
        del table[last]
        for above, part in reversed(chain):
            if not above[part].as_string().strip():
                del above[part]
        return True

    return path.exists() and _change(path, change)


def create(path: Path, content: str) -> None:
    """Writes a file that isn't there.  Raises `ConfigError`."""
    with explained(path):
        target = Path(os.path.realpath(path))
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(target, content.encode())


def _change(path: Path, change: Callable[[TOMLDocument], bool]) -> bool:
    import tomlkit

    from roar.workspace.config import parse

    with explained(path):
        target = Path(os.path.realpath(path))  # a link, as made by those who manage their dotfiles, stays one
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(target.parent):
            content = target.read_bytes() if target.exists() else b""
            parse(content, path)  # its errors have a line and a column
            document = tomlkit.parse(content.decode("utf-8-sig"))
            changed = change(document)
            if changed:
                replace(target, tomlkit.dumps(document).encode())
            return changed


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Within, an `OSError` becomes the `ConfigError` that names the file."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{printable(str(path))} can't be changed: {error.strerror}.",
            f"Check it: ls -ld {printable(str(path.parent))}",
        ) from error


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One writer at a time, by flock(2) on the directory; without it where the file system has none."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def replace(path: Path, content: bytes) -> None:
    """Writes a file, for its owner only, whole or not at all.  Raises `OSError`."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:  # whatever it is, it goes on; only nothing half done is left
        new.unlink(missing_ok=True)
        raise
