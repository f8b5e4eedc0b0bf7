"""Identifiers have one form, made in one place."""

import polars as pl
import pytest

from transforms.commissions.identifiers import broker_num, group_id, group_key, is_invalid_group, plan_key, surrogate

TEXT = pl.col("text")


def read(expression: pl.Expr, *texts: str | None) -> list[object]:
    return pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(expression).to_series().to_list()


def test_a_broker_is_a_number_with_or_without_one_leading_p() -> None:
    assert read(broker_num(TEXT), "P12345", "12345", " P0007 ") == [12345, 12345, 7]
    assert read(broker_num(TEXT), "PP1", "1P1", "P", "NULL", "", None, "-1", "9" * 19) == [None] * 8


def test_a_group_keeps_its_letters_and_its_zeros() -> None:
    assert read(group_id(TEXT), "LA0059", "MS0059", " 00123 ") == ["GLA0059", "GMS0059", "G00123"]
    assert read(group_key(TEXT), "LA0059", " 00123 ", "NULL", "", None) == ["LA0059", "00123", None, None, None]


@pytest.mark.parametrize("text", ["12345", "G12345", "LA0146", "00000", "525B", "", None])
def test_the_prefix_of_a_group_is_put_before_it_once(text: str | None) -> None:
    (once,) = read(group_id(TEXT), text)
    assert read(group_id(TEXT), str(once)) == [once]
    assert str(once).count("G") == 1


@pytest.mark.parametrize("text", [None, "", "  ", "NULL", "0", "00000", "G0000", "G"])
def test_what_names_no_group_is_direct(text: str | None) -> None:
    assert read(is_invalid_group(TEXT), text) == [True]
    assert read(group_id(TEXT), text) == ["G00000"]


def test_a_plan_that_is_missing_in_any_way_is_any_plan() -> None:
    assert read(plan_key(TEXT), None, "", " ", "NULL", "N/A", " N/A ") == ["*"] * 6
    assert read(plan_key(TEXT), " B1 ", "NA") == ["B1", "NA"]


def test_a_surrogate_is_the_same_for_ever_and_whatever_stands_beside_it() -> None:
    texts = ["", "abc", "abcdefgh", "abcdefghi", None, "é", "x" * 100]
    known = [
        7070836379803831727,
        9059139616596808811,
        8679855946413563446,
        6643350042676732447,
        None,
        5671100788792118569,
        1487125491402069076,
    ]
    assert read(surrogate(TEXT), *texts) == known
    assert [read(surrogate(TEXT), text)[0] for text in texts] == known


def test_surrogates_of_many_similar_texts_differ() -> None:
    texts = pl.DataFrame({"text": [f"SCHEDULE{n % 999}|PRODUCT{n}|{n % 50}" for n in range(100_000)]})
    found = texts.select(surrogate(TEXT)).to_series()
    assert found.n_unique() == 100_000
    assert found.min() >= 0
