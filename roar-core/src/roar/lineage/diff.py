"""How two jobs differ: command, commit, parameters, environment, inputs, outputs, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import fsdecode
from typing import Any, Literal, NamedTuple

from roar.api.filters import Direction
from roar.api.records import Job, StoredEdge
from roar.api.storage import Storage

How = Literal["changed", "unknown", "moved", "only_a", "only_b"]

PACKAGES = ("packages", "conda", "manifests", "debian")
"""Sections of the environment that tell of installed software."""
_ORDER = (*PACKAGES, "python", "variables", "system")
_NO_ENVIRONMENT = frozenset({"streams"})
"""Sections that tell of files, which are among the inputs and outputs."""
_OF_THE_SHELL = frozenset({
    "_", "OLDPWD", "PWD", "SHLVL", "DBUS_SESSION_BUS_ADDRESS", "GPG_TTY", "INVOCATION_ID", "JOURNAL_STREAM", "SSH_AUTH_SOCK",
    "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "STY", "TERM_SESSION_ID", "TMUX", "TMUX_PANE", "WINDOWID", "XDG_SESSION_ID",
})  # fmt: skip
"""Variables of the shell and of the terminal's session, which differ from one window to the next."""


class Change(NamedTuple):
    """A value that differs."""

    name: str
    a: Any
    """None: there is none."""
    b: Any


class FileChange(NamedTuple):
    """A file that differs."""

    path: bytes
    """In A, or where only B has it, in B; relative to the repository where it is in it."""
    how: How
    """`unknown`: one of the contents is not known; `moved`: the content is the same, `b` says where."""
    a: StoredEdge | None
    b: StoredEdge | None


class Files(NamedTuple):
    """The files of one direction."""

    same: int
    changes: list[FileChange]
    """By path."""


class StepDiff(NamedTuple):
    """How two jobs differ."""

    a: Job
    b: Job
    command: list[Change]
    """Command and directory."""
    commit: list[Change]
    """Commit, branch, uncommitted changes."""
    parameters: list[Change]
    environment: dict[str, list[Change]]
    """By section: packages first, then variables, the system and others; only sections that differ."""
    inputs: Files
    outputs: Files
    result: list[Change]
    """Status, exit code, verdict."""

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not (
            self.command
            or self.commit
            or self.parameters
            or self.environment
            or self.inputs.changes
            or self.outputs.changes
            or self.result
        )


def step_diff(storage: Storage, a: Job, b: Job) -> StepDiff:
    """Compares two jobs of a storage."""
    same_job = a.id == b.id
    return StepDiff(
        a,
        b,
        command_changes(a, b),
        commit_changes(storage, a, b),
        changes(flat(a.parameters), flat(b.parameters)),
        {} if same_job else environment_changes(storage.environment(a.id), storage.environment(b.id)),
        file_changes(storage, a, b, "input"),
        file_changes(storage, a, b, "output"),
        changes(_result(a), _result(b)),
    )


def command_changes(a: Job, b: Job) -> list[Change]:
    """Command and directory, the latter relative to the repository."""
    return changes(
        {"command": list(a.command), "directory": fsdecode(place(a, a.cwd))},
        {"command": list(b.command), "directory": fsdecode(place(b, b.cwd))},
    )


def commit_changes(storage: Storage, a: Job, b: Job) -> list[Change]:
    """Commit, branch and uncommitted changes."""
    found = changes(_commit(a), _commit(b))
    if a.git and b.git and a.git.dirty and b.git.dirty and storage.patch(a.id) != storage.patch(b.id):
        found.append(Change("patch", "other uncommitted changes", "other uncommitted changes"))
    return found


def environment_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, list[Change]]:
    """What differs in each section."""
    order = {name: position for position, name in enumerate(_ORDER)}
    found = {
        name: changes(_compared(name, a), _compared(name, b))
        for name in sorted({*a, *b} - _NO_ENVIRONMENT, key=lambda name: (order.get(name, len(order)), name))
    }
    return {name: listed for name, listed in found.items() if listed}


def _compared(section: str, environment: Mapping[str, Any]) -> dict[str, Any]:
    values = flat(environment.get(section))
    return {name: values[name] for name in values if name not in _OF_THE_SHELL} if section == "variables" else values


def file_changes(storage: Storage, a: Job, b: Job, direction: Direction) -> Files:
    """Compares the inputs or outputs of two jobs by path and content."""
    only_a = {place(a, edge.path): edge for edge in storage.edges([a.id], direction)}
    only_b: dict[bytes, StoredEdge] = {}
    found: list[FileChange] = []
    same = 0
    for edge in storage.edges([b.id], direction):
        path = place(b, edge.path)
        other = only_a.pop(path, None)
        if other is None:
            only_b[path] = edge
            continue
        alike = same_content(other, edge)
        if alike:
            same += 1
        else:
            found.append(FileChange(path, "unknown" if alike is None else "changed", other, edge))
    found += _moved(only_a, only_b)
    found += [FileChange(path, "only_a", edge, None) for path, edge in only_a.items()]
    found += [FileChange(path, "only_b", None, edge) for path, edge in only_b.items()]
    return Files(same, sorted(found, key=lambda change: (change.path, change.how)))


def _moved(only_a: dict[bytes, StoredEdge], only_b: dict[bytes, StoredEdge]) -> Iterator[FileChange]:
    """Takes out the files whose content is at another path; empty files are alike by chance."""
    by_content = {edge.artifact_id: path for path, edge in only_b.items() if edge.artifact_id is not None and edge.size}
    for path, edge in list(only_a.items()):
        other = by_content.pop(edge.artifact_id, None) if edge.artifact_id is not None else None
        if other is not None:
            yield FileChange(path, "moved", only_a.pop(path), only_b.pop(other))


def same_content(a: StoredEdge, b: StoredEdge) -> bool | None:
    """Whether two edges met the same content; None where that is not known."""
    if a.artifact_id is not None and a.artifact_id == b.artifact_id:
        return True
    return same_digests(a.hashes, b.hashes)


def same_digests(a: Mapping[str, str], b: Mapping[str, str]) -> bool | None:
    """Whether digests are of one content; None without an algorithm that both have."""
    common = [name for name in a if name in b]
    return a[common[0]] == b[common[0]] if common else None


def place(job: Job, path: bytes) -> bytes:
    """A path relative to the job's repository where it is in it, so that a copy of the repository compares well."""
    if job.git is None:
        return path
    if path == job.git.root:
        return b"."
    prefix = job.git.root.rstrip(b"/") + b"/"
    return path[len(prefix) :] if path.startswith(prefix) else path


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """A value of JSON as one of names and plain values: ``{"a": {"b": 1}}`` is ``{"a.b": 1}``."""
    if isinstance(value, Mapping) and not value.get("set"):  # a variable of which only a digest is kept is one value
        parts: Sequence[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        parts = list(enumerate(value))
    else:
        return {} if value is None else {name: value}
    found: dict[str, Any] = {}
    for key, item in parts:
        found |= flat(item, f"{name}.{key}" if name else str(key))
    return found


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """What differs, in the order of A, then of B."""
    return [Change(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]


def _commit(job: Job) -> dict[str, Any]:
    git = job.git
    return {} if git is None else {"commit": git.commit, "branch": git.branch, "uncommitted changes": git.dirty}


def _result(job: Job) -> dict[str, Any]:
    return {"status": job.status, "exit code": job.exit_code, "verdict": job.capture.verdict}
