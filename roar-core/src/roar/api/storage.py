"""The interface of a storage: where jobs, artifacts and their edges are kept.

Every method is one transaction; all take and give sets, so that nothing costs a query a file.  Methods may be called from
any thread, one at a time.  `roar.testing.StorageContract` is the test that every storage passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from roar.api.errors import StorageUnusable
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


class JobQuery(NamedTuple):
    """Which jobs are wanted; conditions are combined by and."""

    session: int | None = None
    """None: of every session."""
    limit: int | None = None
    kind: JobKind | None = None
    failed: bool = False
    path: bytes | None = None
    """Only jobs with an edge at this path; with a slash at its end, below this folder."""
    labels: Mapping[str, str | None] = {}
    """Only jobs that have all of these now; None: whatever the value."""
    since_ns: int | None = None


class Link(NamedTuple):
    """That a job read what another had made."""

    reader: int
    """A job's id."""
    maker: int | None
    """A job's id; None: of what no job made."""
    files: int
    """How many."""
    path: bytes
    """The first of them by name."""


class Site(NamedTuple):
    """The workspace that a storage is opened for."""

    root: bytes
    """Where it is now: canonical, absolute."""
    uid: str = ""
    """Which one it is, wherever it is; empty where the storage is its own."""


_EVERY = JobQuery()


