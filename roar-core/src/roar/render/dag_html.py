"""A drawing as one HTML page that needs nothing else: pan, zoom, search, details, keyboard.

Names and commands come from files that anyone may have named.  They are in the page as text of elements and as JSON of which
no character can end the element that holds it; the page's own policy lets no script run but ours, which is named by its
digest, and nothing be fetched (https://www.w3.org/TR/CSP3/).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from importlib.resources import files

from roar.render.dag_drawing import Drawing
from roar.render.dag_layout import layout
from roar.render.dag_svg import STYLE, svg_element
from roar.render.text import plural


def page(drawing: Drawing) -> Iterator[str]:
    """The lines of the page."""
    assets = files("roar.render") / "page"
    script = (assets / "graph.js").read_text(encoding="utf-8")
    style = STYLE + (assets / "graph.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)};"
        " base-uri 'none'; form-action 'none'"
    )
    steps = sum(1 for vertex in drawing.vertices if "step" in vertex.marks)
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=True)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{escape(drawing.title)}</title>"
    yield f"<style>{style}</style>"
    yield "</head>"
    yield "<body>"
    yield f"<header><h1>{escape(drawing.title)}</h1><span>{plural(steps, 'step')}</span>"
    yield '<input id="search" type="search" placeholder="Search: / or f" aria-label="Search steps and files" autocomplete="off">'
    yield '<output id="hits" aria-live="polite"></output>'
    for name, text, about in _BUTTONS:
        yield f'<button id="{name}" type="button" title="{about}" aria-label="{about}">{text}</button>'
    yield "</header>"
    yield '<main id="stage" tabindex="0" aria-label="Graph: arrow keys move it, plus and minus zoom, Tab goes through it">'
    yield from svg_element(drawing, layout(drawing), title_height=0)
    yield "</main>"
    yield '<aside id="details" aria-label="Details" hidden></aside>'
    yield f'<script type="application/json" id="data">{_data(drawing)}</script>'
    yield f"<script>{script}</script>"
    yield "</body>"
    yield "</html>"


_BUTTONS = (("in", "+", "Zoom in (+)"), ("out", "−", "Zoom out (-)"), ("fit", "Fit", "Show all (0)"))


def _data(drawing: Drawing) -> str:
    value = {
        "vertices": [
            {"key": one.key, "title": one.title, "note": one.note, "details": [list(pair) for pair in one.details]}
            for one in drawing.vertices
        ],
        "arcs": [[arc.tail, arc.head, arc.label] for arc in drawing.arcs],
    }
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
