"""How names, sizes and times are printed."""

from __future__ import annotations

import os
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.render.text import (
    columns,
    command_text,
    duration_text,
    iso_time,
    plural,
    printable,
    shortened,
    shown_path,
    size_text,
)


@pytest.mark.requirement("SAFE-3")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain name.txt", "plain name.txt"),
        (b"new\nline", r"new\nline"),
        (b"\x1b[31mred", r"\x1b[31mred"),
        (b"bell\x07", r"bell\x07"),
        (b"caf\xc3\xa9", "café"),
        (b"latin\xe9", r"latin\xe9"),
        (b"c1\xc2\x9b31m", r"c1\x9b31m"),
        ("rtl\u202egnp.exe".encode(), r"rtl\u202egnp.exe"),
        ("zero\u200bwidth".encode(), r"zero\u200bwidth"),
        ("日本".encode(), "日本"),
        ("tag\U000e0041".encode(), r"tag\U000e0041"),
    ],
)
def test_a_name_is_shown_harmlessly(name: bytes, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.requirement("SAFE-3")
@given(st.binary())
def test_whatever_is_shown_can_be_printed_on_one_line(name: bytes) -> None:
    shown = printable(name)
    assert shown.isprintable() or "\u3000" in shown
    shown.encode()


@pytest.mark.requirement("SAFE-3")
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), min_size=1))
def test_a_printable_command_can_be_pasted_into_a_shell(words: list[str]) -> None:
    assert shlex.split(command_text(words)) == words


def test_a_word_with_odd_characters_is_shown_as_the_shell_writes_it() -> None:
    assert command_text(["echo", "a\nb", "it's"]) == """echo $'a\\nb' 'it'"'"'s'"""


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (None, "?"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (9_951, "10 kB"),
        (999_499, "999 kB"), (999_500, "1.0 MB"), (2**40, "1.1 TB"), (2**63 - 1, "9.2 EB"),
    ],
)  # fmt: skip
def test_sizes_have_two_or_three_figures(size: int | None, shown: str) -> None:
    assert size_text(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 ms"), (0.0004, "0 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (9.94, "9.9 s"), (9.96, "10 s"),
        (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min"), (90_000, "1 d 1 h"),
    ],
)  # fmt: skip
def test_durations_are_short_and_never_negative(seconds: float, shown: str) -> None:
    assert duration_text(seconds) == shown


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_any_moment_has_a_text(moment_ns: int) -> None:
    assert iso_time(moment_ns).endswith("Z")


def test_a_moment_is_given_in_utc_to_the_microsecond() -> None:
    assert iso_time(1_800_000_000_123_456_789) == "2027-01-15T08:00:00.123456Z"


@pytest.mark.parametrize(
    ("path", "cwd", "shown"),
    [
        (b"/w/data/x", b"/w", "data/x"),
        (b"/w/data/x", b"/w/src", "../data/x"),
        (b"/other/x", b"/w", "/other/x"),
        (b"/w/x", b"/elsewhere", "/w/x"),
        (b"/w2/x", b"/w", "/w2/x"),
    ],
)
def test_paths_in_the_workspace_are_relative_to_where_the_user_is(path: bytes, cwd: bytes, shown: str) -> None:
    assert shown_path(path, b"/w", cwd) == shown


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    assert columns(shortened(text, width)) <= width


def test_wide_characters_count_as_two_columns() -> None:
    assert columns("日本") == 4
    assert shortened("日本語", 5) == "日本…"


def test_counts_agree_with_their_nouns() -> None:
    assert [plural(n, "input") for n in (0, 1, 12_345)] == ["0 inputs", "1 input", "12 345 inputs"]


@pytest.mark.requirement("SAFE-3")
def test_the_printed_name_is_the_same_for_bytes_and_decoded_text() -> None:
    assert printable(b"x\xff") == printable(os.fsdecode(b"x\xff")) == r"x\xff"
