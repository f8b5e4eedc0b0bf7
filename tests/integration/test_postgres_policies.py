"""Rows that a policy keeps stay exactly as they are in PostgreSQL, whoever wrote them and whenever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL
from test_postgres_changes import oldest, published, staged
from test_postgres_servers import Orders, Target, fresh, newest
from test_postgres_target import role

from firn import LoadError, PublishError, TargetUnavailable
from loaders import completion
from loaders.swap import Swap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firn import Policy, Strategy

__all__ = ["newest", "oldest"]

ONLY: Mapping[str, Policy] = {"visits": "insert_only"}
MISSING: Mapping[str, Policy] = {"visits": "keep_missing"}
WAYS: tuple[Strategy, ...] = ("swap", "diff")


class Visits(dy.Schema):
    """A table with a column of every kind that a comparison could get wrong."""

    id = dy.Int64(primary_key=True)
    branch = dy.String(primary_key=True)
    fee = dy.Decimal(12, 2, nullable=True)
    weight = dy.Float64(nullable=True)
    note = dy.String(nullable=True)


class Later(dy.Schema):
    """The same a year later: a column has gone, one has come, one is wider."""

    id = dy.Int64(primary_key=True)
    branch = dy.String(primary_key=True)
    fee = dy.Decimal(14, 2, nullable=True)
    weight = dy.Float64(nullable=True)
    room = dy.String(nullable=True)


@pytest.fixture(params=["15", "18"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """An empty database on the oldest and the newest version."""
    yield from fresh(request.param)


def visits(ids: Mapping[int, str | None]) -> pl.DataFrame:
    """Make visits with notes."""
    return pl.DataFrame(
        {"id": list(ids), "branch": ["a"] * len(ids), "fee": ["1.10"] * len(ids), "note": list(ids.values())}
    ).cast({"id": pl.Int64, "fee": pl.Decimal(12, 2), "note": pl.String})


def publish(
    target: Target,
    ids: Mapping[int, str | None],
    strategy: Strategy,
    policies: Mapping[str, Policy],
    **settings: Any,  # noqa: ANN401 (those of a dataset)
) -> Any:  # noqa: ANN401
    settings = {"contracts": {"visits": Visits}, **settings}
    return published(target, {"visits": visits(ids)}, strategy, policies=policies, **settings)


def images(target: Target) -> dict[Any, str]:
    """Return the checksum of each row's image by its key."""
    return dict(target.query("SELECT (id, branch)::text, md5(record_send(t.*)) FROM shop.visits t"))


@pytest.mark.parametrize("way", WAYS)
def test_every_row_that_was_there_is_the_same_bit_by_bit_also_where_a_person_wrote_it(
    target: Target, way: Strategy
) -> None:
    publish(target, {1: "one", 2: "two", 3: None}, way, ONLY)
    target.query(
        "ALTER TABLE shop.visits ADD COLUMN of_others jsonb, ADD doubled numeric GENERATED ALWAYS AS (fee * 2) STORED"
    )
    target.query("ALTER TABLE shop.visits ADD COLUMN gone int; ALTER TABLE shop.visits DROP COLUMN gone")
    target.query("UPDATE shop.visits SET note = 'by hand', of_others = '{\"a\": 1.00}', weight = '-0' WHERE id = 2")
    target.query("UPDATE shop.visits SET fee = NULL, weight = 'NaN' WHERE id = 1; DELETE FROM shop.visits WHERE id = 3")
    target.query("INSERT INTO shop.visits (id, branch, note) VALUES (7, 'a', 'by hand'), (2, 'b', NULL)")
    before, places = images(target), target.query("SELECT id, branch, xmin::text, ctid::text FROM shop.visits")

    done = publish(target, {1: "new", 2: "new", 3: "new", 7: None, 9: None}, way, ONLY)

    after = images(target)
    assert {key: after[key] for key in before} == before
    assert after.keys() - before.keys() == {"(3,a)", "(9,a)"}
    assert done.policies == {"visits": {"added": 2, "kept": 4, "ignored": 3}}
    assert target.query("SELECT note, doubled::text FROM shop.visits WHERE id IN (3, 9) ORDER BY id") == [
        ("new", "2.20"),
        (None, "2.20"),
    ]
    if way == "diff":
        assert set(places) <= set(target.query("SELECT id, branch, xmin::text, ctid::text FROM shop.visits"))
    with target.settings.open() as loader:
        loader.rollback("shop")
    assert images(target) == before


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_are_missing_among_the_new_ones_stay_bit_by_bit(oldest: Target, way: Strategy) -> None:
    publish(oldest, {1: "one", 2: "two"}, way, MISSING)
    oldest.query("UPDATE shop.visits SET note = 'by hand', weight = '-0'")
    oldest.query("INSERT INTO shop.visits (id, branch) VALUES (7, 'a')")
    before = images(oldest)

    done = publish(oldest, {2: "new", 9: "new"}, way, MISSING)

    after = images(oldest)
    assert {key for key in before if after[key] == before[key]} == {"(1,a)", "(7,a)"}
    assert oldest.query("SELECT id, note FROM shop.visits WHERE id IN (2, 9) ORDER BY 1") == [(2, "new"), (9, "new")]
    assert done.policies == {"visits": {"added": 1, "kept": 2, "ignored": 0}}
    with oldest.settings.open() as loader:
        loader.rollback("shop")
    assert images(oldest) == before


