"""Graphs drawn as trees."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.render.tree import FOLD_OVER, Node, Strokes, draw

Graph = dict[int, list[int]]


def drawn(parents: Graph, fold: bool = True, shape: str = "same") -> list[Node]:
    return list(draw(parents, lambda node: shape or node, Strokes(), fold))


def picture(parents: Graph) -> list[str]:
    return [f"{node.prefix}{','.join(map(str, node.members))}" for node in draw(parents, lambda node: node, Strokes())]


@pytest.mark.requirement("SHOW-5")
def test_each_node_hangs_below_the_last_of_its_parents() -> None:
    assert picture({1: [], 2: [1], 3: [2], 4: [1, 2], 5: []}) == ["1", "└─ 2", "   ├─ 3", "   └─ 4", "5"]


@pytest.mark.requirement("SHOW-5")
def test_bars_join_siblings_across_a_subtree() -> None:
    assert picture({1: [], 2: [1], 3: [2], 4: [1]}) == ["1", "├─ 2", "│  └─ 3", "└─ 4"]


@pytest.mark.requirement("SHOW-5")
def test_a_long_chain_does_not_march_off_the_screen() -> None:
    chain: Graph = {number: [number - 1] if number > 1 else [] for number in range(1, 201)}
    assert max(len(node.prefix) for node in drawn(chain)) < 60
    assert len(drawn(chain)) == 200


@pytest.mark.requirement("SHOW-5")
def test_a_wide_fan_out_and_what_follows_each_are_folded() -> None:
    fan: Graph = {1: []}
    for number in range(2, 102):
        fan[number] = [1]
    for number in range(102, 202):
        fan[number] = [number - 100]
    nodes = drawn(fan)
    assert len(nodes) < 12
    assert [len(node.members) for node in nodes if node.folded] == [97]


@pytest.mark.requirement("SHOW-5")
def test_siblings_up_to_the_limit_are_all_drawn() -> None:
    fan: Graph = {1: []} | {number: [1] for number in range(2, FOLD_OVER + 2)}
    assert not any(node.folded for node in drawn(fan))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(min_value=0, max_value=40))
    chance = random.Random(draw(st.integers(0, 2**20)))
    return {node: sorted(chance.sample(range(node), min(node, chance.randrange(4)))) for node in range(size)}


@pytest.mark.requirement("SHOW-5")
@given(graphs())
def test_every_node_is_drawn_once_when_nothing_is_folded(parents: Graph) -> None:
    assert sorted(node.members[0] for node in drawn(parents, fold=False)) == sorted(parents)


@pytest.mark.requirement("SHOW-5")
@given(graphs())
def test_drawing_again_gives_the_same(parents: Graph) -> None:
    assert drawn(parents) == drawn(parents)
