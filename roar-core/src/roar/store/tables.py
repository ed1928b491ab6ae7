"""The schema: one peewee model a table, for SQLite and PostgreSQL alike.

The models give the tables of a new database, and say what refers to what when something is removed.  Recording and
reading, which have milliseconds, do without importing them: `write.py` and `read.py` hold their statements ready.

Text that came from outside is kept as `encoding.to_text` makes it, times are nanoseconds since the epoch, and what the
kernel counts without a sign (sizes, device and inode numbers) is kept as `encoding.to_signed` makes it.
"""

# ruff: noqa: D106 - peewee's Meta

from __future__ import annotations

from typing import Any

from roar.store.dialects import Dialect, SqliteDialect, peewee


def _refers(model: type[peewee.Model], null: bool = False) -> Any:
    """A foreign key without an index of its own: where one is needed, the table says so."""
    field: Any = peewee.ForeignKeyField  # whose stubs know `null` only as a literal
    return field(model, column_name=model._meta.table_name, null=null, index=False)


class SchemaVersion(peewee.Model):
    """One row: the version of the schema (see `migrations`)."""

    version = peewee.IntegerField(primary_key=True)

    class Meta:
        table_name = "schema_version"


class Session(peewee.Model):
    """A chain of jobs; one of them is active."""

    id = peewee.BigAutoField()
    name = peewee.TextField(null=True)
    created_ns = peewee.BigIntegerField()
    active = peewee.BooleanField()

    class Meta:
        table_name = "session"


Session.add_index(Session.active, unique=True, where=peewee.SQL("active"), name="session_one_active")


class Environment(peewee.Model):
    """Packages, variables and system, once for all jobs that share them."""

    id = peewee.BigAutoField()
    digest = peewee.BlobField(unique=True)
    content = peewee.BlobField()
    """Packed JSON."""

    class Meta:
        table_name = "environment"


class EnvironmentPart(peewee.Model):
    """A section of environments, once for all that share it: see `environments`."""

    digest = peewee.BlobField(primary_key=True)
    content = peewee.BlobField()
    """Packed JSON."""

    class Meta:
        table_name = "environment_part"


class Patch(peewee.Model):
    """What a dirty job's tree had more than its commit."""

    id = peewee.BigAutoField()
    digest = peewee.BlobField(unique=True)
    content = peewee.BlobField()
    """Packed."""

    class Meta:
        table_name = "patch"


class Workspace(peewee.Model):
    """A workspace, which the paths in it are kept relative to: see `names`."""

    id = peewee.BigAutoField()
    uid = peewee.TextField(unique=True)
    """As in `Site.uid`."""
    root = peewee.BlobField()
    """Where it was when it last wrote."""

    class Meta:
        table_name = "workspace"


class CommitState(peewee.Model):
    """The repository as jobs found it, once for all jobs that found it so."""

    id = peewee.BigAutoField()
    digest = peewee.BlobField(unique=True)
    commit = peewee.TextField()
    branch = peewee.TextField(null=True)
    remote = peewee.TextField(null=True)
    root = peewee.BlobField()
    cwd = peewee.BlobField()
    dirty = peewee.BooleanField()
    patch = _refers(Patch, null=True)
    recorded_root = peewee.BlobField(null=True)
    """Where the root was, absolute."""

    class Meta:
        table_name = "commit_state"


class Job(peewee.Model):
    """A recorded command."""

    id = peewee.BigAutoField()
    uid = peewee.TextField(unique=True)
    session = _refers(Session)
    kind = peewee.TextField()
    step = peewee.IntegerField()
    command = peewee.TextField()
    name = peewee.TextField(null=True)
    parameters = peewee.TextField()
    cwd = peewee.BlobField()
    started_ns = peewee.BigIntegerField()
    ended_ns = peewee.BigIntegerField()
    recording_s = peewee.DoubleField()
    cpu_s = peewee.DoubleField()
    max_rss_bytes = peewee.BigIntegerField()
    exit_code = peewee.IntegerField(null=True)
    status = peewee.TextField()
    tracer = peewee.TextField()
    tracer_version = peewee.TextField()
    verdict = peewee.TextField()
    reasons = peewee.TextField()
    notes = peewee.TextField()
    observed = peewee.BigIntegerField()
    recorded = peewee.BigIntegerField()
    filtered = peewee.BigIntegerField()
    dropped = peewee.BigIntegerField()
    inputs = peewee.BigIntegerField()
    """Number of edges, as counting them takes long for large jobs."""
    outputs = peewee.BigIntegerField()
    commit_state = _refers(CommitState, null=True)
    environment = _refers(Environment)

    class Meta:
        table_name = "job"
        indexes = ((("session", "kind", "step"), True), (("session", "id"), False))


class Path(peewee.Model):
    """A name of a file as `names` keeps it, unique: see `definitions`."""

    id = peewee.BigAutoField()
    path = peewee.BlobField()

    class Meta:
        table_name = "path"