WRITES = (
    "UPDATE shop.visits SET note = 'mine' WHERE id = 1",
    "INSERT INTO shop.visits (id, branch) VALUES (8, 'a')",
    "DELETE FROM shop.visits WHERE id = 1",
    "DELETE FROM shop.visits WHERE id = 2; INSERT INTO shop.visits (id, branch) VALUES (2, 'a')",
    "TRUNCATE shop.visits",
    "DROP TABLE shop.visits",
)


def test_what_somebody_wrote_after_rows_were_taken_over_is_not_lost_by_a_swap(oldest: Target) -> None:
    publish(oldest, {1: "one", 2: "two"}, "swap", ONLY)
    for number, write in enumerate(WRITES):
        policies = (ONLY, MISSING)[number % 2]
        with oldest.settings.open() as loader:
            run = staged(loader, {"visits": visits({3: "new"})}, "swap", {"visits": Visits}, policies=policies)
            oldest.query(write)
            before = oldest.production()

            with pytest.raises(PublishError, match='Somebody wrote to table "visits" after run') as caught:
                loader.publish(run)
            loader.discard(run)

        assert "Production is unchanged." in caught.value.message
        assert f"firn discard {run.id} && firn run shop" in caught.value.hint
        assert oldest.production() == before, write


def test_a_table_that_came_while_a_run_loaded_is_not_replaced_by_one_without_its_rows(oldest: Target) -> None:
    with oldest.settings.open() as loader:
        run = staged(loader, {"visits": visits({2: "new"})}, "swap", {"visits": Visits}, policies=ONLY)
        oldest.query(
            "CREATE SCHEMA shop; CREATE TABLE shop.visits (id bigint, branch text, fee numeric(12,2), weight float, "
            "note text, PRIMARY KEY (id, branch))"
        )

        with pytest.raises(PublishError, match='Somebody wrote to table "visits"'):
            loader.publish(run)


