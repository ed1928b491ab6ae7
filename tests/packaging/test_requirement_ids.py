"""The list of requirements: what `make coverage-of-spec` reads."""

from __future__ import annotations

import coverage_of_spec
import pytest

REQUIREMENTS = coverage_of_spec.requirements(coverage_of_spec.LIST.read_text())


def test_each_requirement_is_listed_once_and_in_words() -> None:
    ids = [one.id for one in REQUIREMENTS]

    assert len(ids) == len(set(ids))
    assert all(one.words for one in REQUIREMENTS)


def test_tests_name_requirements_that_exist() -> None:
    known = {one.id for one in REQUIREMENTS}

    for path in coverage_of_spec.TESTS.rglob("test_*.py"):
        assert set(coverage_of_spec.named_in(path.read_text())) <= known, path.name


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        ('@pytest.mark.requirement("A-1", "B-2")\ndef test(): pass', ["A-1", "B-2"]),
        ('pytestmark = pytest.mark.requirement("A-1")', ["A-1"]),
        ('pytest.param(1, marks=pytest.mark.requirement("A-1"))', ["A-1"]),
        ('"requirement(A-1)"  # requirement("A-2")', []),
    ],
)
def test_ids_are_found_where_tests_name_them(source: str, ids: list[str]) -> None:
    assert list(coverage_of_spec.named_in(source)) == ids
