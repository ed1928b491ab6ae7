"""Where the vertices of a drawing lie: in rows, from what was first to what came of it.

After Sugiyama, Tagawa and Toda (1981): rows by the longest way from a root, the order in a row by the mean place of the
neighbours.  Rows that are too wide go on in the next line, so that a graph of thousands of alike steps stays a block that can
be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from roar.render.dag_drawing import Drawing, Vertex, in_order
from roar.render.text import columns

TITLE_COLUMNS = 36
"""A title is cut to this."""

CHARACTER = 7.3
"""Width of a character at 12 px in a monospaced font, px."""

_PADDING, _LEAST_WIDTH = 12.0, 60.0
_LINE, _GAP_X, _GAP_Y, _WRAP_Y = 16.0, 18.0, 46.0, 14.0
_SWEEPS = 4
_LEAST_A_ROW = 8


class Box(NamedTuple):
    """Where a vertex is drawn, px; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """Of a whole drawing."""

    boxes: Mapping[str, Box]
    width: float
    height: float


def layout(drawing: Drawing) -> Layout:
    """Places every vertex.  The same drawing is always laid out the same."""
    rows = _rows(drawing)
    _arrange(rows, drawing)
    sizes = {vertex.key: _size(vertex) for vertex in drawing.vertices}
    wanted = max(_LEAST_A_ROW, math.ceil(math.sqrt(len(drawing.vertices) / 2)))
    lines = [row[start : start + wanted] for row in rows for start in range(0, len(row), wanted)]
    ends = {row[-1] for row in rows if row}
    widths = [sum(sizes[key][0] for key in line) + _GAP_X * (len(line) - 1) for line in lines]
    total = max(widths, default=0.0)
    boxes: dict[str, Box] = {}
    y = 0.0
    for line, width in zip(lines, widths, strict=True):
        x = (total - width) / 2
        height = max(sizes[key][1] for key in line)
        for key in line:
            boxes[key] = Box(round(x, 1), round(y, 1), sizes[key][0], sizes[key][1])
            x += sizes[key][0] + _GAP_X
        y += height + (_GAP_Y if line[-1] in ends else _WRAP_Y)
    return Layout(boxes, round(total, 1), round(max(y - _GAP_Y, 0.0), 1))


def _size(vertex: Vertex) -> tuple[float, float]:
    longest = max(min(columns(text), TITLE_COLUMNS) for text in (vertex.title, vertex.note))
    return round(max(longest * CHARACTER + 2 * _PADDING, _LEAST_WIDTH), 1), _LINE * (2 if vertex.note else 1) + _PADDING


def _rows(drawing: Drawing) -> list[list[str]]:
    tails: dict[str, list[str]] = {}
    for arc in drawing.arcs:
        tails.setdefault(arc.head, []).append(arc.tail)
    row_of: dict[str, int] = {}
    rows: list[list[str]] = []
    for vertex in in_order(drawing):
        above = [row_of[tail] for tail in tails.get(vertex.key, ()) if tail in row_of and tail != vertex.key]
        number = max(above, default=-1) + 1
        row_of[vertex.key] = number
        while len(rows) <= number:
            rows.append([])
        rows[number].append(vertex.key)
    return rows


def _arrange(rows: Sequence[list[str]], drawing: Drawing) -> None:
    """Orders each row by where its neighbours are, downwards and upwards in turn."""
    neighbours: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for arc in drawing.arcs:
        neighbours[0].setdefault(arc.head, []).append(arc.tail)
        neighbours[1].setdefault(arc.tail, []).append(arc.head)
    place = {key: _share(number, len(row)) for row in rows for number, key in enumerate(row)}
    for sweep in range(_SWEEPS):
        near = neighbours[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            mean = {
                key: sum(place[other] for other in others) / len(others) if (others := near.get(key)) else place[key]
                for key in row
            }
            row.sort(key=mean.__getitem__)  # stable: ties stay in the order in which they came to be
            place |= {key: _share(number, len(row)) for number, key in enumerate(row)}


def _share(number: int, count: int) -> float:
    return (number + 0.5) / count
