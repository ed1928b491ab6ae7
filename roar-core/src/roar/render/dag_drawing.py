"""What a picture of a graph shows, whatever it is drawn with: vertices with their words and marks, arcs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from roar.render.steps import ref_ranges
from roar.render.text import plural
from roar.render.tree import FOLD_OVER


class Vertex(NamedTuple):
    """A step, a file, or many alike ones."""

    key: str
    """``s12``, ``f3``, ``g1``: letters and digits, unique in the drawing."""
    title: str
    """One line: ``@3 python train.py``; printable."""
    note: str
    """A second line, or nothing: ``stale: raw.csv changed since``."""
    marks: frozenset[str]
    """Of ``step``, ``file``, ``group``, ``build``, ``failed``, ``partial``, ``stale``, ``missing``, ``changed``."""
    session: int
    """The session of a step; 0 for what belongs to none."""
    details: tuple[tuple[str, str], ...] = ()
    """What there is to say more: a label and a text each."""
    shape: tuple[str, ...] = ()
    """Vertices of one shape may be drawn as one; empty: never."""
    ref: str = ""
    """``@3``"""
    kin: str = ""
    """What those of one shape are called together: ``python work#.py``."""


class Arc(NamedTuple):
    """That something went from one vertex to another."""

    tail: str
    head: str
    label: str
    """``train.csv``, ``train.csv and 3 more``, or nothing."""


class Drawing(NamedTuple):
    """A picture.  Vertices are in the order in which they came to be."""

    title: str
    vertices: tuple[Vertex, ...]
    arcs: tuple[Arc, ...]
    sessions: Mapping[int, str]
    """Number → title, of those to be told apart; empty when there is only one."""


def folded(drawing: Drawing) -> Drawing:
    """The drawing with more than `FOLD_OVER` vertices as one, where they are alike and what they come from is alike."""
    groups = _groups(drawing)
    key_of: dict[str, str] = {}
    vertices: list[Vertex] = []
    for vertex in drawing.vertices:
        members = groups.get(vertex.key)
        if members is None:
            vertices.append(vertex)
        elif members[0] is vertex:
            vertices.append(_group(f"g{len(vertices)}", members))
            key_of |= {member.key: vertices[-1].key for member in members}
    arcs: dict[tuple[str, str], list[str]] = {}
    for arc in drawing.arcs:
        ends = key_of.get(arc.tail, arc.tail), key_of.get(arc.head, arc.head)
        if ends[0] != ends[1]:
            arcs.setdefault(ends, []).append(arc.label)
    joined = (
        Arc(*ends, labels[0] if len(labels) == 1 else plural(len(labels), "link")) for ends, labels in arcs.items()
    )
    return drawing._replace(vertices=tuple(vertices), arcs=tuple(joined))


def _groups(drawing: Drawing) -> dict[str, list[Vertex]]:
    """Key → all that are drawn as one with it, for those that are."""
    tails: dict[str, list[str]] = {}
    for arc in drawing.arcs:
        tails.setdefault(arc.head, []).append(arc.tail)
    numbers: dict[object, int] = {}
    kinds: dict[str, int] = {}
    for vertex in in_order(drawing):
        above = frozenset(kinds[tail] for tail in tails.get(vertex.key, ()) if tail in kinds)
        own: object = (vertex.shape, vertex.marks, vertex.session) if vertex.shape else vertex.key
        kinds[vertex.key] = numbers.setdefault((own, above), len(numbers))
    by_kind: dict[int, list[Vertex]] = {}
    for vertex in drawing.vertices:
        by_kind.setdefault(kinds[vertex.key], []).append(vertex)
    return {vertex.key: members for members in by_kind.values() if len(members) > FOLD_OVER for vertex in members}


def _group(key: str, members: Sequence[Vertex]) -> Vertex:
    first = members[0]
    notes = Counter(member.note for member in members)
    note = first.note if len(notes) == 1 else f"{len(members) - notes['']} with notes"
    title = f"{len(members)} × {first.kin}: {ref_ranges([member.ref for member in members], 3)}"
    titles = "\n".join(f"{member.title}  {member.note}".rstrip() for member in members)
    return Vertex(key, title, note, first.marks | {"group"}, first.session, (("Members", titles),))


def in_order(drawing: Drawing) -> Iterator[Vertex]:
    """The vertices so that arcs lead onwards, as far as they go round in no circle; else in their own order."""
    tails = _tails(drawing.vertices, drawing.arcs)
    by_key = {vertex.key: vertex for vertex in drawing.vertices}
    done: set[str] = set()
    for vertex in drawing.vertices:
        stack = [vertex.key]
        entered: set[str] = set()
        while stack:
            key = stack[-1]
            if key in done:
                stack.pop()
                continue
            before = [] if key in entered else [tail for tail in tails[key] if tail not in done and tail not in entered]
            entered.add(key)
            if before:
                stack += reversed(before)
            else:
                stack.pop()
                done.add(key)
                yield by_key[key]


def _tails(vertices: Iterable[Vertex], arcs: Iterable[Arc]) -> dict[str, list[str]]:
    tails: dict[str, list[str]] = {vertex.key: [] for vertex in vertices}
    for arc in arcs:
        if arc.tail in tails and arc.head in tails:
            tails[arc.head].append(arc.tail)
    return tails
