"""Writes docs/hooks.md from the docstrings of `roar.api.hookspecs`:  python docs/generate_hooks.py"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from roar.api import hookspecs
from roar.plugins.contract import CONFIG_HOOK, OBSERVER_HOOKS, REGISTRATION

PAGE = Path(__file__).with_name("hooks.md")
_NOTE = "<!-- Made by docs/generate_hooks.py from roar.api.hookspecs; change it there. -->"
_INTERFACES = {
    "roar_tracers": "roar.api.tracer",
    "roar_filters": "roar.api.filters",
    "roar_hashers": "roar.api.hashers",
    "roar_storages": "roar.api.storage",
    "roar_config_keys": "roar.api.config",
}
_TUTORIALS = {
    "roar_tracers": "[Writing a tracer](writing-a-tracer.md)",
    "roar_filters": "[Writing a filter or a hasher](writing-a-filter-or-hasher.md)",
    "roar_hashers": "[Writing a filter or a hasher](writing-a-filter-or-hasher.md)",
}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    title, _, about = inspect.cleandoc(hookspecs.__doc__ or "").partition("\n\n")
    yield from ("# Hooks", "", _NOTE, "", title, "", *_markdown(about))
    yield from (
        "## What registers something",
        "",
        "One hook a kind; each kind has an entry-point group of its own.",
        "",
    )
    for hook in REGISTRATION.values():
        yield from _hook(hook)
    yield from _hook(CONFIG_HOOK)
    yield from ("## What watches and decides about runs", "", "All in group `roar.observers`.", "")
    for hook in OBSERVER_HOOKS:
        yield from _hook(hook)
    yield from (
        "## Looking at what happens",
        "",
        "- `roar plugins` lists what is installed: version, kinds, API version, state with the reason, and what loading it took.",
        "- `ROAR_TRACE_HOOKS=1` prints every call of a hook with its arguments, its answer and its time on stderr.",
        "- `ROAR_PLUGINS=a,b` loads only the plugins of these distributions, and roar's own.",
        "- `roar.testing` has the conformance kit: `TracerContract`, `CaptureContract`, `FilterContract`, `HasherContract`, "
        "`StorageContract`.",
    )


def _hook(name: str) -> Iterator[str]:
    function: Callable[..., Any] = getattr(hookspecs, name)
    signature = str(inspect.signature(function)).replace("'", "")
    text = inspect.getdoc(function) or ""
    prose, _, fields = text.partition("\n\n:")
    yield from (f"### {name}", "", "```python", f"def {name}{signature}", "```", "")
    yield from _markdown(prose)
    yield from _fields(":" + fields if fields else "")
    if name in _INTERFACES:
        yield f"The interface, with its documentation: `{_INTERFACES[name]}`."
    if name in _TUTORIALS:
        yield f"Tutorial: {_TUTORIALS[name]}."
    if name in _INTERFACES:
        yield ""


def _fields(text: str) -> Iterator[str]:
    for field in re.split(r"\n(?=:)", text):
        match = re.fullmatch(r":(param|return|raises)(?: (\w+))?: (.*)", " ".join(field.split()))
        if match:
            kind, name, meaning = match.groups()
            label = f"`{name}`" if name else "returns"
            yield f"- {'raises ' if kind == 'raises' else ''}{label}: {_inline(meaning)}"
    yield ""


def _markdown(text: str) -> Iterator[str]:
    """reStructuredText, as far as the docstrings use it: paragraphs, and indented code after ``::``."""
    for block in re.split(r"\n\n(?=\S)", text):
        before, colons, code = block.partition("::\n\n")
        yield from (_inline(before) + (":" if colons else ""), "")
        if colons:
            yield from ("```python", textwrap.dedent(code).strip(), "```", "")


def _inline(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page())
