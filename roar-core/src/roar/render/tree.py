"""A graph drawn as a tree of lines: every node once, long chains flat, many alike nodes folded into one line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

FOLD_OVER = 8
"""More siblings of one shape than this are folded."""

_KEPT = 3
_MAX_DEPTH = 12
"""From this depth on an only child is drawn below its parent, not beside it."""


class Node(NamedTuple):
    """A line of the tree, or several alike that were folded into it."""

    prefix: str
    """What is drawn before the node's text on its first line."""
    below: str
    """What is drawn before further lines of the node."""
    members: tuple[int, ...]
    """The node; or, when folded, the nodes that the line stands for."""
    folded: bool = False


class Strokes(NamedTuple):
    """What the lines are drawn with."""

    tee: str = "├─ "
    last: str = "└─ "
    bar: str = "│  "
    gap: str = "   "
    down: str = "↓ "


ASCII = Strokes("|- ", "`- ", "|  ", "   ", "> ")


def draw(
    parents: Mapping[int, Sequence[int]],
    shape: Callable[[int], Hashable],
    strokes: Strokes,
    fold: bool = True,
) -> Iterator[Node]:
    """Draws a graph.

    Args:
        parents: node → its parents; nodes in the order in which they are to be drawn.  A node is drawn below the last
            of its parents.
        shape: nodes of one shape, with subtrees of one shape, are alike and may be folded.
        strokes: what to draw with.
        fold: whether more than `FOLD_OVER` alike siblings become one line.
    """
    children: dict[int | None, list[int]] = {}
    rank = {node: number for number, node in enumerate(parents)}
    for node, above in parents.items():
        known = [parent for parent in above if parent in rank]
        children.setdefault(max(known, key=rank.__getitem__) if known else None, []).append(node)
    shapes = _shapes(list(parents), children, shape)
    # (nodes in reverse drawing order, prefix of their level, depth); an explicit stack, as chains may be long
    stack: list[tuple[_Group, str, int, bool]] = []
    roots = _groups(children.get(None, []), shapes, fold)
    stack += [(group, "", 0, True) for group in reversed(roots)]
    while stack:
        group, indent, depth, is_last = stack.pop()
        if depth == 0:
            prefix, below = "", ""
        elif depth > _MAX_DEPTH and group.is_only:
            prefix, below = indent + strokes.down, indent
        else:
            prefix = indent + (strokes.last if is_last else strokes.tee)
            below = indent + (strokes.gap if is_last else strokes.bar)
        beneath = [] if group.folded else _groups(children.get(group.nodes[0], []), shapes, fold)
        yield Node(prefix, below + (strokes.bar if beneath else strokes.gap), group.nodes, group.folded)
        level = [(inner, below, depth + 1, inner is beneath[-1]) for inner in beneath]
        stack += reversed(level)


class _Group(NamedTuple):
    nodes: tuple[int, ...]
    folded: bool
    is_only: bool


def _groups(siblings: Sequence[int], shapes: Mapping[int, int], fold: bool) -> list[_Group]:
    """The siblings one by one, but of many of one shape the first few, and the rest together."""
    by_shape: dict[int, list[int]] = {}
    for node in siblings:
        by_shape.setdefault(shapes[node], []).append(node)
    groups: list[_Group] = []
    for node in siblings:
        alike = by_shape[shapes[node]]
        if not fold or len(alike) <= FOLD_OVER or node in alike[:_KEPT]:
            groups.append(_Group((node,), False, len(siblings) == 1))
        elif node == alike[_KEPT]:
            groups.append(_Group(tuple(alike[_KEPT:]), True, False))
    return groups


def _shapes(
    nodes: Sequence[int], children: Mapping[int | None, Sequence[int]], shape: Callable[[int], Hashable]
) -> dict[int, int]:
    """Numbers that are equal for nodes of one shape with subtrees of one shape."""
    numbers: dict[Hashable, int] = {}
    found: dict[int, int] = {}
    order: list[int] = []
    todo = list(children.get(None, []))
    while todo:  # parents before children
        node = todo.pop()
        order.append(node)
        todo += children.get(node, [])
    for node in reversed(order):
        below = tuple(sorted(found[child] for child in children.get(node, [])))
        found[node] = numbers.setdefault((shape(node), below), len(numbers))
    return found
