"""Changing rows refuses what would harm, by name; without each guard the harm is done."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL
from test_postgres_changes import oldest, published, staged
from test_postgres_servers import Target, orders
from test_postgres_target import role

from firn import PublishError
from loaders import changes, writes
from loaders.embedded import temporary
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["oldest"]


class Parents(dy.Schema):
    """A table that others refer to."""

    id = dy.Int32(primary_key=True)
    code = dy.String(nullable=True)


class Children(dy.Schema):
    """A table that refers to it."""

    id = dy.Int32(primary_key=True)
    parent = dy.Int32(nullable=True)


FAMILY: Mapping[str, type[dy.Schema]] = {"parents": Parents, "children": Children}


def parents(codes: Mapping[int, str | None]) -> pl.DataFrame:
    return pl.DataFrame({"id": [*codes], "code": [*codes.values()]}, schema={"id": pl.Int32, "code": pl.String})


def children(of: Mapping[int, int | None]) -> pl.DataFrame:
    return pl.DataFrame({"id": [*of], "parent": [*of.values()]}, schema={"id": pl.Int32, "parent": pl.Int32})


def family(target: Target, codes: Mapping[int, str | None], of: Mapping[int, int | None]) -> Mapping[str, Any]:
    frames = {"parents": parents(codes), "children": children(of)}
    return published(target, frames, "diff", contracts=FAMILY, deletes=1.0).changes


def pairs(target: Target) -> list[tuple[Any, ...]]:
    return target.query(
        "SELECT c.id, p.code FROM shop.children c LEFT JOIN shop.parents p ON p.id = c.parent ORDER BY 1"
    )


def test_more_deletions_than_the_dataset_allows_are_refused_and_allowed_by_a_word(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    few = {"orders": orders(rows=2)}

    with pytest.raises(PublishError, match='3 of the 5 rows of table "orders" would be deleted; at most 50%') as caught:
        published(oldest, few, "diff")
    assert "a share of 0.60 allows them" in caught.value.hint
    assert oldest.query("SELECT count(*) FROM shop.orders") == [(5,)]

    assert published(oldest, few, "diff", deletes=0.6).rows == {"orders": 2}


@pytest.mark.parametrize("deferrable", ["", "DEFERRABLE"])
def test_children_move_from_a_parent_that_goes_to_one_that_comes(oldest: Target, deferrable: str) -> None:
    family(oldest, {1: "a", 2: "b"}, {1: 1, 2: 1, 3: 2})
    oldest.query(
        f"ALTER TABLE shop.children ADD CONSTRAINT of FOREIGN KEY (parent) REFERENCES shop.parents {deferrable}"
    )

    family(oldest, {2: "b", 3: "c"}, {1: 3, 2: 2, 4: 3})

    assert pairs(oldest) == [(1, "c"), (2, "b"), (4, "c")]


def test_tables_that_refer_to_each_other_change_together_where_their_keys_are_deferrable(oldest: Target) -> None:
    family(oldest, {1: "1"}, {1: 1})
    oldest.query(
        "ALTER TABLE shop.children ADD FOREIGN KEY (parent) REFERENCES shop.parents DEFERRABLE;"
        "ALTER TABLE shop.parents ADD FOREIGN KEY (id) REFERENCES shop.children DEFERRABLE"
    )

    family(oldest, {2: "2"}, {2: 2})

    assert pairs(oldest) == [(2, "2")]


def test_a_row_that_others_still_refer_to_is_named(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    oldest.query("CREATE TABLE public.paid (o int REFERENCES shop.orders); INSERT INTO public.paid VALUES (5)")

    with pytest.raises(PublishError, match=r"paid_o_fkey.*Key \(id\)=\(5\) is still referenced") as caught:
        published(oldest, {"orders": orders(rows=4)}, "diff")

    assert "Production is unchanged" in caught.value.message


def test_children_that_a_deletion_would_take_along_are_refused_and_were_taken_without_the_guard(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(oldest, {"orders": orders()}, "diff")
    oldest.query("CREATE TABLE public.paid (o int CONSTRAINT paid_for REFERENCES shop.orders ON DELETE CASCADE)")
    oldest.query("INSERT INTO public.paid VALUES (1), (5)")

    with pytest.raises(PublishError, match=r'1 rows of "public"."paid" through foreign key "paid_for", such as o=5'):
        published(oldest, {"orders": orders(rows=4)}, "diff")
    assert oldest.query("SELECT o FROM public.paid ORDER BY 1") == [(1,), (5,)]

    monkeypatch.setattr(writes.Writes, "_refuse_eating", lambda *_: None)
    published(oldest, {"orders": orders(rows=4)}, "diff")
    assert oldest.query("SELECT o FROM public.paid") == [(1,)]


def test_children_inside_the_publication_that_go_with_their_parents_are_no_harm(oldest: Target) -> None:
    family(oldest, {1: "a", 2: "b"}, {1: 1, 2: 2})
    oldest.query("ALTER TABLE shop.children ADD FOREIGN KEY (parent) REFERENCES shop.parents ON DELETE CASCADE")

    counts = family(oldest, {2: "b"}, {2: 2})

    assert counts == {name: {"inserted": 0, "updated": 0, "deleted": 1} for name in FAMILY}
    with pytest.raises(PublishError, match="such as parent=2"):
        family(oldest, {3: "c"}, {2: 2})
    assert pairs(oldest) == [(2, "b")]


def test_a_unique_value_passes_from_a_row_that_goes_to_one_that_comes(oldest: Target) -> None:
    family(oldest, {1: "a", 2: "b"}, {})
    oldest.query("ALTER TABLE shop.parents ADD UNIQUE (code)")

    family(oldest, {2: "b", 3: "a"}, {})

    assert oldest.query("SELECT id, code FROM shop.parents ORDER BY 1") == [(2, "b"), (3, "a")]


def test_rows_that_trade_a_unique_value_are_replaced_where_nobody_can_tell(oldest: Target) -> None:
    family(oldest, {1: "a", 2: "b", 3: "c"}, {})
    oldest.query("ALTER TABLE shop.parents ADD CONSTRAINT one_code UNIQUE (code)")

    counts = family(oldest, {1: "b", 2: "a", 3: "c"}, {})

    assert counts["parents"] == {"inserted": 0, "updated": 2, "deleted": 0}
    assert oldest.query("SELECT id, code FROM shop.parents ORDER BY 1") == [(1, "b"), (2, "a"), (3, "c")]


@pytest.mark.parametrize(
    "held",
    [
        "ALTER TABLE shop.parents ADD COLUMN mine text",
        "CREATE TABLE public.eater (p int REFERENCES shop.parents ON DELETE CASCADE)",
    ],
)
def test_rows_that_trade_a_unique_value_are_refused_where_something_hangs_on_them(oldest: Target, held: str) -> None:
    family(oldest, {1: "a", 2: "b", 3: "c"}, {})
    oldest.query("ALTER TABLE shop.parents ADD CONSTRAINT one_code UNIQUE (code)")
    oldest.query(held)

    with pytest.raises(PublishError, match=r'"one_code".*Key \(code\)=\([ab]\) already exists') as caught:
        family(oldest, {1: "b", 2: "a", 3: "c"}, {})

    assert "DEFERRABLE" in caught.value.hint
    oldest.query("ALTER TABLE shop.parents DROP CONSTRAINT one_code, ADD UNIQUE (code) DEFERRABLE")
    family(oldest, {1: "b", 2: "a", 3: "c"}, {})
    assert oldest.query("SELECT id, code FROM shop.parents ORDER BY 1") == [(1, "b"), (2, "a"), (3, "c")]


def test_an_owner_whom_a_policy_restricts_is_refused_and_would_have_compared_half_of_the_rows(
    oldest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with role(oldest, "GRANT CREATE ON DATABASE firn_test TO modest") as settings:
        mine = Target(oldest.dsn, settings)
        published(mine, {"orders": orders(rows=10)}, "diff")
        oldest.query("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        oldest.query("CREATE POLICY half ON shop.orders USING (id % 2 = 0)")

        with pytest.raises(PublishError, match='row-level security policy for table "orders"') as caught:
            published(mine, {"orders": orders(2, rows=10)}, "diff")
        assert "BYPASSRLS" in caught.value.hint
        assert oldest.query("SELECT count(*) FROM shop.orders WHERE name = 'generation 1'") == [(10,)]

        begin = changes._SQL["begin"].as_string().replace("SET LOCAL row_security = off;", "")  # noqa: SLF001
        monkeypatch.setitem(changes._SQL, "begin", SQL(begin))  # noqa: SLF001 # type: ignore[arg-type]
        seen: list[int] = []
        counted = changes.delta.write
        monkeypatch.setattr(changes.delta, "write", lambda *a: seen.append(counted(*a)["updated"]) or {})  # type: ignore[func-returns-value]
        with suppress(PublishError, KeyError):
            published(mine, {"orders": orders(2, rows=10)}, "diff")
        assert seen == [5]


def test_staging_that_a_crash_emptied_is_refused_and_would_have_emptied_production(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with temporary("15") as server:
        target = Target(server.dsn, Postgres(dsn=server.dsn, production="shop", max_wait_s=5))  # type: ignore[arg-type]
        published(target, {"orders": orders()}, "diff")
        with target.settings.open() as loader:
            run = staged(loader, {"orders": orders(2)}, "diff", deletes=1.0)
        crash(target)

        with target.settings.open() as loader:
            with pytest.raises(PublishError, match="did the server crash"):
                loader.publish(run)
            assert target.query("SELECT count(*) FROM shop.orders") == [(5,)]

            monkeypatch.setattr(changes.publish, "check_rows", lambda *_: None)
            loader.publish(run)
            assert target.query("SELECT count(*) FROM shop.orders") == [(0,)]


def crash(target: Target) -> None:
    """Kill a backend: PostgreSQL ends all others, and recovers."""
    with psycopg.connect(target.dsn, autocommit=True) as witness:
        with psycopg.connect(target.dsn) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
        with suppress(psycopg.OperationalError):
            witness.execute("SELECT pg_sleep(30)")
    for _ in range(2000):
        with suppress(psycopg.OperationalError):
            target.query("SELECT 1")
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("NEW.name := upper(NEW.name); RETURN NEW", "made another row of what was written, at id="),
        ("RETURN NULL", "0 were: a trigger or a rule"),
        ("DELETE FROM shop.orders WHERE id = 1; RETURN NEW", "would hold 5 rows and not 6"),
    ],
)
def test_a_trigger_that_makes_something_else_of_the_rows_is_refused(oldest: Target, returned: str, said: str) -> None:
    published(oldest, {"orders": orders()}, "diff")
    oldest.query(
        f"CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {returned}; END';"
        "CREATE TRIGGER f BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.f()"
    )
    before = oldest.production()

    with pytest.raises(PublishError, match=said) as caught:
        published(oldest, {"orders": orders(rows=6)}, "diff")

    assert "Production is unchanged" in caught.value.message
    assert oldest.production() == before


def test_what_others_added_to_a_table_stays_and_their_triggers_fire(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    oldest.query(
        "ALTER TABLE shop.orders ADD COLUMN mine text DEFAULT 'new', "
        "ADD COLUMN double numeric GENERATED ALWAYS AS (amount * 2) STORED; UPDATE shop.orders SET mine = 'kept';"
        "CREATE TABLE public.log (id int); CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.log VALUES (NEW.id); RETURN NULL; END';"
        "CREATE TRIGGER f AFTER INSERT OR UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.f()"
    )

    published(oldest, {"orders": orders(2, rows=6)}, "diff")

    assert oldest.query("SELECT DISTINCT mine FROM shop.orders WHERE id < 6") == [("kept",)]
    assert oldest.query("SELECT mine, double FROM shop.orders WHERE id = 6") == [("new", 24)]
    assert oldest.query("SELECT count(*) FROM public.log") == [(6,)]


@pytest.mark.parametrize("identity", ["ALWAYS", "BY DEFAULT"])
def test_the_next_number_of_a_sequence_is_free_after_numbers_were_published(oldest: Target, identity: str) -> None:
    oldest.query(
        f"CREATE SCHEMA shop; CREATE TABLE shop.orders (id int GENERATED {identity} AS IDENTITY PRIMARY KEY,"
        "name text, amount numeric(12,2))"
    )
    oldest.query("INSERT INTO shop.orders (name) VALUES ('first')")

    published(oldest, {"orders": orders(rows=7)}, "diff")
    oldest.query("INSERT INTO shop.orders (name) VALUES ('mine')")
    assert oldest.query("SELECT id FROM shop.orders WHERE name = 'mine'") == [(8,)]

    published(oldest, {"orders": orders(2, rows=5)}, "diff")
    oldest.query("INSERT INTO shop.orders (name) VALUES ('mine')")
    assert oldest.query("SELECT id FROM shop.orders WHERE name = 'mine'") == [(9,)]


def test_a_value_that_production_would_cut_is_named(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    with oldest.settings.open() as loader:
        run = staged(loader, {"orders": orders(12)}, "diff")
        oldest.query("ALTER TABLE shop.orders ALTER name TYPE varchar(12)")

        with pytest.raises(
            PublishError, match=r'"name".*character varying\(12\).*cannot hold .generation 12'
        ) as caught:
            loader.publish(run)

    assert "widen the column" in caught.value.hint


def test_what_another_dataset_publishes_is_refused(oldest: Target) -> None:
    published(oldest, {"orders": orders()}, "diff")
    with oldest.settings.open() as loader, pytest.raises(PublishError, match="is published by shop"):
        staged(loader, {"orders": orders()}, "diff", name="other")
