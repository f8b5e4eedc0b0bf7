"""What is unusual about published tables is told, from the figure on that makes it so."""

import polars as pl
import pytest

from transforms.commissions.remarks import remarks

Frames = dict[str, pl.DataFrame]


def tables(
    *,
    named: int = 1000,
    generic: int = 0,
    primary: int = 1000,
    linked: int = 100,
    schedules: int = 500,
) -> Frames:
    """Tables as unusual as is said; the group of those that have none is never counted."""
    names = ["perf_groups"] * named + ["generic"] * generic
    brokers = [1] * primary + [None] * (len(names) - primary)
    groups = {"id": [f"G{n + 1}" for n in range(len(names))], "name_source": names, "primary_broker_id": brokers}
    direct = {"id": ["G00000"], "name_source": ["rule"], "primary_broker_id": [None]}
    schema = {"id": pl.String, "name_source": pl.String, "primary_broker_id": pl.Int64}
    people = {"schedule_code": ["S1"] * linked + ["WH01"] * (100 - linked), "schedule_id": [1] * linked}
    people["schedule_id"] += [None] * (100 - linked)
    return {
        "employer_groups": pl.concat([pl.DataFrame(groups, schema=schema), pl.DataFrame(direct, schema=schema)]),
        "hierarchy_participants": pl.DataFrame(people),
        "schedules": pl.DataFrame({"id": range(schedules)}),
    }


@pytest.mark.parametrize(
    ("unusual", "told"),
    [
        ({}, []),
        ({"named": 1900, "generic": 100, "primary": 2000}, []),
        ({"named": 1900, "generic": 101, "primary": 2001}, ["101 groups have no name in any extract"]),
        ({"primary": 950}, []),
        ({"primary": 949}, ["949 of 1,000 groups have a primary broker: less than 95 %"]),
        ({"linked": 95}, ["5 participants name schedules that have no rates: WH01"]),
        ({"linked": 94}, ["6 participants name schedules that have no rates, more than 5 %: WH01"]),
        ({"schedules": 499}, ["499 schedules: less than 500"]),
    ],
)
def test_what_is_unusual_is_told_and_nothing_else(unusual: dict[str, int], told: list[str]) -> None:
    assert remarks(tables(**unusual)) == told
