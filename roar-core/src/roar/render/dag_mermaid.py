"""A drawing as a flowchart of Mermaid (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from collections.abc import Iterator

from roar.render.dag_drawing import Drawing, Vertex

_CLASSES = {
    "file": "fill:#f6f8fa,stroke:#8b949e,color:#1f2328",
    "stale": "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    "missing": "stroke:#cf222e,stroke-dasharray:4",
    "changed": "stroke:#9a6700,stroke-dasharray:4",
    "failed": "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
}
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,/_=+-@")


def mermaid(drawing: Drawing) -> Iterator[str]:
    """The lines of the chart."""
    yield "flowchart TD"
    ids = {vertex.key: f"n{number}" for number, vertex in enumerate(drawing.vertices, 1)}
    sessions: list[int | None] = [*drawing.sessions] or [None]
    for session in sessions:
        if session is not None:
            yield f'  subgraph session{session}["{_text(drawing.sessions[session])}"]'
        for vertex in drawing.vertices:
            if session in (None, vertex.session):
                yield f"  {ids[vertex.key]}{_shape(vertex)}"
        if session is not None:
            yield "  end"
    if drawing.sessions:
        yield from (f"  {ids[one.key]}{_shape(one)}" for one in drawing.vertices if one.session not in drawing.sessions)
    for arc in drawing.arcs:
        label = f'|"{_text(arc.label)}"|' if arc.label else ""
        yield f"  {ids[arc.tail]} -->{label} {ids[arc.head]}"
    for name, style in _CLASSES.items():
        members = [ids[vertex.key] for vertex in drawing.vertices if name in vertex.marks]
        if members:
            yield f"  classDef {name} {style}"
            yield f"  class {','.join(members)} {name}"


def _shape(vertex: Vertex) -> str:
    text = "<br/>".join(map(_text, filter(None, (vertex.title, vertex.note)))) or " "  # nothing is no text to Mermaid
    if "file" in vertex.marks:
        return f'(["{text}"])'
    return f'[["{text}"]]' if "group" in vertex.marks else f'["{text}"]'


def _text(text: str) -> str:
    """Text between quotes: what could mean something to Mermaid, to Markdown or to HTML as a code of its character."""
    return "".join(one if one in _PLAIN or ord(one) > 0x7F else f"#{ord(one)};" for one in text)
