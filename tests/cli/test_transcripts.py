"""The golden transcripts of this directory, played with the real `roar`; ``pytest tests/cli --update-transcripts`` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.transcript import Exchange, dump, parse, play

HERE = Path(__file__).parent
IDS = {
    "first_lineage": ("INIT-1", "INIT-2", "RUN-4", "SHOW-1", "SHOW-4", "SHOW-5", "SHOW-6"),
    "errors": ("INIT-3", "INIT-4", "RUN-3", "SAFE-4", "SHOW-2"),
    "stale": ("SHOW-3", "SHOW-5", "DIRTY-1", "SHOW-6"),
    "lineage": ("SHOW-3", "SHOW-5", "SHOW-6"),
    "odd_names": ("SAFE-3",),
    "organise": ("SHOW-6", "SAFE-4", "REG-6"),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.requirement(*ids)) for name, ids in IDS.items()],
)
def test_a_session_goes_as_written_down(
    name: str, make_workspace: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    file = HERE / f"{name}.console"
    written = file.read_text()
    workspace = make_workspace(init=False)
    workspace.prefer("preload")
    played = dump(play(parse(written), workspace.root, workspace.env))
    if request.config.getoption("--update-transcripts", default=False):
        file.write_text(played)
    assert played == written


def test_every_transcript_is_played() -> None:
    assert {file.stem for file in HERE.glob("*.console")} == set(IDS)


def test_a_transcript_is_the_same_after_reading_and_writing_it() -> None:
    exchanges = [Exchange("# first", "roar log", "a\n\nb", 0), Exchange("", "false", "", 1)]
    assert parse(dump(exchanges)) == exchanges
