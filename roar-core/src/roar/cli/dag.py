"""`roar dag`: the graph of the active session, of all, or of one artifact."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.lineage.graph import Graph
    from roar.render.dag import Picture


@click.command(
    short_help="Show the active session's graph.",
    epilog="\b\nExamples:\n  roar dag\n  roar dag --show-artifacts\n  roar dag model.pkl --html lineage.html",
)
@click.argument("ref", required=False)
@click.option("--show-artifacts", is_flag=True, help="List every file that each step read and wrote.")
@click.option("--expanded", is_flag=True, help="Show every run; else only the newest run of each command.")
@click.option("--all-sessions", is_flag=True, help="The steps of every session.")
@click.option("--all", "every", is_flag=True, help="Fold nothing and leave nothing out.")
@click.option("--json", "form", flag_value="json", help="Print JSON of schema roar/dag/1.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a flowchart of Mermaid.")
@click.option("--dot", "form", flag_value="dot", help="Print a graph for Graphviz.")
@click.option("--svg", "form", flag_value="svg", help="Print a picture as SVG.")
@click.option("--html", metavar="FILE", help="Write a page to look around in; it needs nothing else.")
@click.pass_obj
def command(
    context: Context,
    ref: str | None,
    show_artifacts: bool,
    expanded: bool,
    all_sessions: bool,
    every: bool,
    form: str | None,
    html: str | None,
) -> None:
    """Show the active session's steps as a tree, each below the step whose output it read; with REF only the steps that
    led to a file or a step, and those that came from it.

    A step is stale when a file that it read or its code has changed since, when a step that it builds on ran again and
    wrote something else, or when that step is stale: run it again to bring it up to date.  Many alike steps are folded into
    one line.
    """
    from roar.lineage.staleness import examine
    from roar.render.dag import Picture
    from roar.render.look import look_of

    if sum((form is not None, html is not None)) > 1:
        raise click.UsageError("--html can't be combined with another form.")
    if ref is not None and all_sessions:
        raise click.UsageError("REF is looked for in all sessions: leave --all-sessions out.")
    with opened(context) as storage:
        graph, title = _graph(context, storage, ref, all_sessions, every)
    files = disk(context)
    # of what led to a thing no run is left out because its command ran again
    picture = Picture(graph, examine(graph, files), files, place(context), expanded or ref is not None, every, title)
    if form == "json":
        from roar.render.dag_json import dag_json
        from roar.render.records import dump

        print_json(dump(dag_json(picture)))
        return
    if form is not None or html is not None:
        fold = form is not None and not (show_artifacts or expanded or every)
        lines = _drawn(picture, form or "html", show_artifacts, fold)
        if html is None:
            print_json(lines)
        else:
            _write(html, lines)
            _warn_of_untracked(context, html)
        return
    if not graph.steps:
        click.echo("The active session has no steps yet. Record one: roar run COMMAND", err=True)
    look = look_of(sys.stdout)
    print_lines(picture.lines(look, show_artifacts), look)


def _graph(
    context: Context, storage: Storage, ref: str | None, all_sessions: bool, every: bool
) -> tuple[Graph, str | None]:
    """The graph, and its title if it is not a session's."""
    from roar.lineage.graph import NEWEST, graph_of, graph_of_all, graph_of_jobs

    limit = None if every else NEWEST
    if all_sessions:
        return graph_of_all(storage, limit), None
    if ref is None:
        return graph_of(storage, storage.active_session(), limit), None
    from roar.lineage.trace import NEAREST, lineage_of, target_of
    from roar.lineage.views import EDGES_SHOWN
    from roar.render.text import printable

    nearest = None if every else NEAREST
    lineage = lineage_of(storage, target_of(storage, found(context, storage, ref, every), nearest), limit=nearest)
    is_all = all(trace is None or trace.is_all for trace in (lineage.up, lineage.down))
    more = "" if is_all else ", the nearest steps (--all has them all)"
    links = [link for trace in (lineage.up, lineage.down) if trace is not None for link in trace.links]
    graph = graph_of_jobs(storage, lineage.jobs.values(), links, None if every else EDGES_SHOWN)
    return graph, f"Lineage of {printable(ref)}{more}"


def _drawn(picture: Picture, form: str, show_artifacts: bool, fold: bool) -> Iterator[str]:
    from importlib import import_module

    from roar.render.dag_build import drawing_of

    module, function = _FORMS[form]
    lines: Iterator[str] = getattr(import_module(module), function)(drawing_of(picture, show_artifacts, fold))
    return lines


_FORMS = {
    "mermaid": ("roar.render.dag_mermaid", "mermaid"),
    "dot": ("roar.render.dag_dot", "dot"),
    "svg": ("roar.render.dag_svg", "svg"),
    "html": ("roar.render.dag_html", "page"),
}


def _write(name: str, lines: Iterable[str]) -> None:
    """Writes a file, whole or not at all; ``-`` is stdout."""
    if name == "-":
        print_json(lines)
        return
    text = "\n".join(lines) + "\n"
    if os.path.exists(name) and not os.path.isfile(name):  # /dev/stdout, a named pipe: nothing to put in its place
        with open(name, "w", encoding="utf-8") as device:
            device.write(text)
        return
    target = os.path.realpath(name)
    unfinished = f"{target}.part"
    try:
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(unfinished, target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(unfinished)
        error.filename, error.filename2 = name, None
        raise
    click.echo(f"Wrote {click.format_filename(name)}; open it in a browser.", err=True)


def _warn_of_untracked(context: Context, name: str) -> None:
    """Says so when the file is one that the next run would refuse to start with."""
    from roar.workspace.gitprocess import ask

    target = os.path.realpath(name)
    root = os.path.realpath(context.workspace.root)
    if not target.startswith(f"{root}{os.sep}") or not os.path.isfile(target):
        return
    with suppress(OSError):
        said = ask(root, [("status", "--porcelain", "--untracked-files=all", "--", f":(literal){target}")])[0]
        if said.ok and said.out:
            click.echo(
                "git sees it, so that roar run will refuse to start: move it, commit it, or have git ignore it.",
                err=True,
            )
