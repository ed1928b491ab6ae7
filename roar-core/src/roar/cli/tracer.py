"""`roar tracer`: which tracers are ready, why the others aren't, and which one is used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from roar.cli.reading import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roar.api.tracer import Check, Preflight, Tracer
    from roar.context import Context
    from roar.render.look import Look
    from roar.tracing.report import Backend, Readiness

_SCHEMA = "roar/tracer/1"
_KEY = "tracer.default"


@click.group(
    invoke_without_command=True,
    short_help="Which tracers are ready; check, enable and choose one.",
    epilog="\b\nExamples:\n  roar tracer\n  roar tracer check preload\n  roar tracer use auto --global",
)
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show which tracers are ready, what each can and cannot see, which is the default and what `auto` would choose."""
    if ctx.invoked_subcommand is not None:
        return
    from roar.render.look import look_of
    from roar.tracing.report import readiness

    context: Context = ctx.obj
    found = readiness(context.plugins, context.config.get(_KEY))
    if as_json:
        print_json(_json(found))
        return
    look = look_of(sys.stdout)
    print_lines(_table(found, look), look)


@command.command("check", epilog="\b\nExamples:\n  roar tracer check preload\n  roar tracer check ebpf --json")
@click.argument("backend")
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")
@click.pass_obj
def check(context: Context, backend: str, as_json: bool) -> None:
    """Check every condition of a tracer, also on a real process; exit 1 when it is not ready."""
    from roar.tracing.report import backend as checked

    found = checked(context.plugins, backend, deep=True)
    if as_json:
        import json

        print_json(json.dumps({"schema": _SCHEMA, "tracer": _backend_json(found)}, indent=2))
        sys.stdout.flush()
    else:
        _print_checks(found.checks)
    _finish(found, quiet=as_json)


@command.command("use", epilog="\b\nExamples:\n  roar tracer use preload\n  roar tracer use auto --global")
@click.argument("backend")
@click.option("--global", "for_user", is_flag=True, help="For all workspaces of this user that don't set their own.")
@click.pass_obj
def use(context: Context, backend: str, for_user: bool) -> None:
    """Make a tracer the default of the workspace; `auto` takes the most capable one that is ready."""
    from roar.tracing.readiness import failed, preflight, unknown
    from roar.tracing.select import AUTO
    from roar.workspace.edit import set_value

    workspace = None if for_user else context.workspace
    tracers = context.plugins.tracers()
    if backend != AUTO and backend not in tracers:
        raise unknown(context.plugins, backend, tracers)
    set_value(workspace, context.plugins, _KEY, backend)
    click.echo(f"{'All workspaces of this user use' if for_user else 'This workspace uses'} tracer {backend}.")
    if backend != AUTO:
        checks = preflight(context.plugins, backend, tracers[backend])
        if not checks.ready:
            from roar.cli.boundary import error_text

            click.echo(error_text(failed(backend, checks)).replace("Error:", "Warning:", 1), err=True)


@command.command("enable", epilog="\b\nExamples:\n  roar tracer enable preload\n  roar tracer enable ebpf -y")
@click.argument("backend")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before what needs privilege.")
@click.pass_obj
def enable(context: Context, backend: str, yes: bool) -> None:
    """Set a tracer up, once: build its library, give its helper the capability it needs.  Repeating it is harmless."""
    from roar.tracing.report import described

    tracer = _installed(context, backend)
    done: Preflight = _blaming(backend, lambda: tracer.enable(_confirmer(f"roar tracer enable {backend}", yes)))
    found = described(context.plugins, backend, done)
    _print_checks(found.checks)
    _finish(found)


@command.command("disable", epilog="\b\nExamples:\n  roar tracer disable ebpf\n  roar tracer disable ebpf -y")
@click.argument("backend")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def disable(context: Context, backend: str, yes: bool) -> None:
    """Take back what `enable` did."""
    tracer = _installed(context, backend)
    if not _confirmer(f"roar tracer disable {backend}", yes)(f"Take back what `roar tracer enable {backend}` did?"):
        from roar.api.errors import Refused

        raise Refused("Nothing was changed.")
    _blaming(backend, tracer.disable)
    click.echo(f"Tracer {backend} is disabled; set it up again with: roar tracer enable {backend}")


