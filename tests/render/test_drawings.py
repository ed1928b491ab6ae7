"""Graphs as Mermaid, for Graphviz, and as SVG: read again by who is to read them."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render.drawings import HOSTILE, fan, hostile, vertex

from roar.render.dag_dot import dot
from roar.render.dag_drawing import Arc, Drawing, folded, in_order
from roar.render.dag_layout import layout
from roar.render.dag_mermaid import mermaid
from roar.render.dag_svg import svg
from roar.render.text import printable

SVG = "{http://www.w3.org/2000/svg}"
_NODE = re.compile(r'  (n\d+)(?:\["([^"]*)"\]|\[\["([^"]*)"\]\]|\(\["([^"]*)"\]\))')
_ARC = re.compile(r'  n\d+ -->(?:\|"[^"]*"\|)? n\d+')


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    size = draw(st.integers(1, 30))
    texts = st.text(max_size=20).map(printable)
    marks = st.sampled_from(["stale", "failed", "missing", "changed", "file", "group"])
    vertices = tuple(
        vertex(number, draw(texts), draw(texts), *draw(st.lists(marks, max_size=2)), session=draw(st.integers(0, 2)))
        for number in range(size)
    )
    ends = st.integers(0, size - 1)
    arcs = draw(st.lists(st.tuples(ends, ends, texts), max_size=40, unique_by=lambda arc: arc[:2]))
    sessions = draw(st.sampled_from([{}, {1: "Session 1 'a'", 2: 'Session 2 "b" <&>'}]))
    return Drawing(draw(texts), vertices, tuple(Arc(f"s{a}", f"s{b}", label) for a, b, label in arcs), sessions)


def graphviz(drawing: Drawing) -> dict[str, object]:
    """What Graphviz itself reads in a graph."""
    text = "\n".join(dot(drawing))
    done = subprocess.run(["dot", "-Tdot_json"], input=text.encode(), capture_output=True, check=False, timeout=300)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr.decode() + text
    read: dict[str, object] = json.loads(done.stdout)
    return read


@pytest.mark.requirement("SHOW-5", "SAFE-3")
def test_graphviz_reads_what_is_written_for_it() -> None:
    read = graphviz(hostile())
    nodes = [node for node in read["objects"] if "nodes" not in node]  # type: ignore[attr-defined]
    assert len(nodes) == len(HOSTILE) and len(read["edges"]) == len(HOSTILE) - 1  # type: ignore[arg-type]
    labels = [node["label"] for node in nodes]
    # what Graphviz keeps of a label is what it draws but for its own two escapes
    assert [label.replace("\\\\", "\\").replace("&amp;", "&").partition("\\n")[0] for label in labels[:4]] == list(
        HOSTILE[:4]
    )


@pytest.mark.requirement("SHOW-5")
@settings(max_examples=12)
@given(drawings())
def test_graphviz_reads_any_graph(drawing: Drawing) -> None:
    read = graphviz(drawing)
    assert len(read.get("edges", ())) == len(drawing.arcs)  # type: ignore[arg-type]


@pytest.mark.requirement("SHOW-5", "SAFE-3")
@given(drawings())
def test_a_chart_of_mermaid_has_nothing_but_nodes_arcs_and_classes(drawing: Drawing) -> None:
    head, *lines = mermaid(drawing)
    assert head == "flowchart TD"
    nodes = [match for line in lines if (match := _NODE.fullmatch(line))]
    arcs = [line for line in lines if _ARC.fullmatch(line)]
    others = [line for line in lines if not _NODE.fullmatch(line) and not _ARC.fullmatch(line)]
    assert (len(nodes), len(arcs)) == (len(drawing.vertices), len(drawing.arcs))
    assert all(
        re.fullmatch(r'  (subgraph session\d+\["[^"]*"\]|end|classDef [a-z]+ [-#:,a-z0-9]+|class [n0-9,]+ [a-z]+)', one)
        for one in others
    )
    for line in lines:
        for quoted in re.findall(r'"([^"]*)"', line):
            assert re.fullmatch(r"(?:[A-Za-z0-9 .,/_=+@-]|[^\x00-\x7f]|#\d+;|<br/>)*", quoted)


@pytest.mark.requirement("SHOW-5", "SAFE-3")
def test_what_is_drawn_by_mermaid_is_the_text() -> None:
    lines = "\n".join(mermaid(hostile()))
    texts = [text for match in _NODE.finditer(lines) for text in match.groups()[1:] if text is not None]
    shown = [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text.partition("<br/>")[0]) for text in texts]
    assert shown[:8] == list(HOSTILE[:8])


@pytest.mark.requirement("SHOW-5", "SAFE-3")
@given(drawings())
def test_any_picture_is_xml(drawing: Drawing) -> None:
    root = ElementTree.fromstring("\n".join(svg(drawing)).encode())
    assert root.tag == f"{SVG}svg"
    assert len([one for one in root.iter(f"{SVG}rect")]) == len(drawing.vertices)
    assert len([one for one in root.iter(f"{SVG}path") if one.get("class") == "arc"]) == len(drawing.arcs)


@pytest.mark.requirement("SHOW-5", "SAFE-3")
def test_a_picture_has_the_texts_and_no_element_of_theirs() -> None:
    root = ElementTree.fromstring("\n".join(svg(hostile())).encode())
    titles = [one.findtext(f"{SVG}title") for one in root.iter(f"{SVG}g") if "vertex" in (one.get("class") or "")]
    assert [(title or "").partition("\n")[0] for title in titles] == list(HOSTILE)
    tags = {one.tag.removeprefix(SVG) for one in root.iter()}
    assert tags == {"svg", "style", "defs", "marker", "path", "text", "g", "title", "rect"}
    assert not [key for one in root.iter() for key in one.attrib if key.startswith("on") or key in ("style", "href")]


@pytest.mark.requirement("SHOW-5")
@given(drawings())
def test_no_two_boxes_overlap(drawing: Drawing) -> None:
    boxes = list(layout(drawing).boxes.values())
    assert len(boxes) == len(drawing.vertices)
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart_x or one.y + one.height <= other.y or other.y + other.height <= one.y


@pytest.mark.requirement("SHOW-5")
@given(drawings())
def test_each_vertex_comes_once_and_after_those_that_it_comes_from(drawing: Drawing) -> None:
    order = [one.key for one in in_order(drawing)]
    assert sorted(order) == sorted(one.key for one in drawing.vertices)
    forwards = tuple(arc for arc in drawing.arcs if int(arc.tail[1:]) < int(arc.head[1:]))  # no circle
    place = {one.key: number for number, one in enumerate(in_order(drawing._replace(arcs=forwards)))}
    assert all(place[arc.tail] < place[arc.head] for arc in forwards)


@pytest.mark.requirement("SHOW-5")
@given(drawings())
def test_drawing_again_gives_the_same(drawing: Drawing) -> None:
    assert list(svg(drawing)) == list(svg(drawing))


@pytest.mark.requirement("SHOW-5")
def test_a_fan_out_and_the_fan_in_after_it_are_one_vertex_each() -> None:
    small = folded(fan(99))
    assert [one.title for one in small.vertices] == [
        "@1 split",
        "99 × work #: @2-@100",
        "99 × work #: @101-@199",
        "@200 merge",
    ]
    assert [(arc.tail, arc.head, arc.label) for arc in small.arcs] == [
        ("s1", "g1", "99 links"),
        ("g1", "g2", "99 links"),
        ("g2", "s200", "99 links"),
    ]
    assert folded(fan(8)) == fan(8)


@pytest.mark.requirement("SHOW-5")
def test_a_stale_one_is_not_folded_away() -> None:
    drawing = fan(30)
    changed = tuple(one._replace(marks=one.marks | {"stale"}) if one.key == "s7" else one for one in drawing.vertices)
    assert "s7" in {one.key for one in folded(drawing._replace(vertices=changed)).vertices}


@pytest.mark.requirement("SHOW-5")
def test_thousands_of_alike_steps_stay_a_block() -> None:
    placed = layout(fan(1000))
    assert placed.width < 4 * placed.height and placed.height < 4 * placed.width
