"""The schema: one peewee model a table, for SQLite and PostgreSQL alike.

The models give the tables of a new database and build the queries of the reading commands.  Recording, which has
milliseconds, does without importing them: `write.py` holds its statements ready.

Text that came from outside is kept as `encoding.to_text` makes it, times are nanoseconds since the epoch, and what the
kernel counts without a sign (sizes, device and inode numbers) is kept as `encoding.to_signed` makes it.
"""

# ruff: noqa: D106 - peewee's Meta

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    SchemaManager,
    TextField,
)

from roar.store.dialects import Dialect, SqliteDialect


def _refers(model: type[Model], null: bool = False) -> Any:
    """A foreign key without an index of its own: where one is needed, the table says so."""
    field: Any = ForeignKeyField  # whose stubs know `null` only as a literal
    return field(model, column_name=model._meta.table_name, null=null, index=False)


class SchemaVersion(Model):
    """One row: the version of the schema (see `migrations`)."""

    version = IntegerField(primary_key=True)

    class Meta:
        table_name = "schema_version"


class Session(Model):
    """A chain of jobs; one of them is active."""

    id = BigAutoField()
    name = TextField(null=True)
    created_ns = BigIntegerField()
    active = BooleanField()

    class Meta:
        table_name = "session"


Session.add_index(Session.active, unique=True, where=SQL("active"), name="session_one_active")


class Environment(Model):
    """Packages, variables and system, once for all jobs that share them."""

    id = BigAutoField()
    digest = BlobField(unique=True)
    content = BlobField()
    """Packed JSON."""

    class Meta:
        table_name = "environment"


class Patch(Model):
    """What a dirty job's tree had more than its commit."""

    id = BigAutoField()
    digest = BlobField(unique=True)
    content = BlobField()
    """Packed."""

    class Meta:
        table_name = "patch"


class CommitState(Model):
    """The repository as jobs found it, once for all jobs that found it so."""

    id = BigAutoField()
    digest = BlobField(unique=True)
    commit = TextField()
    branch = TextField(null=True)
    remote = TextField(null=True)
    root = BlobField()
    cwd = BlobField()
    dirty = BooleanField()
    patch = _refers(Patch, null=True)

    class Meta:
        table_name = "commit_state"


class Job(Model):
    """A recorded command."""

    id = BigAutoField()
    uid = TextField(unique=True)
    session = _refers(Session)
    kind = TextField()
    step = IntegerField()
    command = TextField()
    name = TextField(null=True)
    parameters = TextField()
    cwd = BlobField()
    started_ns = BigIntegerField()
    ended_ns = BigIntegerField()
    recording_s = DoubleField()
    cpu_s = DoubleField()
    max_rss_bytes = BigIntegerField()
    exit_code = IntegerField(null=True)
    status = TextField()
    tracer = TextField()
    tracer_version = TextField()
    verdict = TextField()
    reasons = TextField()
    notes = TextField()
    observed = BigIntegerField()
    recorded = BigIntegerField()
    filtered = BigIntegerField()
    dropped = BigIntegerField()
    inputs = BigIntegerField()
    """Number of edges, as counting them takes long for large jobs."""
    outputs = BigIntegerField()
    commit_state = _refers(CommitState, null=True)
    environment = _refers(Environment)

    class Meta:
        table_name = "job"
        indexes = ((("session", "kind", "step"), True),)


class Label(Model):
    """A label of a job."""

    job = _refers(Job)
    key = TextField()
    value = TextField()

    class Meta:
        table_name = "label"
        primary_key = CompositeKey("job", "key")
        without_rowid = True
        indexes = ((("key", "job"), False),)


class Path(Model):
    """A name of a file, unique: see `definitions`."""

    id = BigAutoField()
    path = BlobField()

    class Meta:
        table_name = "path"


class Artifact(Model):
    """A content, by its primary digest."""

    id = BigAutoField()
    digest = BlobField()
    algorithm = TextField()
    size = BigIntegerField()

    class Meta:
        table_name = "artifact"
        indexes = ((("digest", "algorithm"), True),)


class ArtifactHash(Model):
    """A further digest of a content."""

    digest = BlobField()
    algorithm = TextField()
    artifact = _refers(Artifact)

    class Meta:
        table_name = "artifact_hash"
        primary_key = CompositeKey("digest", "algorithm")
        without_rowid = True
        indexes = ((("artifact",), False),)


class _Edge(Model):
    """That a job met a content at a path.  Without `artifact` the content is not known, without `mtime_ns` the file's state."""

    job = _refers(Job)
    path = _refers(Path)
    artifact = _refers(Artifact, null=True)
    size = BigIntegerField(null=True)
    mtime_ns = BigIntegerField(null=True)
    ctime_ns = BigIntegerField(null=True)
    dev = BigIntegerField(null=True)
    ino = BigIntegerField(null=True)
    mode = BigIntegerField(null=True)
    stat_size = BigIntegerField(null=True)
    """Where the state says another size than the edge."""
    missing_reason = TextField(null=True)
    tracked = BooleanField()

    class Meta:
        primary_key = CompositeKey("job", "path")
        without_rowid = True
        indexes = ((("artifact", "job"), False), (("path", "job"), False))


class JobInput(_Edge):
    """W3C PROV ``used``."""

    class Meta:
        table_name = "job_input"


class JobOutput(_Edge):
    """W3C PROV ``wasGeneratedBy``."""

    class Meta:
        table_name = "job_output"


class Composite(Model):
    """Files of a job that belong together."""

    job = _refers(Job)
    number = IntegerField()
    """Their order in the job."""
    path = BlobField()
    kind = TextField()
    digest = BlobField()
    algorithm = TextField()
    members = BigIntegerField()
    size = BigIntegerField()
    is_output = BooleanField()

    class Meta:
        table_name = "composite"
        primary_key = CompositeKey("job", "number")
        without_rowid = True


class FilteredCount(Model):
    """How many files a filter dropped from a job, and which."""

    job = _refers(Job)
    name = TextField(column_name="filter")
    count = BigIntegerField()
    files = BlobField()
    """Packed; see `encoding.pack_files`."""

    class Meta:
        table_name = "filtered_count"
        primary_key = CompositeKey("job", "name")
        without_rowid = True


MODELS: tuple[type[Model], ...] = (
    SchemaVersion, Session, Environment, Patch, CommitState, Job, Label, Path, Artifact, ArtifactHash, JobInput,
    JobOutput, Composite, FilteredCount,
)  # fmt: skip


def definitions(dialect: Dialect) -> list[str]:
    """The statements that make the tables and indexes of a new database."""
    for model in MODELS:
        schema = SchemaManager(model, dialect)
        schema.create_table(safe=False)
        schema.create_indexes(safe=False)
    unique_path = (
        'CREATE UNIQUE INDEX "path_path" ON "path" ("path")'
        if isinstance(dialect, SqliteDialect)
        # The ordered indexes of PostgreSQL have no room for the longest paths.
        else 'ALTER TABLE "path" ADD CONSTRAINT "path_path" EXCLUDE USING hash ("path" WITH =)'
    )
    return [*dialect.collected, unique_path]
