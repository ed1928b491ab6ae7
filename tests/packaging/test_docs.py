"""The documentation: its links lead somewhere and its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_builds import ROOT

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "roar-*/*.md", "examples/**/*.md", "bench/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def _anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    titles = re.findall(r"^#+ +(.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _links(page: Path) -> Iterator[str]:
    yield from _LINK.findall(_FENCE.sub("", page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text())):
            broken.append(link)

    assert not broken


def test_every_page_of_the_documentation_can_be_reached_from_its_index() -> None:
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in _links(ROOT / "docs/index.md")}

    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"} <= {path.name for path in linked}


@pytest.mark.requirement("TRC-1")
def test_the_table_of_tracers_says_what_the_tracers_say_of_themselves() -> None:
    from roar.api.tracer import Capability
    from roar.plugins import Plugins

    page = (ROOT / "docs/how-to-choose-a-tracer.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    tracers = {name: tracer for name, tracer in Plugins().tracers().items() if name in rows[0]}
    said = {"rank": [str(tracer.rank) for tracer in tracers.values()]}
    said |= {
        str(one): ["yes" if one in tracer.capabilities else "no" for tracer in tracers.values()] for one in Capability
    }

    found = {name: cells for name, *cells in rows if name in said}
    assert rows[0] == ["", *tracers]
    assert found.keys() == said.keys()
    for name, cells in found.items():
        for cell, truth in zip(cells, said[name], strict=True):
            assert cell == truth or cell.startswith(("as root", "from Linux")), name  # else it depends on the machine


def _typed(page: Path) -> Iterator[list[str]]:
    """The roar command lines of a page's blocks, as words."""
    text = page.read_text().replace("\\\n", " ")
    for line in re.findall(r"^ *(?:\$ )?(roar [^|>&;\n'\"]*)", "\n".join(_blocks(text)), re.MULTILINE):
        yield shlex.split(line, comments=True)


def _blocks(text: str) -> Iterator[str]:
    for match in re.finditer(r"^( *)```[^\n]*\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL):
        yield match[2]
    yield from re.findall(r"^    (.+)$", _FENCE.sub("", text), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_the_documentation_exist(page: Path) -> None:
    from click import Context, Group

    from roar.cli.main import group
    from roar.context import Context as RoarContext

    unknown = []
    for _, *words in _typed(page):
        if not words or words[0].startswith("-") or words[0].isupper():
            continue
        context = Context(group, obj=RoarContext(ROOT))
        command = group.get_command(context, words[0])
        if isinstance(command, Group) and len(words) > 1 and not words[1].startswith("-"):
            command = command.get_command(context, words[1])
        options = {name for parameter in command.params for name in parameter.opts} if command else set()
        given = [word.partition("=")[0] for word in words[1:] if word.startswith("--") and word != "--"]
        if command is None or (words[0] not in ("run", "build") and set(given) - options - {"--help"}):
            unknown.append(" ".join(words))

    assert not unknown


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rules = (ROOT / "Makefile").read_text()
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", rules, re.MULTILINE) for name in line.split()}

    assert {line.split()[1] for line in done.stdout.splitlines()} == phony
    assert {"demo", "test", "check", "bench", "dist", "kill-test", "coverage-of-spec", "clean"} <= phony
    assert all(len(line.split()) > 2 for line in done.stdout.splitlines())