class Storage(ABC):
    """A store of records.  Opened by a factory that `roar_storages` registered for a URL scheme."""

    scheme: ClassVar[str]

    @classmethod
    @abstractmethod
    def open(cls, url: str, read_only: bool = False) -> Storage:
        """Opens, and unless `read_only` creates or migrates, the store.

        Args:
            url: ``sqlite:///abs/path/roar.db``, ``postgresql://…``.
            read_only: for commands that only show: they work on a read-only file system and while runs go on.

        Raises:
            StorageUnusable: corrupt, locked beyond the time-out, no permission, full, or of a newer schema.
        """

    def attach(self, site: Site) -> None:
        """Told, right after opening, which workspace asks: what is in it is to be kept relative to its root.

        All paths that are given, asked for and answered stay absolute.  Those in the workspace are answered below its root as it
        is now, though it was moved or copied since; `GitState.recorded_root` says where it was.  Those outside of it stay as
        they were.  Here nothing is kept relative.

        Raises:
            StorageUnusable: as `open`.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of the connection."""

    @abstractmethod
    def record(self, job: JobRecord, session: int | None = None) -> Recorded:
        """Records a job into a session (None: the active one) as its next step of its kind.  All or nothing; idempotent by uid.

        Raises:
            StorageUnusable: nothing was recorded.
        """

    @abstractmethod
    def jobs(self, query: JobQuery = _EVERY) -> list[Job]:
        """Newest first."""

    @abstractmethod
    def job_at(self, step: int, kind: JobKind = "run", session: int | None = None) -> Job | None:
        """Step `step` of a session (None: the active one)."""

    @abstractmethod
    def jobs_by_uid(self, prefix: str) -> list[Job]:
        """Jobs whose uid begins so, at most 20, newest first."""

    @abstractmethod
    def jobs_by_id(self, ids: Iterable[int]) -> list[Job]:
        """In the order of their ids."""

    @abstractmethod
    def edges(
        self, jobs: Sequence[int], direction: Direction | None = None, limit: int | None = None
    ) -> Iterator[StoredEdge]:
        """The edges of these jobs (ids), by job, direction and path, those in the workspace last; with a limit at most so many of
        each job and direction.
        """

    @abstractmethod
    def edges_at(self, path: bytes, limit: int | None = None) -> list[StoredEdge]:
        """Every edge at a path (at most `limit` of each direction), newest job first."""

    @abstractmethod
    def edges_of(
        self, artifacts: Iterable[int], direction: Direction | None = None, limit: int | None = None
    ) -> list[StoredEdge]:
        """Every edge of these artifacts (at most about `limit` of each direction), newest job first."""

    @abstractmethod
    def artifacts_by_digest(self, prefix: str, algorithm: str | None = None) -> list[Artifact]:
        """Artifacts with a digest (of any algorithm, unless given) that begins so, at most 20."""

    @abstractmethod
    def known(self, paths: Iterable[bytes]) -> dict[bytes, tuple[FileStat, Mapping[str, str]]]:
        """The newest digests taken at these paths with the file's state at that moment: the digest cache of HASH-3."""

    @abstractmethod
    def generated(self, paths: Iterable[bytes], session: int | None = None) -> set[bytes]:
        """Those of the paths that are outputs of a job of the session (None: the active one)."""

    @abstractmethod
    def ancestors(self, artifacts: Iterable[int], depth: int | None = None) -> list[int]:
        """Ids of the jobs that led to these artifacts, oldest first.  `depth`: how many jobs up, None for all."""

    @abstractmethod
    def descendants(self, artifacts: Iterable[int], depth: int | None = None) -> list[int]:
        """Ids of the jobs that these artifacts led to, oldest first."""

    @abstractmethod
    def makers(self, jobs: Sequence[int]) -> list[Link]:
        """Where the inputs of these jobs come from, by reader and maker; what no job made comes first.

        An input was made by the job that last wrote its path before, if that was this content or can't be told; else, unless
        it is committed in git or empty, by the last job before that wrote this content anywhere.  Of jobs that ran at the
        same time, one that was recorded later may be the maker, too, at the same path.
        """

    @abstractmethod
    def users(self, jobs: Sequence[int], limit: int | None = None) -> tuple[list[Link], bool]:
        """The jobs that read what these jobs made, by reader and maker: the inverse of `makers`.

        Args:
            jobs: ids.
            limit: about how many files are looked at, each time that one was read; None for all.

        Returns:
            The links, and whether these are all.
        """

    def makers_ahead(self, jobs: Sequence[int], files: int) -> dict[int, list[Link]]:
        """What `makers` says of each of these jobs and, in the same breath, of jobs that led to them, the nearest first.

        For a storage that is dear to be asked; the others leave this as it is.

        Args:
            jobs: ids.
            files: about how many inputs are looked at.

        Returns:
            Reader → its links, by maker.  Jobs may be left out, these too: `makers` is asked for them.
        """
        return {}

    def users_ahead(self, jobs: Sequence[int], files: int) -> dict[int, tuple[list[Link], int]]:
        """What `users` says of each of these jobs, without a limit, and of jobs that came from them; see `makers_ahead`.

        Returns:
            Maker → its links, by reader, and how many files were looked at for them, each time that one was read.
        """
        return {}

    @abstractmethod
    def roots(self, jobs: Sequence[int]) -> Iterator[StoredEdge]:
        """The inputs of these jobs that no job made, by path, those in the workspace last, and job."""

    @abstractmethod
    def composites_like(self, path: bytes | None = None, digest: str = "") -> list[tuple[int, Composite]]:
        """(job id, composite) of those of the newest thousand jobs, newest first: at this path, or of a digest that begins so."""

    @abstractmethod
    def composites(self, jobs: Sequence[int]) -> dict[int, list[Composite]]:
        """The composite artifacts of these jobs, by job id."""

    @abstractmethod
    def filtered(self, job: int) -> list[tuple[str, bytes, Direction]]:
        """(filter, path, direction) of what was dropped from a job, by filter and path."""

    @abstractmethod
    def environment(self, job: int) -> Mapping[str, Any]:
        """The environment of a job."""

    @abstractmethod
    def patch(self, job: int) -> bytes | None:
        """The patch of a dirty job."""

    def note_reproductions(self, done: Sequence[Reproduction]) -> None:
        """Keeps what came of making artifacts again.

        Raises:
            StorageUnusable: it can't be kept; here always, as a storage need not have this.
        """
        raise StorageUnusable(f"The storage {self.scheme} keeps no reproductions.", "Upgrade its plugin.")

    def reproductions(self, contents: Iterable[tuple[str, str]]) -> list[Reproduction]:
        """What came of making these contents, (algorithm, digest), again; newest first."""
        return []

    @abstractmethod
    def sessions(self) -> list[Session]:
        """Newest first."""

    @abstractmethod
    def active_session(self) -> Session:
        """The active session; the first call in a new store begins one."""

    @abstractmethod
    def new_session(self, name: str | None = None) -> Session:
        """Begins a session and makes it the active one; the older ones stay readable.

        Raises:
            Refused: another session has this name.
        """

    @abstractmethod
    def use_session(self, session: int) -> Session:
        """Makes a session the active one.

        Raises:
            NotFound: there is no such session.
        """

    @abstractmethod
    def name_session(self, session: int, name: str | None) -> Session:
        """Gives a session a name; None takes it away.

        Raises:
            NotFound: there is no such session.
            Refused: another session has this name.
        """

    @abstractmethod
    def drop_job(self, job: int) -> None:
        """Removes the last job (id) of its session with its edges, its labels, and whatever no other job refers to.

        Raises:
            NotFound: there is no such job.
            Refused: it is not the last one of its session.
        """

    @abstractmethod
    def labels(self, subject: LabelSubject, ids: Iterable[int]) -> dict[int, dict[str, str]]:
        """The labels that these sessions, jobs or artifacts have now, by id; those without any are left out."""

    @abstractmethod
    def set_labels(
        self, subject: LabelSubject, number: int, changes: Mapping[str, str | None]
    ) -> dict[str, LabelVersion]:
        """Sets labels (None: takes them away) of a session, job or artifact.

        Returns:
            The new versions, by key: none for a label that was so already.

        Raises:
            NotFound: there is no such session, job or artifact.
        """

    @abstractmethod
    def label_history(self, subject: LabelSubject, number: int, key: str | None = None) -> list[LabelVersion]:
        """Every version of the labels (or of one) of a session, job or artifact, newest first."""

    @abstractmethod
    def labelled(self, key: str | None = None, value: str | None = None) -> dict[LabelSubject, list[int]]:
        """Ids of what has such a label now, by kind; None: any key, any value."""

    @abstractmethod
    def integrity(self) -> Iterator[Problem]:
        """Looks for damage: of the database's pages, dangling edges, digests of the wrong length, counts that don't add up."""
