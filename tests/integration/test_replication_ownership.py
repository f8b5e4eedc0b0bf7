"""firn writes no table of legacy's, and takes one over only after what it makes of it was found equal."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from test_postgres_servers import Target, newest, published

from firn import ConfigError, Run, StateError
from loaders.memory import Memory
from pipelines.replication import ownership
from pipelines.replication.ownership import Standing, accept, refuse_owned, standings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from loaders.postgres_loader import PostgresLoader

__all__ = ["newest"]

LEGACYS = {"orders": "legacy", "notes": "firn"}
FIRNS = {"orders": "firn", "notes": "firn"}


@pytest.fixture
def shop(newest: Target) -> Target:
    """What firn publishes, beside a production in which legacy has written the same."""
    published(newest.with_settings(production="beside", state="firn_beside"))
    newest.query(
        "CREATE SCHEMA shop; CREATE TABLE shop.orders AS TABLE beside.orders; CREATE TABLE shop.notes (id int)"
    )
    return newest


@pytest.fixture
def loader(shop: Target) -> Iterator[PostgresLoader]:
    """The target whose production legacy writes."""
    with shop.settings.open() as opened:
        yield opened


def ask(
    loader: PostgresLoader, owners: Mapping[str, str], days: int = 0, wanted: Collection[str] | None = None
) -> None:
    """Begin a run of some tables so many days from now, and ask whether it may go on."""
    run = Run.start("shop")
    loader.start(run)
    later = replace(run, started_at=run.started_at + dt.timedelta(days=days))
    refuse_owned(loader, later, owners, owners if wanted is None else wanted)


def compared(loader: PostgresLoader, *allowed: str, schema: str = "beside") -> list[str]:
    found = loader.contrast("shop", schema, ["orders", "notes"])
    return accept(loader, "shop", schema, found, allowed)


def left(loader: PostgresLoader) -> None:
    """Run with orders left to legacy, which is refused, and remembered."""
    with pytest.raises(ConfigError):
        ask(loader, LEGACYS)


def owner(loader: PostgresLoader) -> str:
    return standings(loader.acts("shop"))["orders"].owner


def test_a_table_of_legacys_is_not_written_and_the_setting_is_named(loader: PostgresLoader) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(loader, LEGACYS)

    assert 'Legacy owns orders: owner = "legacy" in [shop.tables.orders]' in caught.value.message
    assert "production is unchanged" in caught.value.message
    assert caught.value.hint == "firn run shop --exclude orders"
    assert owner(loader) == "legacy"


def test_a_run_of_other_tables_goes_on_and_remembers_all_the_same_what_is_legacys(loader: PostgresLoader) -> None:
    ask(loader, LEGACYS, wanted=["notes"])

    assert owner(loader) == "legacy"
    with pytest.raises(StateError):
        ask(loader, FIRNS, wanted=["orders"])
    ask(loader, FIRNS, wanted=["notes"])
    assert owner(loader) == "legacy"


def test_tables_that_legacy_never_owned_need_no_proof(loader: PostgresLoader) -> None:
    ask(loader, FIRNS)

    assert standings(loader.acts("shop")) == {}


def test_a_table_that_legacy_owned_is_not_taken_because_a_line_of_the_settings_is_gone(loader: PostgresLoader) -> None:
    left(loader)

    with pytest.raises(StateError) as caught:
        ask(loader, FIRNS)

    assert "Legacy owned orders (not found equal since)" in caught.value.message
    assert caught.value.hint == "firn diff shop --against SCHEMA --tables orders --accept"
    assert owner(loader) == "legacy"


def test_it_is_taken_after_a_clean_comparison_and_then_stays_firns(loader: PostgresLoader) -> None:
    left(loader)

    assert compared(loader, "type") == ["orders"]
    ask(loader, FIRNS)

    assert owner(loader) == "firn"
    ask(loader, FIRNS, days=400)


def test_the_audit_says_what_was_equal_to_which_run_and_what_was_allowed(loader: PostgresLoader, shop: Target) -> None:
    compared(loader, "type")

    (act,) = loader.acts("shop")

    assert act["action"] == "found equal"
    assert [(act["run_id"],)] == shop.query("SELECT run_id FROM firn_beside.dataset")
    assert json.loads(act["detail"]) == {"schema": "beside", "allowed": ["type"], "tables": {"orders": 5}}


def test_a_table_that_differs_is_not_found_equal(loader: PostgresLoader, shop: Target) -> None:
    left(loader)
    shop.query("UPDATE shop.orders SET amount = 0 WHERE id = 3")

    assert compared(loader, "type") == []
    with pytest.raises(StateError):
        ask(loader, FIRNS)


@pytest.mark.parametrize(("allowed", "expected"), [((), []), (("type",), ["orders"]), (("rounding",), [])])
def test_only_what_was_allowed_is_not_held_against_a_table(
    loader: PostgresLoader, shop: Target, allowed: tuple[str, ...], expected: list[str]
) -> None:
    shop.query("ALTER TABLE shop.orders ALTER amount TYPE numeric(14,4)")

    assert compared(loader, *allowed) == expected


def test_equality_with_what_firn_did_not_publish_proves_nothing(loader: PostgresLoader, shop: Target) -> None:
    shop.query("CREATE SCHEMA copy; CREATE TABLE copy.orders AS TABLE shop.orders; CREATE TABLE copy.notes (id int)")

    with pytest.raises(StateError, match="nothing of shop that firn published"):
        compared(loader, "type", schema="copy")

    assert loader.acts("shop") == []


def test_a_table_beside_that_firn_did_not_publish_is_not_accepted(loader: PostgresLoader, shop: Target) -> None:
    for schema in ("shop", "beside"):
        shop.query(f"CREATE TABLE {schema}.visits (id int)")

    found = loader.contrast("shop", "beside", ["visits"])

    assert found.tables["visits"].kinds == set()
    assert accept(loader, "shop", "beside", found, ()) == []


def test_a_comparison_says_nothing_after_a_week(loader: PostgresLoader) -> None:
    left(loader)
    compared(loader, "type")

    with pytest.raises(StateError, match="orders \\(found equal more than 7 days ago, on "):
        ask(loader, FIRNS, days=8)
    ask(loader, FIRNS, days=6)


def test_without_its_limit_an_old_comparison_would_do(loader: PostgresLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    left(loader)
    compared(loader, "type")
    monkeypatch.setattr(ownership, "FRESH", dt.timedelta(days=9))

    ask(loader, FIRNS, days=8)

    assert owner(loader) == "firn"


def test_a_table_given_back_to_legacy_is_compared_again_before_it_is_taken_again(loader: PostgresLoader) -> None:
    compared(loader, "type")
    left(loader)

    with pytest.raises(StateError):
        ask(loader, FIRNS)


def test_a_dry_run_is_refused_alike_and_remembers_nothing(loader: PostgresLoader) -> None:
    run = Run.start("shop")

    with pytest.raises(ConfigError):
        refuse_owned(loader, run, LEGACYS, LEGACYS, remember=False)

    assert loader.acts("shop") == []


def test_memory_as_a_target_remembers_the_same() -> None:
    loader, run = Memory(), Run.start("shop")

    with pytest.raises(ConfigError):
        refuse_owned(loader, run, LEGACYS, LEGACYS)

    assert standings(loader.acts("shop")) == {"orders": Standing("legacy")}


def test_many_tables_are_counted_and_not_all_named(loader: PostgresLoader) -> None:
    with pytest.raises(ConfigError, match="t00, t01, t02, t03, t04, t05, t06, t07, t08, t09 and 2 more: owner"):
        ask(loader, {f"t{i:02}": "legacy" for i in range(12)})
