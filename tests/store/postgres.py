"""A real PostgreSQL server for the tests: Debian's, in a directory of its own, reached by a socket there."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

_PATIENCE_S = "600"
"""How long the server may take on a machine that is busy with other things."""


class Server:
    """A server that runs."""

    def __init__(self, directory: Path, user: str, stop: Any) -> None:
        self.directory = directory
        self.user = user
        self.stop = stop

    def url(self, schema: str = "public", database: str = "postgres", **options: str) -> str:
        """The URL of a schema of a database."""
        query = {"host": str(self.directory), "user": self.user, "options": f"-csearch_path={schema}"}
        query |= {"connect_timeout": _PATIENCE_S, **options}
        return f"postgresql:///{database}?" + "&".join(f"{key}={quote(value)}" for key, value in query.items())

    def new_schema(self, name: str) -> str:
        """Makes a schema and gives its URL."""
        self.run(f"CREATE SCHEMA {name}")
        return self.url(name)

    def clients(self) -> set[tuple[Any, ...]]:
        """The processes that serve somebody else than the one who asks, each with when it began, as numbers come again."""
        who = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return set(self.run(f"SELECT pid, backend_start FROM pg_stat_activity WHERE {who}"))

    def run(self, *statements: str, schema: str = "public") -> list[tuple[Any, ...]]:
        """Runs statements, and gives what the last one answered."""
        with psycopg.connect(self.url(schema), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _program(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    assert versions, f"these tests need PostgreSQL's {name}: apt-get install postgresql"
    return str(versions[-1])


@contextmanager
def running() -> Iterator[Server]:
    """A server, which refuses to be root: then it is another user's."""
    directory = Path(tempfile.mkdtemp(prefix="roar-pg-"))  # a socket's path must be short
    options: dict[str, Any] = {"cwd": "/", "check": True, "capture_output": True, "text": True}
    user = pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
        owner = pwd.getpwnam(user)
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        options |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data, control = str(directory / "data"), _program("pg_ctl")
    quick = f"-k {directory} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=50"
    quick += " -c autovacuum=off"  # its locks are none of those that the tests wait for

    def stop() -> None:
        words = [control, "-D", data, "-m", "immediate", "-w", "-t", _PATIENCE_S, "stop"]
        subprocess.run(words, **options | {"check": False})

    try:
        subprocess.run(
            [_program("initdb"), "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
            **options,
        )
        words = [control, "-D", data, "-l", str(directory / "log"), "-o", quick, "-w", "-t", _PATIENCE_S, "start"]
        subprocess.run(words, **options)
        yield Server(directory, user, stop)
    finally:
        stop()
        shutil.rmtree(directory, ignore_errors=True)
