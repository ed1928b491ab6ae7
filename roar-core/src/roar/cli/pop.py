"""`roar pop`: drop the last step of the active session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from roar.cli.reading import disk, opened, place, print_json
from roar.cli.writing import can_ask, confirm

if TYPE_CHECKING:
    from roar.api.records import Job
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.lineage.pop import Output

_SCHEMA = "roar/pop/1"
_LISTED = 10


@click.command(
    short_help="Drop the last step of the active session.",
    epilog="\b\nExamples:\n  roar pop\n  roar pop -y --outputs",
)
@click.option("-y", "--yes", is_flag=True, help="Don't ask; the step's outputs stay unless --outputs is given.")
@click.option("--outputs/--keep-outputs", "outputs", default=None, help="Remove the step's outputs, too, or keep them.")
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")
@click.pass_obj
def command(context: Context, yes: bool, outputs: bool | None, as_json: bool) -> None:
    """Drop the last step of the active session from the record, as if it had not been run.

    Asks first, and then whether the files that the step made go, too.  A file stays in any case when the step read it,
    when it was changed since, when it is committed in git, when another step made it, too, or outside of the workspace.
    """
    from roar.lineage.pop import remove

    files = disk(context, thorough=True)
    with opened(context, read_only=False) as storage:
        job = _last(storage)
        there = _outputs(context, storage, job, files) if outputs is not False else []
        removable = [output for output in there if output.kept is None]
        if not yes:
            _ask(job)
        if outputs is None:
            outputs = not yes and bool(removable) and _ask_for(context, removable)
        storage.drop_job(job.id)
    kept = {output.path: output.kept for output in there if output.kept is not None}
    removed = []
    for output in removable if outputs else ():
        why = remove(output, files)
        if why is None:
            removed.append(output.path)
        else:
            kept[output.path] = why
    if not outputs:
        kept = {}
    _report(context, job, removed, kept, as_json)


def _last(storage: Storage) -> Job:
    from roar.api.errors import NotFound
    from roar.api.storage import JobQuery

    found = storage.jobs(JobQuery(session=storage.active_session().id, limit=1))
    if not found:
        raise NotFound("The active session has no step to drop.", "For those of every session: roar log --all-sessions")
    return found[0]


def _outputs(context: Context, storage: Storage, job: Job, files: Any) -> list[Output]:
    from roar.lineage.pop import outputs_on_disk

    root = os.fsencode(context.workspace.root)

    def committed(paths: list[bytes]) -> set[bytes]:
        from roar.workspace.gitprocess import ask

        if not paths:
            return set()
        try:
            [said] = ask(root, [("ls-files", "-z", "--cached")])
        except OSError:  # without git nothing is committed
            return set()
        return set(paths) & {os.path.join(root, name) for name in said.out.split(b"\0")}

    return outputs_on_disk(storage, job, files, root, committed)


def _ask(job: Job) -> None:
    from roar.render.text import command_text, shortened

    confirm(
        f"Drop {job.ref} ({shortened(command_text(job.command), 60)}) from the record?",
        "roar pop asks before it drops the step, and there is no terminal to ask on.",
        "Run: roar pop -y (its outputs stay; with --outputs they go, too)",
        "Pop aborted: nothing was changed.",
    )


def _ask_for(context: Context, removable: list[Output]) -> bool:
    from roar.render.text import plural

    if not can_ask():
        return False
    here = place(context)
    for output in removable[:_LISTED]:
        click.echo(f"  {here.name(output.path)}", err=True)
    if len(removable) > _LISTED:
        click.echo(f"  ... and {len(removable) - _LISTED} more", err=True)
    return click.confirm(f"Remove {plural(len(removable), 'output')} of it from the disk, too?", err=True)


def _report(context: Context, job: Job, removed: list[bytes], kept: dict[bytes, str], as_json: bool) -> None:
    from roar.render.records import dump
    from roar.render.text import command_text, plural

    if as_json:
        print_json(
            dump(
                {
                    "schema": _SCHEMA,
                    "dropped": {"ref": job.ref, "uid": job.uid, "session": job.session, "command": list(job.command)},
                    "removed": [os.fsdecode(path) for path in removed],
                    "kept": [{"path": os.fsdecode(path), "reason": why} for path, why in sorted(kept.items())],
                }
            )
        )
        return
    click.echo(f"Dropped {job.ref} {command_text(job.command)}")
    if removed:
        click.echo(f"Removed {plural(len(removed), 'output')}.")
    here = place(context)
    for path, why in sorted(kept.items()):
        click.echo(f"Kept {here.name(path)}: {why}.")
