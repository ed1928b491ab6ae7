"""The versions of the schema, and how a database gets from one to the next.

The models in `tables` are always the newest version.  A step leads from one version to the next; it is written in SQL,
never with the models, which go on changing.  Steps are run in one transaction, after a copy of the database was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roar.store.engine import Engine

Step = Callable[["Engine"], None]


def _add_reproductions(engine: Engine) -> None:
    """Sections of environments apart, and what came of reproducing artifacts."""
    blob, number = ("BLOB", "INTEGER") if engine.database == "sqlite" else ("BYTEA", "BIGINT")
    row_id = "INTEGER" if engine.database == "sqlite" else "BIGSERIAL"
    engine.rows(f'CREATE TABLE "environment_part" ("digest" {blob} NOT NULL PRIMARY KEY, "content" {blob} NOT NULL)')
    engine.rows(
        f'CREATE TABLE "reproduction" ("id" {row_id} NOT NULL PRIMARY KEY, "algorithm" TEXT NOT NULL,'
        f' "digest" {blob} NOT NULL, "job" TEXT NOT NULL, "path" {blob} NOT NULL, "outcome" TEXT NOT NULL,'
        f' "produced" {blob}, "size" {number}, "by" TEXT NOT NULL, "on_ns" {number} NOT NULL)'
    )
    engine.rows('CREATE INDEX "reproduction_digest_algorithm" ON "reproduction" ("digest", "algorithm")')


def _version_labels(engine: Engine) -> None:
    """Labels of sessions and contents too, and in versions; a label is as old as its job."""
    number = "INTEGER" if engine.database == "sqlite" else "BIGINT"
    row_id = "INTEGER" if engine.database == "sqlite" else "BIGSERIAL"
    subjects = ("job", "session", "artifact")
    columns = ", ".join(f'"{subject}" {number}' for subject in subjects)
    keys = ", ".join(f'FOREIGN KEY ("{subject}") REFERENCES "{subject}" ("id")' for subject in subjects)
    engine.rows('ALTER TABLE "label" RENAME TO "label_before"')
    engine.rows(
        f'CREATE TABLE "label" ("id" {row_id} NOT NULL PRIMARY KEY, {columns}, "key" TEXT NOT NULL, "value" TEXT,'
        f' "set_ns" {number} NOT NULL, {keys})'
    )
    engine.rows(
        'INSERT INTO "label" ("id", "job", "key", "value", "set_ns")'
        " SELECT row_number() OVER (ORDER BY b.job, b.key), b.job, b.key, b.value, j.started_ns"
        ' FROM "label_before" b JOIN "job" j ON j.id = b.job'
    )
    engine.rows('DROP TABLE "label_before"')
    engine.rows('CREATE INDEX "label_job_key" ON "label" ("job", "key")')
    for column in ("session", "artifact", "key"):
        engine.rows(f'CREATE INDEX "label_{column}" ON "label" ("{column}")')


def _add_workspaces(engine: Engine) -> None:
    """Workspaces, which paths are kept relative to from the next time on that one writes."""
    blob = "BLOB" if engine.database == "sqlite" else "BYTEA"
    row_id = "INTEGER" if engine.database == "sqlite" else "BIGSERIAL"
    engine.rows(
        f'CREATE TABLE "workspace" ("id" {row_id} NOT NULL PRIMARY KEY, "uid" TEXT NOT NULL, "root" {blob} NOT NULL)'
    )
    engine.rows('CREATE UNIQUE INDEX "workspace_uid" ON "workspace" ("uid")')
    engine.rows(f'ALTER TABLE "commit_state" ADD COLUMN "recorded_root" {blob}')
    engine.rows('UPDATE "commit_state" SET "recorded_root" = "root"')


STEPS: tuple[Step, ...] = (_add_reproductions, _version_labels, _add_workspaces)
"""The first leads from version 1 to 2."""


def newest() -> int:
    """The version that this roar writes."""
    return 1 + len(STEPS)


def bring_up_to_date(engine: Engine) -> None:
    """Makes the tables in an empty database, and migrates an older one.

    Any number of processes may do so at the same time: one does the work, the others find it done.

    Raises:
        StorageUnusable: the database was written by a newer roar, or by another program.
    """
    version = _version(engine)
    if version == newest():
        return
    if version == 0:
        engine.prepare()
    with engine.transaction():
        version = _version(engine)
        if version == 0:
            _create(engine)
        elif version < newest():
            engine.backup(version)
            for step in STEPS[version - 1 :]:
                step(engine)
        engine.set_version(newest())


def _version(engine: Engine) -> int:
    version = engine.version()
    if version > newest():
        raise engine.unusable(
            f"was written by a newer roar (schema {version}; this one knows {newest()})",
            "Upgrade roar: pip install --upgrade roar-cli",
        )
    return version


def _create(engine: Engine) -> None:
    from roar.store.sessions import begin
    from roar.store.tables import definitions

    for definition in definitions(engine.dialect):
        engine.rows(definition)
    begin(engine, None)
