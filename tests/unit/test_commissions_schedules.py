"""Schedules keep every state and every rate, under keys that no other schedule moves."""

from datetime import date
from decimal import Decimal

import pytest

from tests.unit.commission_tables import Row, schedule_lines, shuffled, table
from transforms.commissions.references import ActiveSchedules
from transforms.commissions.schedule_rates import ScheduleRateTables, schedule_rates
from transforms.commissions.schedules import ScheduleTables, schedules

NAMED = table(ActiveSchedules, [{"schedule": "S1", "source": "certificate_info"}])


def made(*lines: Row, all_schedules: bool = False) -> ScheduleTables:
    return schedules(schedule_lines(*lines), NAMED, all_schedules=all_schedules)


def rates(*lines: Row) -> ScheduleRateTables:
    return schedule_rates(schedule_lines(*lines))


def test_only_schedules_that_certificates_name_are_published_unless_all_are_asked_for() -> None:
    lines: tuple[Row, ...] = ({"schedule": "S1"}, {"schedule": "S2"})
    assert made(*lines).schedules["external_id"].to_list() == ["S1"]
    assert made(*lines).published_schedule_lines.height == 1
    assert sorted(made(*lines, all_schedules=True).schedules["external_id"]) == ["S1", "S2"]


def test_a_schedule_has_one_version_with_its_id() -> None:
    tables = made({})
    (schedule,) = tables.schedules.rows(named=True)
    (version,) = tables.schedule_versions.rows(named=True)
    assert schedule["id"] == schedule["current_version_id"] == version["id"] == version["schedule_id"]
    assert (schedule["current_version_number"], version["version_number"], version["status"]) == ("1.0", "1.0", 1)


def test_another_schedule_moves_no_id() -> None:
    alone, beside = made({}), made({"schedule": "A0"}, {}, all_schedules=True)
    assert beside.schedules.filter(external_id="S1").equals(alone.schedules)


def test_a_schedule_spans_its_lines_and_is_open_while_one_is() -> None:
    ended = {"start_date": date(2020, 1, 1), "end_date": date(2021, 1, 1)}
    later = {"start_date": date(2019, 1, 1), "end_date": date(2023, 1, 1)}
    (row,) = made(ended, later).schedules.select("effective_date", "end_date").rows()
    assert row == (date(2019, 1, 1), date(2023, 1, 1))
    assert made(ended, {"start_date": date(2022, 1, 1)}).schedules["end_date"].to_list() == [None]


def test_a_schedule_is_described_by_most_of_its_lines_and_lists_its_products() -> None:
    one, two = {"category": "A", "description": "Z"}, {"category": "Z", "description": "A", "product": "CAN"}
    (row,) = made(one, one, two, {"product": None, **one}).schedules.rows(named=True)
    assert (row["name"], row["description"]) == ("A - S1", "Z")
    assert (row["product_codes"], row["product_count"]) == ("CAN,DEN", 2)
    assert made({"product": None}).schedules.is_empty()


@pytest.mark.parametrize(
    ("years", "first", "renewal"),
    [
        ({"year_1": "50", "year_2": "10"}, "50", "10"),
        ({"year_1": "0", "year_2": "0", "year_66": "3", "level": "7"}, "7", "3"),
        ({"year_66": "0", "level": "7"}, "7", "7"),
        ({}, "0", "0"),
    ],
)
def test_first_year_and_renewal_fall_back_to_the_level_and_then_to_zero(
    years: dict[str, str], first: str, renewal: str
) -> None:
    line = {name: Decimal(rate) for name, rate in years.items()}
    (row,) = rates(line).schedule_rates.rows(named=True)
    assert (row["first_year_rate"], row["renewal_rate"]) == (Decimal(first), Decimal(renewal))
    assert row["rate_value"] == line.get("level", 0)


def test_equal_rates_in_several_states_stay_several() -> None:
    states = ({"state": state, "level": Decimal(5)} for state in ("TX", "OK", None))
    assert rates(*states).schedule_rates["state"].to_list().count(None) == 1
    assert rates({"state": "TX"}, {"state": "OK"}).schedule_rates["id"].n_unique() == 2


def test_a_rate_has_the_same_id_whatever_else_there_is() -> None:
    (alone,) = rates({"size_from": 1, "size_to": 50}).schedule_rates["id"]
    beside = rates(
        {"size_from": 1}, {"size_to": 50}, {"size_from": 1, "size_to": 50, "level": Decimal(3)}
    ).schedule_rates
    assert beside.filter(group_size_from=1, group_size_to=50)["id"].to_list() == [alone]


def test_of_two_lines_of_a_rate_the_one_that_starts_last_stands_whole_and_the_other_is_set_aside() -> None:
    old = {"start_date": date(2020, 1, 1), "year_1": Decimal(90), "level": Decimal(9)}
    new = {"start_date": date(2024, 1, 1), "level": Decimal(3)}
    tables = rates(old, new)
    assert tables.schedule_rates["first_year_rate"].to_list() == [Decimal(3)]
    assert tables.rates_set_aside.select("line", "reason").rows() == [(2, "repeated_rate")]


def test_a_line_without_a_product_is_no_rate_and_is_set_aside() -> None:
    tables = rates({"product": None}, {})
    assert tables.schedule_rates.height == 1
    assert tables.rates_set_aside.select("line", "reason").rows() == [(2, "rate_without_product")]


def test_years_are_published_where_they_differ_with_the_years_that_they_stand_for() -> None:
    line = {
        "year_1": Decimal(50),
        "year_15": Decimal(5),
        "year_16": Decimal(4),
        "year_66": Decimal(2),
        "year_99": Decimal(0),
    }
    found = rates(line).special_schedule_rates.select("year", "year_to", "rate")
    assert found.rows() == [
        (1, 2, Decimal(50)),
        (15, 16, Decimal(5)),
        (16, 66, Decimal(4)),
        (66, 99, Decimal(2)),
        (99, None, Decimal(0)),
    ]


def test_years_that_are_equal_or_missing_are_not_published() -> None:
    lines: tuple[Row, ...] = (
        {f"year_{year}": Decimal(5) for year in (*range(1, 17), 66, 99)},
        {"state": "OK", "year_1": Decimal(5)},
        {"state": "AL"},
    )
    assert rates(*lines).special_schedule_rates.is_empty()


def test_rates_that_are_limited_to_sizes_are_numbered_tiers_of_their_product_and_state() -> None:
    sizes: tuple[Row, ...] = ({"size_from": 51}, {"size_from": 2, "size_to": 50}, {}, {"state": "OK", "size_to": 9})
    found = rates(*sizes).schedule_rate_tiers.sort("tier", "group_size_to")
    columns = found.select("tier", "group_size_from", "group_size_to")
    assert columns.rows() == [(1, None, 9), (1, 2, 50), (2, 51, None)]


def test_another_order_of_the_lines_changes_nothing() -> None:
    lines = schedule_lines(
        *(
            {
                "state": f"S{n % 3}",
                "size_from": n % 2,
                "level": Decimal(n),
                "year_1": Decimal(n % 5),
                "category": f"{n % 4}",
            }
            for n in range(24)
        )
    )

    def results(seed: int | None) -> list[object]:
        mixed = lines if seed is None else shuffled(lines, seed)
        tables = schedules(mixed, NAMED)
        made_rates = schedule_rates(tables.published_schedule_lines)
        return [tables.schedules.rows(), *(table.rows() for table in made_rates[:3])]

    assert all(results(seed) == results(None) for seed in range(5))
