"""Lists the requirements that no test names: ``python tests/coverage_of_spec.py``, or ``make coverage-of-spec``.

Reads the tests' sources, not a run of them: every ``pytest.mark.requirement("ID", …)``, as a decorator, in ``pytestmark``
or in the marks of a parameter, counts.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
LIST = TESTS / "requirement-ids.txt"


class Requirement(NamedTuple):
    """A line of the list."""

    id: str
    words: str
    later: bool


def requirements(text: str) -> list[Requirement]:
    """The lines of the list: ``ID what it says``, comments from #, and [later] before those of later issues."""
    found = []
    later = False
    for line in text.splitlines():
        if line == "[later]":
            later = True
        elif line.strip() and not line.startswith("#"):
            name, _, words = line.partition(" ")
            found.append(Requirement(name, words, later))
    return found


def named_in(source: str) -> Iterator[str]:
    """The ids that a test module names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def main() -> int:
    """Prints the report; 1 when a requirement of this issue has no test, or a test names one that doesn't exist."""
    known = requirements(LIST.read_text())
    count: dict[str, int] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in named_in(path.read_text()):
            count[name] = count.get(name, 0) + 1
    missing = [one for one in known if not one.later and one.id not in count]
    later = [one for one in known if one.later and one.id not in count]
    unknown = sorted(set(count) - {one.id for one in known})
    for one in missing:
        print(f"{one.id:9} {one.words}")
    for one in later:
        print(f"{one.id:9} later: {one.words}")
    for name in unknown:
        print(f"{name:9} named by a test, and not in {LIST.name}")
    print(
        f"{len(known)} requirements: {len(known) - len(missing) - len(later)} shown, {len(missing)} not, {len(later)} later"
    )
    return 1 if missing or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
