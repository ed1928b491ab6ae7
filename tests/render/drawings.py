"""Drawings for tests."""

from __future__ import annotations

from roar.render.dag_drawing import Arc, Drawing, Vertex

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=1">',
    "<!-- ]]> --> <![CDATA[",
    "&lt;b&gt; &amp; &#60;",
    "'; DROP TABLE job; -- \\\" \\n \\N \\G",
    "javascript:alert(1) %s ${x} `x` {{y}}",
    "#quot; #60; end subgraph x; click n1 --> style n1 fill:#f00;",
    "rtl \\u202e \\x1b[31m é 模型 \\xff",
    "",
    "  spaces  ",
    "</script x",
    "<!--<script ",
)
"""Texts as `printable` leaves them, that would mean something to one language or another."""


def vertex(number: int, title: str | None = None, note: str = "", *marks: str, **changes: object) -> Vertex:
    made = Vertex(f"s{number}", f"@{number} work" if title is None else title, note, frozenset({"step", *marks}), 0)
    return made._replace(**changes)  # type: ignore[arg-type]


def hostile() -> Drawing:
    """Every hostile text everywhere."""
    vertices = [
        vertex(number, text, text, "stale", details=(("Command", text), ("Inputs (1)", f"{text}\n{text}")))
        for number, text in enumerate(HOSTILE, 1)
    ]
    arcs = [Arc(f"s{number}", f"s{number + 1}", text) for number, text in enumerate(HOSTILE[:-1], 1)]
    return Drawing(HOSTILE[0], tuple(vertices), tuple(arcs), {})


def fan(width: int) -> Drawing:
    """One step, after it many alike, after each of them another, and one that takes them all."""
    last = 2 * width + 2
    kin = {"shape": ("work",), "kin": "work #"}
    vertices = [vertex(1, "@1 split")]
    vertices += [vertex(n, f"@{n} work {n}", ref=f"@{n}", **kin) for n in range(2, 2 * width + 2)]
    vertices.append(vertex(last, f"@{last} merge"))
    arcs = [Arc("s1", f"s{n}", "part") for n in range(2, width + 2)]
    arcs += [Arc(f"s{n}", f"s{n + width}", "part") for n in range(2, width + 2)]
    arcs += [Arc(f"s{n + width}", f"s{last}", "part") for n in range(2, width + 2)]
    return Drawing("fan", tuple(vertices), tuple(arcs), {})