def _installed(context: Context, backend: str) -> type[Tracer]:
    tracers = context.plugins.tracers()
    if backend not in tracers:
        from roar.tracing.readiness import unknown

        raise unknown(context.plugins, backend, tracers)
    return tracers[backend]


def _blaming(backend: str, act: Callable[[], Any]) -> Any:
    """Does what the tracer's plugin does; whatever it raises that is no explanation is the plugin's fault."""
    from roar.api.errors import PluginError, RoarError

    try:
        return act()
    except (RoarError, click.Abort, KeyboardInterrupt):
        raise
    except Exception as error:  # a plugin can raise anything, and gets the blame
        text = " ".join(str(error).split())
        raise PluginError(
            f"tracer '{backend}' failed: {type(error).__name__}: {text}", f"See: roar tracer check {backend}"
        ) from error


def _confirmer(typed: str, yes: bool) -> Callable[[str], bool]:
    def confirm(question: str) -> bool:
        if yes:
            return True
        if sys.stdin is None or not sys.stdin.isatty():
            from roar.api.errors import Refused

            raise Refused(f"there is no terminal to ask on: {question}", f"Run: {typed} -y")
        return click.confirm(question, err=True)

    return confirm


def _print_checks(checks: tuple[Check, ...]) -> None:
    from roar.render.look import look_of
    from roar.render.text import printable

    look = look_of(sys.stdout)
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        state = look.paint("ok  ", "green") if check.ok else look.paint("FAIL", "red")
        click.echo(f"{state}  {printable(check.name).ljust(width)}  {printable(check.detail)}".rstrip())
        if not check.ok and check.fix:
            for line in check.fix.splitlines():
                click.echo(f"      {' ' * width}  {printable(line)}")


def _finish(found: Backend, quiet: bool = False) -> None:
    if found.ready:
        if not quiet:
            click.echo(f"Tracer {found.name} {found.version} is ready.")
        return
    from roar.api.errors import PreflightFailed

    raise PreflightFailed(found.name, found.reason, found.fix or None)


def _json(found: Readiness) -> str:
    import json

    tracers = []
    for backend in found.backends:
        value = _backend_json(backend)
        value |= {"default": backend.name == found.default, "active": backend.name == found.active}
        tracers.append(value)
    answer = {
        "schema": _SCHEMA,
        "default": found.default,
        "auto": found.auto,
        "active": found.active,
        "tracers": tracers,
    }
    return json.dumps(answer, indent=2)


def _backend_json(backend: Backend) -> dict[str, Any]:
    return {
        "name": backend.name,
        "version": backend.version or None,
        "installed": bool(backend.version),
        "ready": backend.ready,
        "reason": backend.reason or None,
        "fix": backend.fix or None,
        "way": backend.way or None,
        "capabilities": list(backend.capabilities),
        "blind_to": list(backend.blind_to),
        "checks": [check._asdict() for check in backend.checks],
    }


def _table(found: Readiness, look: Look) -> Iterator[str]:
    from roar.render.text import printable

    yield f"default: {printable(found.default)}{_meaning(found)}"
    yield ""
    names = max(len(backend.name) for backend in found.backends)
    versions = max(len(backend.version) for backend in found.backends) or 1
    yield look.paint(f"  {'BACKEND'.ljust(max(names, 7))}  {'VERSION'.ljust(max(versions, 7))}  STATE", "bold")
    for backend in found.backends:
        mark = "*" if backend.name == found.active else " "
        state = (
            look.paint("ready", "green") if backend.ready else look.paint("not ready", "red") + f": {backend.reason}"
        )
        if backend.way:
            state += f" by {printable(backend.way)}"
        if backend.name == found.auto:
            state += "  (auto)"
        version = (backend.version or "-").ljust(max(versions, 7))
        yield f"{mark} {printable(backend.name).ljust(max(names, 7))}  {version}  {state}"
        if backend.fix:
            yield from (f"    fix: {printable(line)}" for line in backend.fix.splitlines())
        if backend.capabilities:
            yield f"    can: {', '.join(backend.capabilities)}"
        if backend.blind_to and backend.version:
            yield f"    can't see: {', '.join(backend.blind_to)}"
    yield ""
    yield "* is used by the next run.  Every condition of one: roar tracer check BACKEND"


def _meaning(found: Readiness) -> str:
    if found.default == "auto":
        return f", which chooses {found.auto}" if found.auto else ", and no tracer is ready"
    return "" if found.active else ", which is not ready"