def test_a_row_written_at_the_last_moment_is_noticed_under_the_locks_and_would_have_been_lost(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(oldest, {1: "one", 2: "two"}, "swap", ONLY)
    ready = Swap._is_ready  # noqa: SLF001

    def late(self: Swap) -> bool:
        oldest.query("UPDATE shop.visits SET note = 'mine' WHERE id = 1")
        return ready(self)

    monkeypatch.setattr(Swap, "_is_ready", late)
    with pytest.raises(PublishError, match="Somebody wrote"):
        publish(oldest, {3: "new"}, "swap", ONLY)
    assert oldest.query("SELECT note FROM shop.visits WHERE id = 1") == [("mine",)]

    oldest.query("UPDATE shop.visits SET note = 'one' WHERE id = 1")
    monkeypatch.setattr(completion, "hold", lambda *_: SQL("SELECT"))
    publish(oldest, {3: "new"}, "swap", ONLY)
    assert oldest.query("SELECT note FROM shop.visits WHERE id = 1") == [("one",)]


def test_a_writer_who_has_not_committed_is_waited_for_and_what_he_writes_is_noticed(oldest: Target) -> None:
    publish(oldest, {1: "one"}, "swap", ONLY)
    hurried = oldest.with_settings(max_wait_s=1)
    with psycopg.connect(oldest.dsn) as writer, hurried.open() as loader:
        run = staged(loader, {"visits": visits({2: "new"})}, "swap", {"visits": Visits}, policies=ONLY)
        writer.execute("UPDATE shop.visits SET note = 'mine'")
        with pytest.raises(TargetUnavailable):
            loader.publish(run)
        writer.commit()
        with pytest.raises(PublishError, match="Somebody wrote"):
            loader.publish(run)


def test_rows_that_are_only_locked_or_moved_by_the_server_are_the_same_rows(target: Target) -> None:
    publish(target, {1: "one", 2: "two"}, "swap", ONLY)
    with target.settings.open() as loader:
        run = staged(loader, {"visits": visits({3: "new"})}, "swap", {"visits": Visits}, policies=ONLY)
        target.query("SELECT FROM shop.visits FOR UPDATE")
        target.query("VACUUM FULL shop.visits")
        target.query("VACUUM (FREEZE) shop.visits")

        assert loader.publish(run).rows == {"visits": 3}


@pytest.mark.parametrize("policies", [ONLY, MISSING], ids=["insert_only", "keep_missing"])
def test_changes_keep_what_somebody_wrote_while_a_run_loaded(oldest: Target, policies: Mapping[str, Policy]) -> None:
    publish(oldest, {1: "one", 2: "two"}, "diff", policies)
    with oldest.settings.open() as loader:
        run = staged(loader, {"visits": visits({2: "two", 3: "new"})}, "diff", {"visits": Visits}, policies=policies)
        oldest.query("UPDATE shop.visits SET note = 'mine' WHERE id = 1")
        oldest.query("INSERT INTO shop.visits (id, branch, note) VALUES (8, 'a', 'mine')")
        loader.publish(run)

    assert oldest.query("SELECT id, note FROM shop.visits ORDER BY 1") == [
        (1, "mine"),
        (2, "two"),
        (3, "new"),
        (8, "mine"),
    ]


def test_rows_stay_in_place_where_nothing_is_stated_and_nothing_is_in_the_way(oldest: Target) -> None:
    assert publish(oldest, {1: "one"}, "auto", ONLY).strategies == {"visits": "swap"}
    assert publish(oldest, dict.fromkeys(range(2, 9), "new"), "auto", ONLY).strategies == {"visits": "insert"}

    oldest.query("ALTER TABLE shop.visits DROP CONSTRAINT visits_pkey")
    done = publish(oldest, {9: "new"}, "auto", ONLY)

    assert done.strategies == {"visits": "swap"}
    assert done.policies == {"visits": {"added": 1, "kept": 8, "ignored": 0}}


@pytest.mark.parametrize("way", WAYS)
def test_columns_come_and_go_and_widen_and_the_rows_that_stay_keep_what_they_had(oldest: Target, way: Strategy) -> None:
    publish(oldest, {1: "one", 2: "two"}, way, ONLY)
    later = visits({2: None, 3: None}).drop("note").with_columns(room=pl.lit("r"), fee=pl.lit("123456789012.50"))
    later = later.cast({"fee": pl.Decimal(14, 2)})

    published(oldest, {"visits": later}, way, contracts={"visits": Later}, policies=ONLY, evolves=frozenset({"visits"}))

    assert oldest.query("SELECT id, fee::text, note, room FROM shop.visits ORDER BY 1") == [
        (1, "1.10", "one", None),
        (2, "1.10", "two", None),
        (3, "123456789012.50", None, "r"),
    ]
    fee = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.visits'::regclass"
    assert oldest.query(f"{fee} AND attname = 'fee'") == [("numeric(14,2)",)]


class Coarse(dy.Schema):
    """A contract into which the rows that are there do not fit."""

    id = dy.Int64(primary_key=True)
    branch = dy.String(primary_key=True)
    fee = dy.Decimal(12, 1, nullable=True)
    weight = dy.Float64(nullable=True)
    note = dy.String(nullable=True)


class Required(dy.Schema):
    """A contract that asks for more than the rows have that are there."""

    id = dy.Int64(primary_key=True)
    branch = dy.String(primary_key=True)
    fee = dy.Decimal(12, 2, nullable=True)
    weight = dy.Float64(nullable=True)
    note = dy.String(nullable=True)
    room = dy.String()


def test_rows_that_would_not_stay_as_they_are_stop_the_run_and_would_have_been_rounded(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(oldest, {1: "one"}, "swap", MISSING)
    oldest.query("UPDATE shop.visits SET fee = 1.15")
    before = oldest.production()
    coarse = visits({2: "new"}).with_columns(fee=pl.lit("1.5").cast(pl.Decimal(12, 1)))
    required = visits({2: "new"}).with_columns(room=pl.lit("r"))
    refused: list[tuple[type[dy.Schema], pl.DataFrame, str]] = [
        (Coarse, coarse, "id=1, branch=a fee: 1.15 becomes 1.20"),
        (Required, required, 'null value in column "room"'),
    ]
    for contract, frame, said in refused:
        with pytest.raises(PublishError, match='Rows of table "visits" that its policy keeps do not fit') as caught:
            published(oldest, {"visits": frame}, "swap", contracts={"visits": contract}, policies=MISSING)
        assert said in caught.value.message
        assert "Production is unchanged." in caught.value.message
        assert oldest.production() == before

    monkeypatch.setattr(completion._Copying, "_prove", lambda *_: None)  # noqa: SLF001
    published(oldest, {"visits": coarse}, "swap", contracts={"visits": Coarse}, policies=MISSING)
    assert oldest.query("SELECT fee::text FROM shop.visits WHERE id = 1") == [("1.2",)]


def test_a_role_that_a_row_security_policy_restricts_takes_over_all_rows_or_none(oldest: Target) -> None:
    with role(oldest, "GRANT CREATE ON DATABASE firn_test TO modest") as settings:
        mine = Target(oldest.dsn, settings)
        publish(mine, {1: "one", 2: "two"}, "swap", ONLY)
        oldest.query("ALTER TABLE shop.visits ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        oldest.query("CREATE POLICY half ON shop.visits USING (id = 1)")

        with pytest.raises(LoadError, match='row-level security policy for table "visits"'):
            publish(mine, {3: "new"}, "swap", ONLY)
        assert oldest.query("SELECT id FROM shop.visits ORDER BY 1") == [(1,), (2,)]


def test_keys_that_production_holds_twice_or_not_at_all_are_refused(oldest: Target) -> None:
    publish(oldest, {1: "one"}, "swap", ONLY)
    oldest.query(
        "ALTER TABLE shop.visits DROP CONSTRAINT visits_pkey; INSERT INTO shop.visits SELECT * FROM shop.visits"
    )

    with pytest.raises(LoadError, match="key more than once: id=1, branch=a"):
        publish(oldest, {3: "new"}, "swap", ONLY)


class Parent(dy.Schema):
    """What children refer to."""

    id = dy.Int32(primary_key=True)


class Child(dy.Schema):
    """What refers to a parent."""

    id = dy.Int32(primary_key=True)
    parent = dy.Int32()


@pytest.mark.parametrize("way", WAYS)
def test_foreign_keys_between_tables_hold_whatever_their_policies_keep(oldest: Target, way: Strategy) -> None:
    contracts = {"parents": Parent, "children": Child}

    def frames(*ids: int) -> dict[str, pl.DataFrame]:
        numbers = pl.Series(ids, dtype=pl.Int32)
        return {"parents": pl.DataFrame({"id": numbers}), "children": pl.DataFrame({"id": numbers, "parent": numbers})}

    keep: dict[str, Policy] = {"parents": "keep_missing", "children": "insert_only"}
    published(oldest, frames(1, 2), way, contracts=contracts, policies=keep, deletes=1.0)
    oldest.query("ALTER TABLE shop.children ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES shop.parents")

    done = published(oldest, frames(2, 3), way, contracts=contracts, policies=keep, deletes=1.0)

    assert done.rows == {"parents": 3, "children": 3}
    key = "SELECT convalidated FROM pg_constraint WHERE conname = 'of_parent' AND conrelid = 'shop.children'::regclass"
    assert oldest.query(key) == [(True,)]
    before = oldest.production()
    with pytest.raises(LoadError, match="of_parent") as caught:
        published(oldest, frames(3), way, contracts=contracts, policies={"children": "insert_only"}, deletes=1.0)
    assert "Production is unchanged." in caught.value.message
    assert oldest.production() == before


@pytest.mark.parametrize("way", WAYS)
def test_the_next_number_is_free_after_rows_with_numbers_were_kept_and_added(oldest: Target, way: Strategy) -> None:
    kinds = {"always": "int GENERATED ALWAYS AS IDENTITY", "serials": "serial", "down": "int DEFAULT -1"}
    oldest.query("CREATE SCHEMA shop")
    for name, kind in kinds.items():
        oldest.query(f"CREATE TABLE shop.{name} (id {kind} PRIMARY KEY, name text, amount numeric(12,2))")
    oldest.query(
        "CREATE SEQUENCE shop.downwards INCREMENT -1 OWNED BY shop.down.id; "
        "ALTER TABLE shop.down ALTER id SET DEFAULT nextval('shop.downwards')"
    )
    for name in kinds:
        oldest.query(f"INSERT INTO shop.{name} (name) SELECT 'mine' FROM generate_series(1, 4)")  # noqa: S608
    new = pl.DataFrame({"id": [3, 5], "name": ["new", "new"]}).cast({"id": pl.Int32})

    contracts = dict.fromkeys(kinds, Orders)
    published(oldest, dict.fromkeys(kinds, new), way, contracts=contracts, policies=dict.fromkeys(kinds, "insert_only"))

    rows = [*((number, "mine") for number in range(1, 5)), (5, "new")]
    for name in ("always", "serials"):
        assert oldest.query(f"SELECT id, name FROM shop.{name} ORDER BY 1") == rows  # noqa: S608
        assert oldest.query(f"SELECT nextval(pg_get_serial_sequence('shop.{name}', 'id'))") == [(6,)]
    assert oldest.query("SELECT nextval('shop.downwards')") == [(-5,)]
