"""Labels as people read them, ``model=small``, ``best`` for a tag, which is a label without a value, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import fsdecode
from typing import Any

from roar.api.records import LabelVersion
from roar.lineage.subjects import Labelled, Subject
from roar.render.job import Place, digest_text
from roar.render.label_text import label_text
from roar.render.look import Look
from roar.render.session import session_title
from roar.render.text import command_text, iso_time, printable, shortened, time_text

SCHEMA = "roar/label/1"
HISTORY_SCHEMA = "roar/label-history/1"


def subject_title(subject: Subject, look: Look, place: Place) -> str:
    """What the labels are on: ``@3 python train.py``, ``model.pkl  blake3 3f2a91c4d0b7``, ``Session 2, …``."""
    if subject.session is not None:
        text = session_title(subject.session._replace(labels={}))
    elif subject.job is not None:
        job = subject.job
        text = f"{job.ref} {job.uid[:8]}  {command_text(job.command)}"
    else:
        name = "artifact" if subject.path is None else place.name(subject.path)
        text = f"{name}  {digest_text(subject.hashes)}"
    return shortened(text, look.width, look.sign("…", "...")) if look.width else text


def labelled_lines(found: Sequence[Labelled], look: Look, place: Place) -> Iterator[str]:
    """Each thing, and below it a line a label."""
    for subject, labels in found:
        yield look.paint(subject_title(subject, look, place), "bold")
        yield from (f"  {label_text(key, value)}" for key, value in sorted(labels.items()))


def history_lines(subject: Subject, versions: Sequence[LabelVersion], look: Look, place: Place) -> Iterator[str]:
    """A line a version, newest first."""
    yield look.paint(subject_title(subject, look, place), "bold")
    for one in versions:
        gone = f"{printable(one.key)} {look.paint('taken away', 'red')}"
        what = gone if one.value is None else label_text(one.key, one.value)
        yield f"  {time_text(one.set_ns)}  {what}  (version {one.version})"


def labelled_json(found: Sequence[Labelled]) -> dict[str, Any]:
    """Schema ``roar/label/1``."""
    return {"schema": SCHEMA, "subjects": [subject_json(one) | {"labels": dict(labels)} for one, labels in found]}


def history_json(subject: Subject, versions: Sequence[LabelVersion]) -> dict[str, Any]:
    """Schema ``roar/label-history/1``."""
    listed = [
        {"key": one.key, "value": one.value, "version": one.version, "set_at": iso_time(one.set_ns)} for one in versions
    ]
    return {"schema": HISTORY_SCHEMA, "subject": subject_json(subject), "versions": listed}


def subject_json(subject: Subject) -> dict[str, Any]:
    """The ``subject`` of both schemas; what a kind has not is null."""
    hashes: Mapping[str, str] | None = dict(subject.hashes) if subject.kind == "artifact" else None
    job, session = subject.job, subject.session
    return {
        "kind": "step" if subject.kind == "job" else subject.kind,
        "ref": None if job is None else job.ref,
        "uid": None if job is None else job.uid,
        "session": session.id if session is not None else None if job is None else job.session,
        "hashes": hashes,
        "path": None if subject.path is None else fsdecode(subject.path),
    }
