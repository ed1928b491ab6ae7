"""What is recorded of a run: the values that travel from the run to the storage, and back to whoever shows them.

Paths are canonical absolute bytes; times nanoseconds since the epoch; sizes bytes; digests lower-case hexadecimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from roar.api.events import FileStat
from roar.api.filters import Direction

JobKind = Literal["run", "build"]
LabelSubject = Literal["session", "job", "artifact"]
"""What can have labels."""
Outcome = Literal["identical", "different", "missing"]
Status = Literal["ok", "failed", "interrupted"]
Verdict = Literal["complete", "partial", "failed"]


class Edge(NamedTuple):
    """That a job used (input) or generated (output) a content at a path.  W3C PROV: ``used`` / ``wasGeneratedBy``."""

    path: bytes
    hashes: Mapping[str, str]
    """Algorithm → digest; the primary one first.  Empty when the content is not known; then `missing_reason` says why."""
    size: int | None
    stat: FileStat | None
    """The file when the digest was taken; None also when the file was so fresh that a later look could not tell a rewrite."""
    missing_reason: str | None = None
    tracked: bool = False
    """The file is committed in git and its content is the commit's."""


class Composite(NamedTuple):
    """Files of one direction that belong together: a Zarr store, a partitioned dataset, a sharded checkpoint."""

    path: bytes
    """The directory, or the common stem of the shards."""
    kind: str
    """``zarr``, ``parquet dataset``, ``webdataset``, ``sharded checkpoint`` …"""
    digest: str
    """Of the sorted (relative path, size, digest) list; path-sensitive."""
    algorithm: str
    members: int
    size: int
    direction: Direction


class GitState(NamedTuple):
    """The repository when the job was started."""

    commit: str
    branch: str | None
    """None when detached."""
    remote: str | None
    """URL of the upstream's remote or of ``origin``, without credentials."""
    root: bytes
    cwd: bytes
    """The working directory relative to `root`; empty at the root."""
    dirty: bool
    patch: bytes | None = None
    """``git diff --binary HEAD`` and the untracked files as a patch, when dirty and allowed."""
    recorded_root: bytes | None = None
    """Where `root` was when the job was started, if it was moved since."""


class Capture(NamedTuple):
    """How far the record can be trusted.  ``observed = recorded + filtered + dropped``, in files and directions."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """One sentence each, with its fix; empty only when complete."""
    observed: int
    recorded: int
    filtered: int
    dropped: int
    """Losses that are known: events the tracer could not keep."""
    notes: tuple[str, ...] = ()
    """What the user should know and what does not lessen the trust: a fall-back of `auto`, a filter that took every output."""


class JobRecord(NamedTuple):
    """A finished or interrupted run, as it goes into the storage."""

    uid: str
    """32 hexadecimal digits; recording the same uid twice records it once."""
    kind: JobKind
    command: tuple[str, ...]
    """The words, secrets redacted; bytes that are not UTF-8 as surrogate escapes."""
    name: str | None
    labels: Mapping[str, str]
    parameters: Mapping[str, Any]
    cwd: bytes
    started_ns: int
    ended_ns: int
    """When the command ended; for an interrupted run, the last thing seen."""
    recording_s: float
    """What roar spent after the command's end."""
    cpu_s: float
    max_rss_bytes: int
    exit_code: int | None
    """None when not known (interrupted)."""
    status: Status
    tracer: str
    tracer_version: str
    capture: Capture
    git: GitState | None
    environment: Mapping[str, Any]
    """JSON-able; ``packages``, ``variables``, ``system``.  Stored once for all jobs that share it."""
    inputs: tuple[Edge, ...] | list[Edge]
    outputs: tuple[Edge, ...] | list[Edge]
    composites: tuple[Composite, ...] = ()
    filtered: Mapping[str, tuple[tuple[bytes, Direction], ...]] = {}
    """Filter name → the files that it dropped."""


class Recorded(NamedTuple):
    """Where a job was put."""

    uid: str
    step: int
    """Its step number in its session: ``@<step>``, for builds ``@B<step>``."""
    session: int


class Job(NamedTuple):
    """A job as the storage gives it back, without its edges."""

    id: int
    uid: str
    session: int
    step: int
    kind: JobKind
    command: tuple[str, ...]
    name: str | None
    labels: Mapping[str, str]
    parameters: Mapping[str, Any]
    cwd: bytes
    started_ns: int
    ended_ns: int
    recording_s: float
    cpu_s: float
    max_rss_bytes: int
    exit_code: int | None
    status: Status
    tracer: str
    tracer_version: str
    capture: Capture
    git: GitState | None
    """`patch` is left out (None); `Storage.patch` gives it."""
    inputs: int
    """Number of input edges."""
    outputs: int
    filtered: Mapping[str, int]
    """Filter name → how many files it dropped."""

    @property
    def ref(self) -> str:
        """``@5`` or ``@B5``."""
        return f"@B{self.step}" if self.kind == "build" else f"@{self.step}"


class StoredEdge(NamedTuple):
    """An edge as the storage gives it back."""

    job_id: int
    direction: Direction
    path: bytes
    artifact_id: int | None
    hashes: Mapping[str, str]
    size: int | None
    stat: FileStat | None
    missing_reason: str | None
    tracked: bool


class Artifact(NamedTuple):
    """One content, wherever it was."""

    id: int
    hashes: Mapping[str, str]
    """The primary algorithm first."""
    size: int


class Session(NamedTuple):
    """A chain of jobs in a workspace."""

    id: int
    name: str | None
    created_ns: int
    active: bool
    jobs: int
    labels: Mapping[str, str] = {}


class LabelVersion(NamedTuple):
    """That a label was set or taken away."""

    key: str
    value: str | None
    """Empty for a tag, which is a label without a value; None: the label was taken away."""
    version: int
    """Of this key on this subject, from 1."""
    set_ns: int


class Reproduction(NamedTuple):
    """What came of making an artifact again."""

    algorithm: str
    """Of both digests."""
    digest: str
    """Of the artifact as it was recorded."""
    job: str
    """Uid of the job that was run again."""
    path: bytes
    """As it was recorded."""
    outcome: Outcome
    produced: str | None
    """The digest of what came of it; None when it is missing."""
    size: int | None
    """Of what came of it."""
    by: str
    """``user@host``."""
    on_ns: int


class Problem(NamedTuple):
    """Something that `roar fsck` found."""

    subject: str
    """What it is about: ``job 3f2a…``, ``database``, a path."""
    message: str
    fix: str | None = None