class Artifact(peewee.Model):
    """A content, by its primary digest."""

    id = peewee.BigAutoField()
    digest = peewee.BlobField()
    algorithm = peewee.TextField()
    size = peewee.BigIntegerField()

    class Meta:
        table_name = "artifact"
        indexes = ((("digest", "algorithm"), True),)


class ArtifactHash(peewee.Model):
    """A further digest of a content."""

    digest = peewee.BlobField()
    algorithm = peewee.TextField()
    artifact = _refers(Artifact)

    class Meta:
        table_name = "artifact_hash"
        primary_key = peewee.CompositeKey("digest", "algorithm")
        without_rowid = True
        indexes = ((("artifact",), False),)


class _Edge(peewee.Model):
    """That a job met a content at a path.  Without `artifact` the content is not known, without `mtime_ns` the file's state."""

    job = _refers(Job)
    path = _refers(Path)
    artifact = _refers(Artifact, null=True)
    size = peewee.BigIntegerField(null=True)
    mtime_ns = peewee.BigIntegerField(null=True)
    ctime_ns = peewee.BigIntegerField(null=True)
    dev = peewee.BigIntegerField(null=True)
    ino = peewee.BigIntegerField(null=True)
    mode = peewee.BigIntegerField(null=True)
    stat_size = peewee.BigIntegerField(null=True)
    """Where the state says another size than the edge."""
    missing_reason = peewee.TextField(null=True)
    tracked = peewee.BooleanField()

    class Meta:
        primary_key = peewee.CompositeKey("job", "path")
        without_rowid = True
        indexes = ((("artifact", "job"), False), (("path", "job"), False))


class Label(peewee.Model):
    """A version of a label of a job, a session or a content.  The newest one of a key holds; without a value it is taken away."""

    id = peewee.BigAutoField()
    job = _refers(Job, null=True)
    session = _refers(Session, null=True)
    artifact = _refers(Artifact, null=True)
    key = peewee.TextField()
    value = peewee.TextField(null=True)
    set_ns = peewee.BigIntegerField()

    class Meta:
        table_name = "label"
        indexes = ((("job", "key"), False), (("session",), False), (("artifact",), False), (("key",), False))


class JobInput(_Edge):
    """W3C PROV ``used``."""

    class Meta:
        table_name = "job_input"


class JobOutput(_Edge):
    """W3C PROV ``wasGeneratedBy``."""

    class Meta:
        table_name = "job_output"


class Composite(peewee.Model):
    """Files of a job that belong together."""

    job = _refers(Job)
    number = peewee.IntegerField()
    """Their order in the job."""
    path = peewee.BlobField()
    kind = peewee.TextField()
    digest = peewee.BlobField()
    algorithm = peewee.TextField()
    members = peewee.BigIntegerField()
    size = peewee.BigIntegerField()
    is_output = peewee.BooleanField()

    class Meta:
        table_name = "composite"
        primary_key = peewee.CompositeKey("job", "number")
        without_rowid = True


class Reproduction(peewee.Model):
    """What came of making an artifact again.  It refers to no row: it stays true whatever becomes of the job."""

    id = peewee.BigAutoField()
    algorithm = peewee.TextField()
    """Of both digests."""
    digest = peewee.BlobField()
    """Of the artifact as it was recorded."""
    job = peewee.TextField()
    """Uid of the job that was run again."""
    path = peewee.BlobField()
    outcome = peewee.TextField()
    produced = peewee.BlobField(null=True)
    """The digest of what came of it."""
    size = peewee.BigIntegerField(null=True)
    by = peewee.TextField()
    on_ns = peewee.BigIntegerField()

    class Meta:
        table_name = "reproduction"
        indexes = ((("digest", "algorithm"), False),)


class FilteredCount(peewee.Model):
    """How many files a filter dropped from a job, and which."""

    job = _refers(Job)
    name = peewee.TextField(column_name="filter")
    count = peewee.BigIntegerField()
    files = peewee.BlobField()
    """Packed; see `encoding.pack_files`."""

    class Meta:
        table_name = "filtered_count"
        primary_key = peewee.CompositeKey("job", "name")
        without_rowid = True


MODELS: tuple[type[peewee.Model], ...] = (
    SchemaVersion, Session, Environment, EnvironmentPart, Patch, Workspace, CommitState, Job, Path, Artifact, ArtifactHash, Label, JobInput,
    JobOutput, Composite, Reproduction, FilteredCount,
)  # fmt: skip


def definitions(dialect: Dialect) -> list[str]:
    """The statements that make the tables and indexes of a new database."""
    for model in MODELS:
        schema = peewee.SchemaManager(model, dialect)
        schema.create_table(safe=False)
        schema.create_indexes(safe=False)
    unique_path = (
        'CREATE UNIQUE INDEX "path_path" ON "path" ("path")'
        if isinstance(dialect, SqliteDialect)
        # The ordered indexes of PostgreSQL have no room for the longest paths.
        else 'ALTER TABLE "path" ADD CONSTRAINT "path_path" EXCLUDE USING hash ("path" WITH =)'
    )
    return [*dialect.collected, unique_path]
