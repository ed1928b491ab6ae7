"""`roar show`: a step, a job, an artifact or the session."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.api.records import Session
    from roar.api.storage import Storage
    from roar.context import Context

_SCHEMA = "roar/show/1"


@click.command(
    short_help="Show a step, a job, an artifact or the session.",
    epilog="\b\nExamples:\n  roar show @3\n  roar show model.pkl --json",
)
@click.argument("ref", required=False)
@click.option("--filtered", is_flag=True, help="List the files that the filters dropped from the step.")
@click.option("--env", "environment", is_flag=True, help="Show the whole environment: every package and variable.")
@click.option("--all", "every", is_flag=True, help="List every file and every use, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/show/1.")
@click.pass_obj
def command(context: Context, ref: str | None, filtered: bool, environment: bool, every: bool, as_json: bool) -> None:
    """Show one thing that was recorded, or without REF the active session.

    REF is a step (@3), a build step (@B1), the beginning of a job's uid, a path, the beginning of a digest, or a session
    (session:2, session:NAME).  For a step: what ran, on which commit, in which environment, what it read and wrote and how
    far the record can be trusted.  For a path or digest: its digests, and which jobs made and used it.  Files that are gone
    are marked (missing), those whose content differs now (changed).
    """
    from roar.lineage.sessions import PREFIX, find_session

    with opened(context) as storage:
        if ref is None:
            _show_session(storage, storage.active_session(), as_json)
        elif ref.startswith(PREFIX):
            _show_session(storage, find_session(storage, ref.removeprefix(PREFIX)), as_json)
        else:
            _show(context, storage, ref, filtered, environment, every, as_json)


def _show_session(storage: Storage, session: Session, as_json: bool) -> None:
    from roar.render.look import look_of

    if as_json:
        from roar.lineage.views import session_view
        from roar.render.records import dump, session_json

        print_json(dump({"schema": _SCHEMA, "session": session_json(session_view(storage, session))}))
        return
    from roar.api.storage import JobQuery
    from roar.render.job_list import session_lines
    from roar.render.session import session_title

    jobs = storage.jobs(JobQuery(session=session.id))[::-1]
    print_lines(session_lines(session_title(session), jobs, look_of(sys.stdout)))


def _show(
    context: Context, storage: Storage, ref: str, filtered: bool, environment: bool, every: bool, as_json: bool
) -> None:
    from roar.lineage import views
    from roar.lineage.references import EDGES, FoundComposite, FoundJob, FoundPath
    from roar.render import artifact, records
    from roar.render.job import job_lines
    from roar.render.look import look_of
    from roar.render.reproduced import reproduced_lines, reproductions_json

    meant = found(context, storage, ref, every)
    look = look_of(sys.stdout)
    files = disk(context)
    if isinstance(meant, FoundJob):
        job = views.job_view(storage, meant.job, files, filtered)
        if as_json:
            print_json(records.dump({"schema": _SCHEMA, "job": records.job_json(job)}))
        else:
            print_lines(job_lines(job, look, place(context), environment, every), look)
    elif isinstance(meant, FoundComposite):
        composite = views.composite_view(storage, meant, files)
        if as_json:
            value = records.composite_artifact_json(composite) | {"reproductions": []}
            print_json(records.dump({"schema": _SCHEMA, "artifact": value}))
        else:
            print_lines(artifact.composite_lines(composite, look, place(context), every), look)
    else:
        limit = None if every else EDGES
        view = (
            views.path_view(storage, meant, files, limit)
            if isinstance(meant, FoundPath)
            else views.artifact_view(storage, meant, files, limit)
        )
        again = storage.reproductions(view.hashes.items())
        if as_json:
            value = records.artifact_json(view) | {"reproductions": reproductions_json(again)}
            print_json(records.dump({"schema": _SCHEMA, "artifact": value}))
        else:
            lines = artifact.artifact_lines(view, look, place(context))
            print_lines(chain(lines, reproduced_lines(again, look)), look)
