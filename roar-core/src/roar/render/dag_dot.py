"""A drawing in Graphviz' language (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator

from roar.render.dag_drawing import Drawing, Vertex

_STYLES = (
    ("file", 'shape=note, fillcolor="#f6f8fa"'),
    ("group", "peripheries=2"),
    ("stale", 'fillcolor="#fff8c5", color="#9a6700"'),
    ("failed", 'fillcolor="#ffebe9", color="#cf222e"'),
    ("changed", 'style="filled,dashed", color="#9a6700"'),
    ("missing", 'style="filled,dashed", color="#cf222e"'),
)


def dot(drawing: Drawing) -> Iterator[str]:
    """The lines of the graph."""
    yield "digraph lineage {"
    yield f'  graph [charset="UTF-8", rankdir=TB, label={_quoted(drawing.title)}, labelloc=t, fontname=monospace]'
    yield '  node [shape=box, style=filled, fillcolor="#ffffff", fontname=monospace, fontsize=11]'
    yield "  edge [fontname=monospace, fontsize=9]"
    for session, title in drawing.sessions.items():
        yield f"  subgraph cluster_{session} {{"
        yield f"    label={_quoted(title)}"
        yield from (f"    {_node(vertex)}" for vertex in drawing.vertices if vertex.session == session)
        yield "  }"
    yield from (f"  {_node(vertex)}" for vertex in drawing.vertices if vertex.session not in drawing.sessions)
    for arc in drawing.arcs:
        label = f" [label={_quoted(arc.label)}]" if arc.label else ""
        yield f"  {arc.tail} -> {arc.head}{label}"
    yield "}"


def _node(vertex: Vertex) -> str:
    label = _quoted(vertex.title) if not vertex.note else f'"{_escaped(vertex.title)}\\n{_escaped(vertex.note)}"'
    styles = [style for mark, style in _STYLES if mark in vertex.marks]
    return f"{vertex.key} [{', '.join([f'label={label}', *styles])}]"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Text in a string: Graphviz takes backslashes for its own escapes, and ``&name;`` for a character."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
