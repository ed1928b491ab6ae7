"""The pages about plugins say what is so: generated ones are fresh, and their code is the code that is tested."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from roar.plugins.contract import HOOKS

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"

pytestmark = pytest.mark.requirement("PLUG-1", "PLUG-4")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def test_the_page_of_the_hooks_is_fresh() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import generate_hooks; print(generate_hooks.page(), end='')"
    done = subprocess.run([sys.executable, "-c", code, str(DOCS)], capture_output=True, text=True, check=True)
    assert (DOCS / "hooks.md").read_text() == done.stdout, "run: python docs/generate_hooks.py"


def test_the_page_of_the_hooks_has_every_hook() -> None:
    titles = re.findall(r"^### (roar_\w+)$", (DOCS / "hooks.md").read_text(), re.MULTILINE)
    assert set(titles) == HOOKS and len(titles) == len(HOOKS)


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_is_implemented_somewhere_in_the_tests_or_examples(hook: str) -> None:
    sources = [*(TOP / "tests").rglob("*.py"), *(TOP / "examples").rglob("*.py")]
    pattern = re.compile(rf"def {hook}\(|hook\(\s*\"{hook}\"")
    assert any(pattern.search(source.read_text()) for source in sources if source != Path(__file__))


@pytest.mark.parametrize(
    ("page", "examples"),
    [("writing-a-tracer.md", ["tracer-strace"]), ("writing-a-filter-or-hasher.md", ["filter-locks", "hasher-crc32"])],
)
def test_the_code_of_the_tutorials_is_the_examples_code(page: str, examples: list[str]) -> None:
    shown = blocks(page)
    for example in examples:
        for file in [TOP / "examples" / example / "pyproject.toml", *(TOP / "examples" / example / "src").glob("*.py")]:
            assert file.read_text() in shown, file


@pytest.mark.parametrize("page", ["writing-a-tracer.md", "writing-a-filter-or-hasher.md", "hooks.md"])
def test_the_rest_of_the_code_can_be_read_and_uses_names_that_exist(page: str) -> None:
    import roar.api
    import roar.testing

    for block in blocks(page):
        if not block.startswith(("from ", "import ")):
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module in ("roar.api", "roar.testing"):
                module = roar.api if node.module == "roar.api" else roar.testing
                assert all(hasattr(module, alias.name) for alias in node.names)


def test_the_tutorials_tests_are_the_ones_that_are_run() -> None:
    run = (TOP / "tests/examples/test_examples.py").read_text()
    for name in ("Crc32", "LockFiles", "Strace"):
        assert name in run
