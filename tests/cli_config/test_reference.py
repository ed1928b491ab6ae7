"""The keys: each well-formed and documented, and the reference page in step with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.api.config import ConfigKey
from roar.api.errors import ConfigError
from roar.workspace.keys import KEYS
from roar.workspace.reference import documented, page
from roar.workspace.sizes import parse_size, size_words
from roar.workspace.values import in_toml, normal, parse_words, problem_with

_PAGE = Path(__file__).parents[2] / "docs" / "config.md"


@pytest.mark.requirement("PLUG-3")
def test_the_page_is_what_the_keys_say() -> None:
    assert _PAGE.read_text() == page(documented()), "run: python -m roar.workspace.reference > docs/config.md"


@pytest.mark.requirement("PLUG-3", "SAFE-4")
@pytest.mark.parametrize("key", documented(), ids=lambda key: key.name)
def test_every_key_is_documented_and_its_default_is_of_its_type(key: ConfigKey) -> None:
    assert key.doc.endswith(".")
    assert key.name.count(".") >= 1
    assert problem_with(key, key.default) is None
    assert normal(key, key.default) == key.default
    assert isinstance(key.default, key.type)


@pytest.mark.requirement("FILTER-1", "HASH-1")
def test_the_keys_that_people_know_are_there() -> None:
    known = {key.name: key.default for key in documented()}
    assert known["output.track_repo_files"] is True
    assert (known["hash.primary"], known["tracer.default"], known["hints.enabled"]) == ("blake3", "auto", True)
    assert {
        "filters.ignore_system_reads", "filters.ignore_package_reads", "filters.ignore_tmp_files", "filters.ignore_torch_cache",
        "output.quiet", "glaas.url", "glaas.web_url", "logging.level", "filters.include", "filters.exclude",
    } <= set(known)  # fmt: skip
    assert len(known) == len(documented())


@pytest.mark.requirement("RUN-8")
@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("4096", 4096), ("1K", 1024), ("1k", 1024), ("1 KiB", 1024), ("10MB", 10 << 20), ("1.5G", 3 << 29),
        ("2T", 2 << 40), ("1P", 1 << 50), ("7B", 7), (" 5m ", 5 << 20),
    ],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.requirement("RUN-8")
@pytest.mark.parametrize("text", ["", "M", "big", "-1", "1X", "1KM", "nan", "inf", "1e400G", "--5", "1 2", "0x10"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_size(text)


@pytest.mark.requirement("RUN-8")
@given(st.integers(0, 1 << 60))
def test_a_size_that_is_shown_can_be_typed(size: int) -> None:
    assert parse_size(size_words(size)) == size


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("output.quiet", "YES", True), ("output.quiet", "on", True), ("output.quiet", "1", True), ("output.quiet", "true", True),
        ("output.quiet", "0", False), ("output.quiet", "No", False), ("output.quiet", "OFF", False),
        ("output.quiet", "false", False), ("hash.threads", "12", 12), ("run.patch_limit", "10M", 10 << 20),
        ("run.patch_limit", "4096", 4096), ("hash.no_inputs_over", "1.5 GiB", "1.5 GiB"), ("hash.no_inputs_over", "", ""),
        ("hash.extra_outputs", "", []), ("hash.extra_outputs", "a, b", ["a", "b"]), ("logging.level", "debug", "debug"),
        ("tracer.default", "preload", "preload"),
    ],
)  # fmt: skip
def test_values_are_read_by_the_type_of_the_key(name: str, typed: str, value: object) -> None:
    key = _key(name)
    assert normal(key, parse_words(key, [typed])) == value


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        ("output.quiet", "maybe", "true or false"), ("hash.threads", "many", "whole number"), ("hash.threads", "-1", "0 or more"),
        ("hash.no_inputs_over", "big", "a size such as"), ("run.patch_limit", "-5M", "a size such as"),
        ("run.patch_limit", "", "a size such as"), ("run.patch_limit", "nan", "a size such as"),
        ("logging.level", "loud", "one of debug, info, warning, error"), ("hash.extra_inputs", "[1, 2]", "list of texts"),
        ("hash.extra_inputs", "[md5", "list of texts"), ("hash.threads", "1.5", "whole number"),
    ],
)  # fmt: skip
def test_other_values_are_refused_with_what_is_expected(name: str, typed: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_words(_key(name), [typed])
    assert name in caught.value.message
    assert expected in caught.value.message
    assert f"roar config set {name} " in str(caught.value.fix)


@pytest.mark.requirement("SAFE-4")
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=10), max_size=4))
def test_lists_that_are_shown_can_be_typed(items: list[str]) -> None:
    assert parse_words(_key("env.allow"), [in_toml(items)]) == items
    assert in_toml(items).isascii()


def _key(name: str) -> ConfigKey:
    return next(key for key in KEYS if key.name == name)
