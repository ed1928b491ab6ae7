"""How statements are put to PostgreSQL."""

from __future__ import annotations

from roar.store.postgresql_engine import _with_arrays


def test_a_list_of_any_length_is_one_array() -> None:
    asked = "SELECT a FROM t WHERE a = ? AND b IN (?,?,?) AND c IN (?) AND d IN (?,?) LIMIT ?"
    text, values = _with_arrays(asked, range(8))
    assert text == b"SELECT a FROM t WHERE a = %s AND b = ANY(%s) AND c IN (%s) AND d = ANY(%s) LIMIT %s"
    assert values == [0, [1, 2, 3], 4, [5, 6], 7]


def test_without_a_list_nothing_is_changed_but_the_placeholders() -> None:
    assert _with_arrays("SELECT ? IN (SELECT 1)", (1,)) == (b"SELECT %s IN (SELECT 1)", (1,))
