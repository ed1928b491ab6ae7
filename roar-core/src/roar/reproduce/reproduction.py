"""`roar reproduce` from a reference to a result: the plan, the new directory, the steps, and what is kept of the outcome."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from roar.api.errors import NotFound, Refused, RoarError
from roar.api.records import Reproduction
from roar.reproduce import pythons
from roar.reproduce.checkout import Checkout
from roar.reproduce.contents import Contents
from roar.reproduce.engine import Engine, Surroundings
from roar.reproduce.inputs import Inputs
from roar.reproduce.mapping import Mapping as Places
from roar.reproduce.mapping import aliases
from roar.reproduce.plan import Plan, make_plan
from roar.reproduce.progress import Progress
from roar.reproduce.results import Result, StepResult
from roar.reproduce.selection import Selection, select_jobs
from roar.reproduce.target import Target

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context


class Prepared(NamedTuple):
    """All that is known before anything is done."""

    target: Target
    plan: Plan
    decisions: Mapping[str, list[pythons.Decision]]
    """Uid → how the interpreters that the step needs are met."""
    patches: Mapping[int, bytes]


def prepare(
    context: Context, storage: Storage, target: Target, directory: str | None = None, alone: bool = False
) -> Prepared:
    """The plan for a target; nothing is written.

    Args:
        context: of the workspace.
        storage: the record.
        target: what is wanted.
        directory: that is to be made; by default one beside the repository.
        alone: run the target's own step only.

    Raises:
        Refused: the directory is in the user's own tree.
        RoarError: there is no commit to begin with.
    """
    selection = select_jobs(storage, target, alone)
    root = _root(target)
    source = _source(context, root)
    place = os.path.realpath(os.fsencode(directory)) if directory else _beside(source, target)
    if any(place == own or place.startswith(own + b"/") for own in (root, source)):
        raise Refused(
            f"{os.fsdecode(place)} is in the repository itself, whose files are left alone.",
            f"Choose a directory outside: -o {os.fsdecode(source)}-reproduced",
        )
    plan = make_plan(selection, root, source, place, os.path.expanduser(b"~"))
    plan = plan._replace(aliases=_aliases(plan))
    patches = {first: storage.patch(first) or b"" for first in set(selection.patches.values())}
    return Prepared(target, plan, _decisions(storage, selection, plan), patches)


def _aliases(plan: Plan) -> tuple[tuple[bytes, bytes], ...]:
    words = (word for step in plan.steps for word in step.command)
    recorded = (value for step in plan.steps for value in step.environment.get("variables", {}).values())
    texts = [*words, *(value for value in recorded if isinstance(value, str)), *os.environ.values()]
    return tuple((name, plan.directory + target[len(plan.root) :]) for name, target in aliases(texts, plan.root))


def _root(target: Target) -> bytes:
    if target.job.git is None:
        raise RoarError(
            f"{target.job.ref} has no commit in its record, so there is no code to run.",
            f"See it: roar show {target.job.ref}",
        )
    return target.job.git.root.rstrip(b"/")


def _source(context: Context, root: bytes) -> bytes:
    """Where the recorded repository is: the workspace may have been moved, or its record taken to another clone."""
    if os.path.lexists(root + b"/.git"):
        return root
    here = os.fsencode(context.workspace.root)
    if os.path.lexists(here + b"/.git"):
        return here
    raise NotFound(
        f"{os.fsdecode(root)}, the repository of the recorded step, is not there any more.",
        "Clone it again, move .roar into the clone, and repeat the command there.",
    )


def _beside(root: bytes, target: Target) -> bytes:
    """A directory beside the repository, the same one for the same target."""
    digest = hashlib.blake2b(target.job.uid.encode(), digest_size=4)
    for path in sorted(target.paths):
        digest.update(path + b"\0")
    return root + b"-reproduced-" + digest.hexdigest().encode()


def _decisions(storage: Storage, selection: Selection, plan: Plan) -> dict[str, list[pythons.Decision]]:
    private = plan.directory + b"/.git/roar"
    made: dict[pythons.Need, pythons.Decision] = {}
    written = _written_environments(storage, selection)
    found: dict[str, list[pythons.Decision]] = {}
    for step in plan.steps:
        for need in pythons.needs_of(step.environment):
            if need not in made:
                is_written = need.prefix in written
                made[need] = pythons.decide(need, len(made) + 1, plan.root, plan.directory, private, is_written)
            found.setdefault(step.job.uid, []).append(made[need])
    return found


def _written_environments(storage: Storage, selection: Selection) -> set[bytes]:
    """The prefixes of environments into which a step installs something: what it wrote there, a filter has dropped."""
    prefixes = {need.prefix for one in selection.environments.values() for need in pythons.needs_of(one)}
    written: set[bytes] = set()
    for job in selection.jobs:
        if not prefixes - written:
            break
        paths = (
            [path for _, path, direction in storage.filtered(job.id) if direction == "output"] if job.filtered else []
        )
        paths += [edge.path for edge in selection.outputs[job.id]]
        written |= {prefix for prefix in prefixes if any(path.startswith(prefix + b"/") for path in paths)}
    return written


def carry_out(
    context: Context,
    storage: Storage,
    prepared: Prepared,
    resume: bool,
    jobs: int,
    say: Callable[[StepResult], None],
) -> Result:
    """Does what was planned.

    Args:
        context: of the workspace.
        storage: the record, to look for copies of inputs.
        prepared: by `prepare`.
        resume: go on in the directory as it is.
        jobs: how many steps at once.
        say: told of each step that is over.

    Raises:
        Refused: the directory exists and is not to be resumed, or can't be.
        RoarError: the repository can't be cloned.
    """
    plan = prepared.plan
    checkout = Checkout(plan.source, plan.directory, prepared.patches, Places(plan.places))
    state = _journal(plan)
    if resume:
        progress = Progress.resume(state, plan)
    else:
        must_be_free(prepared)
        checkout.make([step.code for step in plan.steps if step.code.commit])
        progress = Progress.begin(state, plan)
    contents = Contents(context.plugins.hashers)

    def elsewhere(hashes: Mapping[str, str]) -> Iterable[bytes]:
        algorithm, digest = next(iter(hashes.items()))
        artifacts = [artifact.id for artifact in storage.artifacts_by_digest(digest, algorithm)]
        return dict.fromkeys(edge.path for edge in storage.edges_of(artifacts))

    inputs = Inputs(contents, plan, checkout.private + b"/kept", elsewhere)
    engine = Engine(plan, checkout, contents, inputs, progress, prepared.decisions, _surroundings(context), say)
    try:
        results = engine.run(jobs)
    finally:
        progress.close()
    return Result(prepared.target.text, plan.directory, results, prepared.target.job.uid)


def is_begun(prepared: Prepared) -> bool:
    """Whether there is something to resume."""
    return os.path.exists(_journal(prepared.plan))


def _journal(plan: Plan) -> bytes:
    return plan.directory + b"/.git/roar/reproduction.jsonl"


def must_be_free(prepared: Prepared) -> None:
    """Raises Refused when there is something in the directory."""
    plan = prepared.plan
    where = os.fsdecode(plan.directory)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if not os.listdir(plan.directory):
            return
    if os.path.lexists(plan.directory):
        fix = "Go on with it: add --resume\nOr choose" if is_begun(prepared) else "Choose"
        raise Refused(f"{where} exists already.", f"{fix} another directory: -o DIR")


def _surroundings(context: Context) -> Surroundings:
    from roar.workspace.secrets import Redactor, workspace_key
    from roar.workspace.variables import load

    roar_dir = context.workspace.roar_dir
    own = load(roar_dir)
    here = {**os.environ, **own}
    seen = Redactor(os.environ, workspace_key(roar_dir)).environment(here, [*context.config.get("env.allow"), *own])
    return Surroundings(here, frozenset(name for name, value in seen.items() if isinstance(value, str)))


def note_result(context: Context, result: Result) -> None:
    """Keeps what came of it with the artifacts.  Raises StorageUnusable."""
    now = time.time_ns()
    by = f"{_user()}@{os.uname().nodename}"
    found = [
        Reproduction(one.algorithm, one.recorded, step.uid, one.path, one.outcome, one.produced, one.size, by, now)
        for step in result.steps
        for one in step.outputs
        if one.algorithm is not None and one.recorded is not None and one.outcome != "unknown"
    ]
    if found:
        storage = context.storage(read_only=False)
        try:
            storage.note_reproductions(found)
        finally:
            storage.close()


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an id without a name, as in containers
        return str(os.geteuid())
