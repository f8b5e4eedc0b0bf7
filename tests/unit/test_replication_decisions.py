"""What is read of a table follows from what the source can prove, and every decision says why."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.replication.catalogue import Entry, Monitoring
from pipelines.replication.cursors import Cursor, fingerprint
from pipelines.replication.decisions import Planned, decide, grouped, ordered
from pipelines.replication.overrides import POLICIES, Effective
from pipelines.replication.planning import strategies
from sources.mysql.catalogue import SourceColumn, SourceTable
from sources.mysql.database import Declared
from sources.mysql.marks import Mark
from sources.mysql.rules import Rules
from sources.mysql.types import fields_of

if TYPE_CHECKING:
    from pipelines.replication.catalogue import Tier

NOW = dt.datetime(2026, 3, 1, 22)  # noqa: DTZ001 (the source's clock)
LONG_AGO = NOW - dt.timedelta(days=30)
MARK = Mark("MyISAM", LONG_AGO, NOW - dt.timedelta(hours=1), 5, settled=True)


def entry(**stated: Any) -> Entry:  # noqa: ANN401 (any of its fields)
    usual: dict[str, Any] = {
        "rows": 5,
        "size_mb": 3.0,
        "engine": "MyISAM",
        "key": ("id",),
        "tier": "standard",
        "tier_reason": "",
        "strategy": "incremental",
        "strategy_reason": "it is small",
        "incremental_column": "stamp",
        "batch_rows": 100,
        "priority": 5,
        "money": (),
        "monitoring": Monitoring(alert=False, max_minutes=5, quality_threshold=0.95),
        "columns": {},
    }
    return Entry(**{**usual, **stated})


def declared(*key: str) -> Declared:
    columns = (
        SourceColumn("id", "bigint", "bigint(20)", nullable=False),
        SourceColumn("code", "varchar", "varchar(9)"),
    )
    table = SourceTable("visit", "MyISAM", columns=columns, key=key)
    return Declared(table, fields_of(table, lambda _: Rules()))


SHAPE = fingerprint(declared("id").shape)
CURSOR = Cursor(
    SHAPE, "another", str(MARK.created), 5, "2026-02-28T10:00:00", 99, 3, {"0": "abc"}, "run", NOW.isoformat()
)


@pytest.mark.parametrize(
    ("cursor", "stated", "how"),
    [
        (None, {}, "full"),
        (CURSOR, {}, "incremental"),
        (CURSOR, {"strategy": "compare"}, "compare"),
        (CURSOR, {"strategy": "append"}, "append"),
        (CURSOR, {"strategy": "full"}, "full"),
        (replace(CURSOR, mark=MARK.stamp), {}, "unchanged"),
        (replace(CURSOR, shape="other columns"), {}, "full"),
        (replace(CURSOR, read_at="2026-01-01T00:00:00"), {}, "full"),
        (replace(CURSOR, created="another day"), {}, "full"),
        (replace(CURSOR, created="another day"), {"strategy": "compare"}, "compare"),
        (replace(CURSOR, watermark=None), {}, "full"),
        (replace(CURSOR, checksums={}), {"strategy": "compare"}, "full"),
        (replace(CURSOR, highest=None), {"strategy": "append"}, "full"),
        (replace(CURSOR, mark=""), {"strategy": "append"}, "append"),
    ],
)
def test_a_table_is_read_as_little_as_its_history_allows(
    cursor: Cursor | None, stated: dict[str, Any], how: str
) -> None:
    decision = decide(entry(**stated), declared("id"), MARK, cursor, since=LONG_AGO)

    assert decision.how == how
    assert decision.reason


def test_a_write_that_the_stamp_may_not_show_yet_proves_nothing() -> None:
    unsettled = replace(MARK, settled=False)
    known = replace(CURSOR, mark=MARK.stamp)

    assert decide(entry(), declared("id"), unsettled, known, since=LONG_AGO).how == "incremental"
    assert decide(entry(), declared("id"), unsettled, replace(known, mark=""), since=LONG_AGO).how == "incremental"


def test_everything_is_read_where_that_is_asked_for() -> None:
    known = replace(CURSOR, mark=MARK.stamp)

    assert decide(entry(), declared("id"), MARK, known, since=LONG_AGO, full=True).how == "full"


@pytest.mark.parametrize("key", [("code",), ("code", "id"), ("id", "code"), ()])
def test_keys_that_are_no_single_whole_number_are_not_compared_one_by_one(key: tuple[str, ...]) -> None:
    for strategy in ("incremental", "append"):
        shaped = replace(CURSOR, shape=fingerprint(declared(*key).shape))
        assert decide(entry(strategy=strategy), declared(*key), MARK, shaped, since=LONG_AGO).how == "full"


def planned(name: str, tier: Tier, mb: float, how: str = "full", **stated: Any) -> Planned:  # noqa: ANN401 (as above)
    made = entry(tier=tier, size_mb=mb, **stated)
    cursor = CURSOR if how != "full" else None
    decision = decide(made, declared("id"), MARK, cursor, since=LONG_AGO)
    return Planned(name, Effective(made, POLICIES[tier]), declared("id"), MARK, cursor, decision)


def test_tables_are_read_tier_by_tier_and_small_ones_together() -> None:
    tables = [
        planned("zip", "reference", 0.1),
        planned("log", "audit", 50),
        planned("fee", "standard", 0.2),
        planned("pay", "important", 9),
        planned("tooth", "critical", 0.5),
        planned("claim", "critical", 7),
        planned("visit", "critical", 70),
    ]

    groups = [[table.name for table in group] for group in grouped(ordered(tables))]

    assert groups == [["visit"], ["claim"], ["tooth"], ["pay"], ["log"], ["fee", "zip"]]


def test_tables_are_replaced_where_all_are_read_whole_but_never_one_that_is_only_appended_to() -> None:
    first = planned("log", "audit", 9, strategy="append")
    again = replace(first, is_published=True)
    part = planned("visit", "critical", 9, "incremental")

    assert strategies([first, planned("fee", "standard", 1)]) == "swap"
    assert strategies([again, planned("fee", "standard", 1)]) == {"log": "merge", "fee": "diff"}
    assert strategies([part, planned("fee", "standard", 1)]) == {"visit": "merge", "fee": "diff"}


def test_what_another_firn_remembered_is_not_trusted() -> None:
    assert Cursor.of(CURSOR.as_json()) == CURSOR
    assert Cursor.of({**CURSOR.as_json(), "unheard_of": 1}) is None
    assert Cursor.of({}) is None
