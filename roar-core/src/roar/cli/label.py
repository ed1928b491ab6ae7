"""`roar label`: key and value on steps, artifacts and sessions, kept in versions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found as meant
from roar.cli.reading import opened, place, print_json, print_lines
from roar.cli.writing import redactor
from roar.workspace.labels import given, wanted

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.lineage.subjects import Labelled, Subject

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/label/1.")


@click.group(
    short_help="Label steps, artifacts and sessions.",
    epilog="\b\nExamples:\n  roar label set @3 model=small best\n  roar label show --label best\n  roar log --label model=small",
)
def command() -> None:
    """A label is a key with a value, or without one: a tag.

    REF is a step (@3, @B1), the beginning of a job's uid, a path or the beginning of a digest, `session` for the active
    session, session:2 or session:NAME for any.  The label of a path is its content's, and stays with it wherever it goes.
    """


@command.command(
    "set", epilog="\b\nExamples:\n  roar label set @3 model=small\n  roar label set model.pkl best reviewed=ada"
)
@click.argument("ref")
@click.argument("labels", metavar="KEY[=VALUE]...", nargs=-1, required=True)
@_as_json
@click.pass_obj
def set_(context: Context, ref: str, labels: tuple[str, ...], as_json: bool) -> None:
    """Set labels of REF.  What a label was before stays in its history."""
    clean = redactor(context)
    kept = {key: clean.words([f"--{key}", value])[1] for key, value in given(labels).items()}
    for key, value in given(labels).items():
        if kept[key] != value:
            click.echo(f"The value of {_shown(key)} looks like a secret: it is kept as {kept[key]}.", err=True)
    _change(context, ref, kept, as_json)


@command.command("unset", epilog="\b\nExamples:\n  roar label unset @3 best\n  roar label unset session sweep")
@click.argument("ref")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@_as_json
@click.pass_obj
def unset(context: Context, ref: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Take labels of REF away.  What they were stays in their history."""
    _change(context, ref, dict.fromkeys(keys), as_json)


@command.command(
    "show", epilog="\b\nExamples:\n  roar label show @3\n  roar label show --label best --label model=small"
)
@click.argument("ref", required=False)
@click.option("--label", "labels", metavar="KEY[=VALUE]", multiple=True, help="Only what has this label; repeatable.")
@_as_json
@click.pass_obj
def show(context: Context, ref: str | None, labels: tuple[str, ...], as_json: bool) -> None:
    """Show the labels of REF, without which of everything that has any, in every session."""
    from roar.lineage.subjects import Labelled, labelled

    sought = wanted(labels)
    with opened(context) as storage:
        if ref is None:
            found = labelled(storage, sought)
        else:
            subject = _subject(context, storage, ref)
            now = _labels(storage, subject)
            fits = all(key in now and value in (None, now[key]) for key, value in sought.items())
            found = [Labelled(subject, now)] if fits else []
    _print(context, found, as_json)
    if not as_json and not any(one.labels for one in found):
        click.echo("No label fits." if sought else "No labels yet. Set one: roar label set @1 best", err=True)


@command.command("cp", epilog="\b\nExamples:\n  roar label cp @3 @5\n  roar label cp @3 model.pkl best")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@_as_json
@click.pass_obj
def cp(context: Context, source: str, target: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Copy the labels of FROM, or only those of the given keys, to TO; other labels of TO stay."""
    from roar.api.errors import NotFound

    with opened(context) as storage:
        labels = _labels(storage, _subject(context, storage, source))
    for key in keys:
        if key not in labels:
            raise NotFound(
                f"{_shown(source)} has no label {_shown(key)}.", f"For all of them: roar label show {source}"
            )
    _change(context, target, {key: value for key, value in labels.items() if not keys or key in keys}, as_json)


@command.command("history", epilog="\b\nExamples:\n  roar label history @3\n  roar label history model.pkl best --json")
@click.argument("ref")
@click.argument("key", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/label-history/1.")
@click.pass_obj
def history(context: Context, ref: str, key: str | None, as_json: bool) -> None:
    """List every version of the labels of REF, or of one of them, newest first."""
    from roar.render.labels import history_json, history_lines
    from roar.render.look import look_of
    from roar.render.records import dump

    with opened(context) as storage:
        subject = _subject(context, storage, ref)
        versions = storage.label_history(subject.kind, subject.id, key)
    if as_json:
        print_json(dump(history_json(subject, versions)))
        return
    look = look_of(sys.stdout)
    print_lines(history_lines(subject, versions, look, place(context)), look)


def _change(context: Context, ref: str, changes: Mapping[str, str | None], as_json: bool) -> None:
    from roar.lineage.subjects import Labelled

    with opened(context, read_only=False) as storage:
        subject = _subject(context, storage, ref)
        written = storage.set_labels(subject.kind, subject.id, changes)
        labels = _labels(storage, subject)
    _print(context, [Labelled(subject, labels)], as_json)
    if not written:
        click.echo("Nothing changed: it was so already.", err=True)


def _subject(context: Context, storage: Storage, ref: str) -> Subject:
    from roar.lineage.subjects import find_subject

    return find_subject(storage, ref, lambda text: meant(context, storage, text))


def _labels(storage: Storage, subject: Subject) -> dict[str, str]:
    return storage.labels(subject.kind, [subject.id]).get(subject.id, {})


def _print(context: Context, found: Sequence[Labelled], as_json: bool) -> None:
    from roar.render.labels import labelled_json, labelled_lines
    from roar.render.look import look_of
    from roar.render.records import dump

    if as_json:
        print_json(dump(labelled_json(found)))
        return
    look = look_of(sys.stdout)
    print_lines(labelled_lines(found, look, place(context)), look)


def _shown(text: str) -> str:
    from roar.render.text import printable

    return printable(text)
