"""`roar log`: the recorded jobs, newest first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import click

from roar.cli.reading import cwd, opened, print_json, print_lines

if TYPE_CHECKING:
    from roar.api.records import Job
    from roar.api.storage import JobQuery, Storage
    from roar.context import Context

_SCHEMA = "roar/log/1"
_FIRST = 100
"""Jobs asked for at once; then ten times as many, so that `roar log | head` is quick and a long log costs little more."""


@click.command(
    short_help="List the recorded jobs, newest first.",
    epilog="\b\nExamples:\n  roar log --failed --since 2d\n  roar log --path data/train.csv --json",
)
@click.option("-n", "--limit", type=click.IntRange(min=0), metavar="N", help="At most N jobs.")
@click.option("--failed", is_flag=True, help="Only jobs whose command failed.")
@click.option("--path", metavar="PATH", help="Only jobs that read or wrote this file, or a file in this folder.")
@click.option("--label", "labels", metavar="KEY[=VALUE]", multiple=True, help="Only jobs with this label; repeatable.")
@click.option("--since", metavar="WHEN", help="Only jobs since then: 2h, '3 days ago', yesterday, 2026-11-23.")
@click.option("--session", metavar="SESSION", help="Jobs of this session, a number or a name.")
@click.option("--all-sessions", "every", is_flag=True, help="Jobs of every session, not only of the active one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/log/1.")
@click.pass_obj
def command(
    context: Context,
    limit: int | None,
    failed: bool,
    path: str | None,
    labels: tuple[str, ...],
    since: str | None,
    session: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """List the jobs of the active session, newest first, a line each.

    A line says the step, the beginning of the job's uid, when it began, how it ended, whether the record is complete,
    how long it took, how many files it read and wrote, and the command.
    """
    from roar.api.storage import JobQuery
    from roar.workspace.labels import wanted

    if every and session is not None:
        raise click.UsageError("--session and --all-sessions can't be used together.")
    query = JobQuery(limit=limit, failed=failed, labels=wanted(labels), since_ns=_since(since))
    with opened(context) as storage:
        if session is not None:
            from roar.lineage.sessions import find_session

            query = query._replace(session=find_session(storage, session).id)
        elif not every:
            query = query._replace(session=storage.active_session().id)
        if path is not None:
            query = query._replace(path=_recorded(storage, query, path))
        jobs = _newest_first(storage, query)
        if as_json:
            print_json(_json(storage, jobs))
            return
        _print(storage, query, jobs, every or session is not None)


def _since(text: str | None) -> int | None:
    if text is None:
        return None
    from datetime import datetime

    from roar.cli.when import moment_ns

    found = moment_ns(text, datetime.now().astimezone())
    if found is None:
        raise click.BadParameter(
            f"'{text}' is not a time; use 2h, '3 days ago', yesterday or 2026-11-23.", param_hint="--since"
        )
    return found


def _recorded(storage: Storage, query: JobQuery, path: str) -> bytes:
    """The spelling of the path under which jobs recorded it, or files below it."""
    from roar.lineage.references import path_candidates

    candidates = path_candidates(path, cwd())
    for candidate in [*candidates, *(candidate.rstrip(b"/") + b"/" for candidate in candidates)]:
        if storage.jobs(query._replace(path=candidate, limit=1)):
            return candidate
    return candidates[0]


def _newest_first(storage: Storage, query: JobQuery) -> Iterator[Job]:
    """The jobs, fetched in growing portions; a job recorded meanwhile is not listed."""
    last: int | None = None
    size = _FIRST
    while True:
        size = size if query.limit is None else min(size, query.limit)
        portion = storage.jobs(query._replace(limit=size))
        for job in portion:
            if last is None or job.id < last:
                yield job
                last = job.id
        if len(portion) < size or size == query.limit:
            return
        size *= 10


def _json(storage: Storage, jobs: Iterator[Job]) -> Iterator[str]:
    from roar.lineage.views import job_views
    from roar.render.records import job_json, stream

    return stream(_SCHEMA, "jobs", (job_json(view) for part in _parts(jobs) for view in job_views(storage, part)))


def _parts(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    """The jobs in portions small enough that their edges fit into memory."""
    part: list[Job] = []
    edges = 0
    for job in jobs:
        part.append(job)
        edges += job.inputs + job.outputs
        if len(part) == _FIRST or edges > 10_000:
            yield part
            part, edges = [], 0
    if part:
        yield part


def _print(storage: Storage, query: JobQuery, jobs: Iterator[Job], every: bool) -> None:
    from roar.render.job_list import job_list_lines
    from roar.render.look import look_of

    look = look_of(sys.stdout)
    first = next(jobs, None)
    if first is not None:
        print_lines(job_list_lines(chain([first], jobs), look), look)
    if first is not None or query.limit == 0:
        return
    is_filtered = query.failed or query.labels or query.path is not None or query.since_ns is not None
    click.echo("No job fits." if is_filtered else "No jobs yet. Record one: roar run COMMAND", err=True)
    if not every and len(storage.sessions()) > 1:
        click.echo("Only the active session was looked at; for every session: roar log --all-sessions", err=True)
