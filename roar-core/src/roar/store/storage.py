"""The storage that both databases share: each method of `roar.api.storage.Storage` on an `Engine`."""

# ruff: noqa: D102 - documented by the interface

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from roar.api.events import FileStat
from roar.api.filters import Direction
from roar.api.records import (
    Artifact,
    Composite,
    Job,
    JobKind,
    JobRecord,
    LabelSubject,
    LabelVersion,
    Problem,
    Recorded,
    Reproduction,
    Session,
    StoredEdge,
)
from roar.api.storage import JobQuery, Link, Site, Storage
from roar.store import labels, sessions

if TYPE_CHECKING:
    from roar.store.engine import Engine

_EVERY = JobQuery()


class DatabaseStorage(Storage):
    """A storage in a database.  What only some commands need is imported when they ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attach(self, site: Site) -> None:
        with self._engine.guard():
            self._engine.names.attach(site)

    def close(self) -> None:
        self._engine.close()

    def record(self, job: JobRecord, session: int | None = None) -> Recorded:
        from roar.store.write import record

        self._must_write()
        with self._engine.guard():
            return record(self._engine, job, session)

    def jobs(self, query: JobQuery = _EVERY) -> list[Job]:
        from roar.store import read

        with self._engine.guard():
            return read.jobs(self._engine, query)

    def job_at(self, step: int, kind: JobKind = "run", session: int | None = None) -> Job | None:
        from roar.store import read

        with self._engine.guard():
            return read.job_at(self._engine, step, kind, self._session(session))

    def jobs_by_uid(self, prefix: str) -> list[Job]:
        from roar.store import read

        with self._engine.guard():
            return read.jobs_by_uid(self._engine, prefix)

    def jobs_by_id(self, ids: Iterable[int]) -> list[Job]:
        from roar.store import read

        with self._engine.guard():
            return read.jobs_by_id(self._engine, ids)

    def edges(
        self, jobs: Sequence[int], direction: Direction | None = None, limit: int | None = None
    ) -> Iterator[StoredEdge]:
        from roar.store import read

        with self._engine.guard():
            yield from read.edges(self._engine, jobs, direction, limit)

    def edges_at(self, path: bytes, limit: int | None = None) -> list[StoredEdge]:
        from roar.store import read

        with self._engine.guard():
            return read.edges_at(self._engine, path, limit)

    def edges_of(
        self, artifacts: Iterable[int], direction: Direction | None = None, limit: int | None = None
    ) -> list[StoredEdge]:
        from roar.store import read

        with self._engine.guard():
            return read.edges_of(self._engine, artifacts, direction, limit)

    def artifacts_by_digest(self, prefix: str, algorithm: str | None = None) -> list[Artifact]:
        from roar.store import read

        with self._engine.guard():
            return read.artifacts_by_digest(self._engine, prefix, algorithm)

    def known(self, paths: Iterable[bytes]) -> dict[bytes, tuple[FileStat, Mapping[str, str]]]:
        from roar.store.files import known

        with self._engine.guard():
            return known(self._engine, paths)

    def generated(self, paths: Iterable[bytes], session: int | None = None) -> set[bytes]:
        from roar.store.files import generated

        with self._engine.guard():
            return generated(self._engine, paths, self._session(session))

    def ancestors(self, artifacts: Iterable[int], depth: int | None = None) -> list[int]:
        from roar.store.lineage import ancestors

        with self._engine.guard():
            return ancestors(self._engine, list(artifacts), depth)

    def descendants(self, artifacts: Iterable[int], depth: int | None = None) -> list[int]:
        from roar.store.lineage import descendants

        with self._engine.guard():
            return descendants(self._engine, list(artifacts), depth)

    def makers(self, jobs: Sequence[int]) -> list[Link]:
        from roar.store.links import makers

        with self._engine.guard():
            return makers(self._engine, jobs)

    def users(self, jobs: Sequence[int], limit: int | None = None) -> tuple[list[Link], bool]:
        from roar.store.links import users

        with self._engine.guard():
            return users(self._engine, jobs, limit)

    def roots(self, jobs: Sequence[int]) -> Iterator[StoredEdge]:
        from roar.store.links import roots

        with self._engine.guard():
            yield from roots(self._engine, jobs)

    def composites_like(self, path: bytes | None = None, digest: str = "") -> list[tuple[int, Composite]]:
        from roar.store import read

        with self._engine.guard():
            return read.composites_like(self._engine, path, digest)

    def composites(self, jobs: Sequence[int]) -> dict[int, list[Composite]]:
        from roar.store import read

        with self._engine.guard():
            return read.composites(self._engine, jobs)

    def filtered(self, job: int) -> list[tuple[str, bytes, Direction]]:
        from roar.store import read

        with self._engine.guard():
            return read.filtered(self._engine, job)

    def environment(self, job: int) -> Mapping[str, Any]:
        from roar.store import read

        with self._engine.guard():
            return read.environment(self._engine, job)

    def patch(self, job: int) -> bytes | None:
        from roar.store import read

        with self._engine.guard():
            return read.patch(self._engine, job)

    def note_reproductions(self, done: Sequence[Reproduction]) -> None:
        from roar.store.reproductions import note

        self._must_write()
        with self._engine.guard():
            note(self._engine, done)

    def reproductions(self, contents: Iterable[tuple[str, str]]) -> list[Reproduction]:
        from roar.store.reproductions import of_contents

        with self._engine.guard():
            return of_contents(self._engine, contents)

    def sessions(self) -> list[Session]:
        with self._engine.guard():
            return sessions.every(self._engine)

    def active_session(self) -> Session:
        with self._engine.guard():
            active = sessions.active(self._engine)
            if active is not None:
                return active
            if self._engine.read_only:
                raise self._engine.unusable("has no active session", "Begin one: roar reset")
            with self._engine.transaction():
                return sessions.active(self._engine) or sessions.begin(self._engine, None)

    def new_session(self, name: str | None = None) -> Session:
        self._must_write()
        with self._engine.guard(), self._engine.transaction():
            return sessions.begin(self._engine, name)

    def use_session(self, session: int) -> Session:
        self._must_write()
        with self._engine.guard(), self._engine.transaction():
            return sessions.use(self._engine, session)

    def name_session(self, session: int, name: str | None) -> Session:
        self._must_write()
        with self._engine.guard(), self._engine.transaction():
            return sessions.rename(self._engine, session, name)

    def drop_job(self, job: int) -> None:
        from roar.store.removal import drop_job

        self._must_write()
        with self._engine.guard(), self._engine.transaction():
            drop_job(self._engine, job)

    def labels(self, subject: LabelSubject, ids: Iterable[int]) -> dict[int, dict[str, str]]:
        with self._engine.guard():
            return labels.of(self._engine, subject, ids)

    def set_labels(
        self, subject: LabelSubject, number: int, changes: Mapping[str, str | None]
    ) -> dict[str, LabelVersion]:
        self._must_write()
        with self._engine.guard(), self._engine.transaction():
            return labels.put(self._engine, subject, number, changes)

    def label_history(self, subject: LabelSubject, number: int, key: str | None = None) -> list[LabelVersion]:
        with self._engine.guard():
            return labels.history(self._engine, subject, number, key)

    def labelled(self, key: str | None = None, value: str | None = None) -> dict[LabelSubject, list[int]]:
        with self._engine.guard():
            return labels.having(self._engine, key, value)

    def integrity(self) -> Iterator[Problem]:
        from roar.store.integrity import problems

        return problems(self._engine)

    def _must_write(self) -> None:
        if self._engine.read_only:
            raise self._engine.unusable("was opened only to be read", "Run the command where it can be written.")

    def _session(self, session: int | None) -> int:
        """A session's id; 0, which no session has, when there is none at all."""
        return session if session is not None else sessions.active_id(self._engine) or 0
