"""A drawing as SVG, by itself and within a page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from roar.render.dag_drawing import Drawing, Vertex
from roar.render.dag_layout import CHARACTER, TITLE_COLUMNS, Box, Layout, layout
from roar.render.text import columns, shortened

STYLE = """\
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; }
.note { font-size: 11px; fill: #656d76; }
.vertex rect { fill: #ffffff; stroke: #57606a; }
.file rect { fill: #f6f8fa; stroke: #8b949e; }
.group rect { stroke-width: 3; }
.stale rect { fill: #fff8c5; stroke: #9a6700; }
.failed rect { fill: #ffebe9; stroke: #cf222e; }
.changed rect { stroke: #9a6700; stroke-dasharray: 4 3; }
.missing rect { stroke: #cf222e; stroke-dasharray: 4 3; }
.arc { fill: none; stroke: #8b949e; }
#head { fill: #8b949e; }
"""
_MARGIN = 24
_TITLE = 28


def svg(drawing: Drawing) -> Iterator[str]:
    """The lines of a file of its own."""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield from svg_element(drawing, layout(drawing), f"<style>\n{STYLE}</style>")


def svg_element(drawing: Drawing, places: Layout, style: str = "", title_height: int = _TITLE) -> Iterator[str]:
    """The lines of the element; its group ``#view`` has all that is drawn.

    Args:
        drawing: what is drawn.
        places: where.
        style: an element to begin with.
        title_height: px that are kept free for the title; 0 for no title.
    """
    title_width = columns(drawing.title) * CHARACTER if title_height else 0
    width = max(places.width, title_width) + 2 * _MARGIN
    height = places.height + 2 * _MARGIN + title_height
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        f' role="img" aria-label="{_attribute(drawing.title)}">'
    )
    if style:
        yield style
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path id="head" d="M0 0L8 4L0 8z"/></marker></defs>'
    )
    if title_height:
        yield f'<text x="{_MARGIN}" y="{_MARGIN}">{escape(drawing.title)}</text>'
    yield f'<g id="view"><g transform="translate({_MARGIN} {_MARGIN + title_height})">'
    for number, arc in enumerate(drawing.arcs):
        tail, head = places.boxes[arc.tail], places.boxes[arc.head]
        title = f"<title>{escape(arc.label)}</title>" if arc.label else ""
        yield f'<path class="arc" id="a{number}" d="{_way(tail, head)}" marker-end="url(#arrow)">{title}</path>'
    for vertex in drawing.vertices:
        yield _vertex(vertex, places.boxes[vertex.key])
    yield "</g></g>"
    yield "</svg>"


def _vertex(vertex: Vertex, box: Box) -> str:
    lines = [f'<text x="12" y="18">{escape(shortened(vertex.title, TITLE_COLUMNS))}</text>']
    if vertex.note:
        lines.append(f'<text class="note" x="12" y="34">{escape(shortened(vertex.note, TITLE_COLUMNS))}</text>')
    title = "\n".join(filter(None, (vertex.title, vertex.note)))
    radius = 12 if "file" in vertex.marks else 3
    return (
        f'<g class="{" ".join(["vertex", *sorted(vertex.marks)])}" id="{vertex.key}" tabindex="-1"'
        f' transform="translate({box.x:g} {box.y:g})"><title>{escape(title)}</title>'
        f'<rect width="{box.width:g}" height="{box.height:g}" rx="{radius}"/>{"".join(lines)}</g>'
    )


def _way(tail: Box, head: Box) -> str:
    """A curve from below one box to above the other."""
    x, y = tail.x + tail.width / 2, tail.y + tail.height
    to_x, to_y = head.x + head.width / 2, head.y
    bend = max((to_y - y) / 2, 20)
    return f"M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"


def _attribute(text: str) -> str:
    return escape(text, quote=True)
