"""What a rule sets is counted by the rule, the table and the header, and by the file where it looks at single cells."""

from decimal import Decimal

import polars as pl

from tests.unit.commission_tables import certificates, perf_groups, premiums, schedule_lines, table
from transforms.commissions.brokers import Brokers
from transforms.commissions.changes import RULES, changed
from transforms.commissions.columns import FEES, SCHEDULES
from transforms.commissions.commission_changes import commission_changes
from transforms.commissions.groups import employer_groups
from transforms.commissions.lines import Accounting
from transforms.commissions.schedule_rates import schedule_rates


def test_a_rate_that_nothing_states_is_zero_and_counted() -> None:
    stated = ({"level": Decimal(5)}, {"year_1": Decimal(1), "year_2": Decimal(2)}, {"year_1": Decimal(1)}, {})
    tables = schedule_rates(schedule_lines(*({"product": f"P{n}", **line} for n, line in enumerate(stated))))
    zeros = tables.schedule_rates.filter((pl.col("first_year_rate") == 0) | (pl.col("renewal_rate") == 0))
    assert sorted(zeros["product_code"]) == ["P2", "P3"]
    assert tables.rates_changed.rows() == [("missing_rate", "raw_schedule_rates", "Level", 2)]


def test_a_primary_broker_whom_no_table_has_is_counted_once_a_group() -> None:
    known = table(Brokers, [{"id": 1, "external_party_id": "P1", "name": "B", "is_placeholder": False}])
    lines = perf_groups({"broker": 9}, {"broker": 1, "group_key": "26"}, {"broker": 9, "group_key": "27"})
    tables = employer_groups(certificates({}, {"group_key": "26"}), lines, premiums(), known)
    assert tables.employer_groups["primary_broker_id"].drop_nulls().to_list() == [1]
    assert tables.groups_changed.rows() == [("unknown_primary_broker", "raw_perf_groups", "BrokerUniqueId", 1)]


def test_all_changes_are_one_table_by_file_where_they_are_of_cells() -> None:
    figures = [
        ("a.csv", "raw_fees", "records_read", "", 9),
        ("a.csv", "raw_fees", "cells_nulled", "DATEEND", 3),
        ("a.csv", "raw_fees", "cells_recoded", "PRDNUM", 0),
        ("b.csv", "raw_fees", "cells_rounded", "AMOUNT", 1),
    ]
    accounting = Accounting.cast(pl.DataFrame(figures, schema=Accounting.column_names(), orient="row"))
    none = changed(("missing_rate", SCHEDULES, "level", 0))
    assert none.is_empty()
    fees = changed(("unknown_recipient", FEES, "broker", 2))
    found = commission_changes(
        *[accounting.clear()] * 8, accounting, *[accounting.clear()] * 3, *[none] * 4, fees, none
    )  # type: ignore[arg-type]
    assert found.select("table", "column", "rule", "file", "count").rows() == [
        ("raw_fees", "AMOUNT", "rounded", "b.csv", 1),
        ("raw_fees", "DATEEND", "nulled", "a.csv", 3),
        ("raw_fees", "PartyUniqueId", "unknown_recipient", "", 2),
    ]
    assert set(found["rule"]) <= RULES.keys()
