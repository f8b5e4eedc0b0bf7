"""Keys are made of all that they are said to be made of; a line that stands for several is one of them, whole."""

import dataframely as dy
import polars as pl
import pytest

from firn import ContractError
from transforms.commissions.choices import choose, commonest, counted
from transforms.commissions.keys import keyed, natural_key


class Things(dy.Schema):
    id = dy.Int64(primary_key=True)
    name = dy.String(nullable=True)


def test_a_table_has_the_columns_of_its_contract_and_the_order_of_its_keys() -> None:
    rows = pl.DataFrame({"other": [0, 0], "name": ["b", None], "id": [2, 1]})
    assert keyed("things", rows, Things).rows() == [(1, None), (2, "b")]


def test_two_rows_with_one_key_are_refused_with_both() -> None:
    rows = pl.DataFrame({"id": [1, 2, 1], "name": ["a", "b", "c"]})
    with pytest.raises(ContractError, match="Table things: 2 rows share their key") as caught:
        keyed("things", rows, Things)
    assert "'a'" in str(caught.value)
    assert "'c'" in str(caught.value)


def test_a_natural_key_differs_wherever_a_column_does() -> None:
    rows = pl.DataFrame({"a": ["x", "x-y", None, "x"], "b": ["y-z", "z", "x", None]})
    assert rows.select(natural_key("a", "b")).to_series().n_unique() == 4


def test_what_is_not_chosen_is_told_and_its_place_decides_only_among_equals() -> None:
    lines = pl.DataFrame({"line": [2, 3, 4, 5], "key": [1, 1, 1, None], "value": ["b", "a", "a", "c"]})
    chosen = choose(lines, ["key"])
    assert chosen.kept.sort("line").rows() == [(3, 1, "a"), (5, None, "c")]
    assert sorted(chosen.others["line"]) == [2, 4]


def test_lines_without_a_key_are_one_key() -> None:
    lines = pl.DataFrame({"line": [2, 3], "key": [None, None], "value": ["b", "a"]}, schema_overrides={"key": pl.Int64})
    assert choose(lines, ["key"]).kept["value"].to_list() == ["a"]


def test_the_commonest_is_by_all_columns_together() -> None:
    lines = pl.DataFrame({"key": [1] * 5, "a": ["x", "x", "y", "y", "z"], "b": ["1", "2", "3", "3", "1"]})
    assert commonest(counted(lines, ["key", "a", "b"]), ["key"]).rows() == [(1, "y", "3")]
