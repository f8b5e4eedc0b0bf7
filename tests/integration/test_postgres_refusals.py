"""What no publication of a kind can carry is refused by name, with the way out, before a row is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from pydantic import SecretStr
from test_postgres_servers import CONTRACTS, Target, fresh, newest, orders, published, target

from firn import Dataset, PublishError, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fresh", "newest", "target"]

SWAP = Dataset("shop", CONTRACTS, strategy="swap")

# What stands in the way of a swap, and the words by which it is named. Each stays with the table that it was made on.
BOUND = {
    "materialized view": (
        "CREATE MATERIALIZED VIEW public.m AS SELECT id FROM shop.orders",
        "materialized view public.m",
    ),
    "function that takes a row": (
        "CREATE FUNCTION public.f(shop.orders) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public.f(shop.orders)",
    ),
    "function that returns rows": (
        "CREATE FUNCTION public.g() RETURNS SETOF shop.orders LANGUAGE sql AS 'SELECT * FROM shop.orders'",
        "function public.g()",
    ),
    "function of an array of rows": (
        "CREATE FUNCTION public.h(shop.orders[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public.h(shop.orders[])",
    ),
    "column of rows": ("CREATE TABLE public.copies (o shop.orders)", "column o of table public.copies"),
    "composite type": ("CREATE TYPE public.pair AS (o shop.orders)", "column o of composite type public.pair"),
    "domain of rows": ("CREATE DOMAIN public.one AS shop.orders", "type public.one"),
    "cast of rows": (
        (
            "CREATE FUNCTION public.c(shop.orders) RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "CREATE CAST (shop.orders AS int) WITH FUNCTION public.c(shop.orders)"
        ),
        "cast from shop.orders to integer",
    ),
    "view of the whole row": ("CREATE VIEW public.whole AS SELECT o FROM shop.orders o", "view public.whole"),
    "rule": ("CREATE RULE r AS ON DELETE TO shop.orders DO INSTEAD NOTHING", "rule r on table shop.orders"),
    "rule on a view": (
        (
            "CREATE VIEW public.ruled AS SELECT id FROM shop.orders;"
            "CREATE RULE r2 AS ON DELETE TO public.ruled DO INSTEAD DELETE FROM shop.orders WHERE id = OLD.id"
        ),
        "view public.ruled",
    ),
    "rule elsewhere": (
        (
            "CREATE TABLE public.other_1 (id int);"
            "CREATE RULE r3 AS ON INSERT TO public.other_1 DO ALSO DELETE FROM shop.orders WHERE id < 0"
        ),
        "table public.other_1",
    ),
    "constant of its identity": (
        "CREATE TABLE public.other_2 (source regclass DEFAULT 'shop.orders'::regclass)",
        "default value for column source of table public.other_2",
    ),
    "constant of its row type": (
        "CREATE TABLE public.other_3 (source regtype DEFAULT 'shop.orders'::regtype)",
        "default value for column source of table public.other_3",
    ),
    "publication of the table": ("CREATE PUBLICATION p1 FOR TABLE shop.orders", "publication p1"),
    "publication of the schema": ("CREATE PUBLICATION p2 FOR TABLES IN SCHEMA shop", "publication p2"),
    "publication of everything": ("CREATE PUBLICATION p3 FOR ALL TABLES", "publication p3"),
    "foreign key from outside": (
        "CREATE TABLE public.child (o int CONSTRAINT child_fk REFERENCES shop.orders)",
        "constraint child_fk on table public.child",
    ),
    "child table": ("CREATE TABLE public.heir () INHERITS (shop.orders)", "table public.heir"),
    "parent table": (
        "CREATE TABLE public.parent (id int NOT NULL); ALTER TABLE shop.orders INHERIT public.parent",
        "parent public.parent",
    ),
    "member of an extension": ("ALTER EXTENSION plpgsql ADD TABLE shop.orders", "extension plpgsql"),
    "security label": (
        "INSERT INTO pg_seclabel VALUES ('shop.orders'::regclass, 'pg_class'::regclass, 0, 'selinux', 'secret')",
        "security label on table shop.orders",
    ),
    "unlogged": ("ALTER TABLE shop.orders SET UNLOGGED", "unlogged"),
    "invalid index": (
        (
            "CREATE INDEX half_made ON shop.orders (name);"
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.half_made'::regclass"
        ),
        "index half_made",
    ),
    "column that is not in the contract": ("ALTER TABLE shop.orders ADD extra int", "extra"),
}


# The way out, where it is not the strategy that changes rows in place.
WAYS = {"child table": "NO INHERIT", "invalid index": "REINDEX"}
# These keep others from being made, or there would be more than a message names.
ALONE = (
    "invalid index",
    "rule",
    "parent table",
    "child table",
    "unlogged",
    "security label",
    "publication of the schema",
    "domain of rows",
    "column that is not in the contract",
)


def refusal(settings: Target, dataset: Dataset, role: str = "") -> list[str]:
    """Return what `check` and `prepare` say when they refuse, after proving that nothing was changed."""
    before = settings.production()
    dsn = psycopg.conninfo.make_conninfo(settings.dsn, options=f"-c role={role}") if role else settings.dsn
    with settings.with_settings(dsn=SecretStr(dsn)).open() as loader:
        with pytest.raises(PublishError, match="Production is unchanged") as checked:
            loader.check(dataset)
        with pytest.raises(PublishError, match="Production is unchanged") as prepared:
            loader.prepare(Run.start("shop"), dataset)
    assert settings.production() == before
    assert not settings.query("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'firn_stage%'")
    return [f"{caught.value.message}\n{caught.value.hint}" for caught in (checked, prepared)]


@pytest.mark.parametrize("bound", BOUND)
def test_what_a_swap_cannot_carry_is_refused_by_name_with_the_way_out(newest: Target, bound: str) -> None:
    made, words = BOUND[bound]
    published(newest.settings)
    newest.query(made)

    for said in refusal(newest, SWAP):
        assert words in said
        assert '"orders"' in said
        assert WAYS.get(bound, 'strategy = "diff"') in said


def test_all_of_it_at_once_is_refused_on_each_version(target: Target) -> None:
    published(target.settings)
    together = {name: made for name, made in BOUND.items() if name not in ALONE}
    for made, _ in together.values():
        target.query(made)

    for said in refusal(target, SWAP):
        assert [name for name, (_, words) in together.items() if words not in said] == []


OTHERS_TABLE: Mapping[str, tuple[str, str]] = {
    "view": ("CREATE VIEW shop.orders AS SELECT 1 AS id", "view"),
    "materialized view": ("CREATE MATERIALIZED VIEW shop.orders AS SELECT 1 AS id", "materialized view"),
    "partitioned table": ("CREATE TABLE shop.orders (id int) PARTITION BY LIST (id)", "partitioned table"),
    "partition": (
        (
            "CREATE TABLE public.p (id int) PARTITION BY LIST (id);"
            "CREATE TABLE shop.orders PARTITION OF public.p FOR VALUES IN (1)"
        ),
        "parent public.p",
    ),
    "typed table": ("CREATE TYPE public.o AS (id int); CREATE TABLE shop.orders OF public.o", "public.o"),
    "foreign table": (
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
            "CREATE FOREIGN TABLE shop.orders (id int) SERVER s"
        ),
        "foreign table",
    ),
    "sequence": ("CREATE SEQUENCE shop.orders", "sequence"),
}


@pytest.mark.parametrize("strategy", ["swap", "diff"])
@pytest.mark.parametrize("other", OTHERS_TABLE)
def test_what_is_no_plain_table_is_refused_whatever_the_strategy(newest: Target, other: str, strategy: str) -> None:
    made, words = OTHERS_TABLE[other]
    newest.query("CREATE SCHEMA shop")
    newest.query(made)
    dataset = Dataset("shop", {"orders": CONTRACTS["orders"]}, strategy=strategy)  # type: ignore[arg-type]

    is_table = other in {"partition", "typed table"}
    named = "cannot be changed in place" if is_table and strategy == "diff" else words
    with newest.settings.open() as loader:
        with pytest.raises(PublishError, match=named):
            loader.check(dataset)
        with pytest.raises(PublishError, match=named) as caught:
            loader.prepare(Run.start("shop"), dataset)
    assert '"orders"' in caught.value.message
    assert "Production is unchanged" in caught.value.message
    assert caught.value.hint


def test_a_swap_and_changes_of_rows_in_one_publication_are_refused(newest: Target) -> None:
    mixed = Dataset("shop", CONTRACTS, strategy={"orders": "swap", "lines": "rewrite", "notes": "diff"})
    published(newest.settings)

    for said in refusal(newest, mixed):
        assert '"orders"' in said
        assert "two generations" in said


def test_a_diff_of_a_table_without_a_key_is_refused(newest: Target) -> None:
    published(newest.settings)

    for said in refusal(newest, Dataset("shop", CONTRACTS, strategy="diff")):
        assert '"lines"' in said
        assert "rewrite" in said


def test_a_diff_of_a_table_that_has_no_unique_index_on_the_key_is_refused(newest: Target) -> None:
    published(newest.settings)
    newest.query("ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey")
    contracts = {"orders": CONTRACTS["orders"]}

    for said in refusal(newest, Dataset("shop", contracts, strategy="diff")):
        assert '"orders"' in said
        assert "id" in said


def test_more_deletions_than_allowed_are_refused_with_their_number(newest: Target) -> None:
    published(newest.settings)
    contracts = {"orders": CONTRACTS["orders"]}
    before = newest.production()
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", contracts, strategy="diff", deletes=0.5))
        loader.stage(run, "orders", "", orders(1, 2))
        loader.verify(run)
        with pytest.raises(PublishError, match="Production is unchanged") as caught:
            loader.publish(run)

    assert '"orders"' in caught.value.message
    assert "3" in caught.value.message
    assert "5" in caught.value.message
    assert caught.value.hint
    assert newest.production() == before


def test_a_reference_to_a_table_that_firns_role_may_not_lock_is_refused_with_the_grant(target: Target) -> None:
    target.query(
        'DROP ROLE IF EXISTS "Shop owner"; CREATE ROLE "Shop owner";'
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO \"Shop owner\"', current_database()); END $$;"
        "CREATE TABLE public.parent (id int PRIMARY KEY); INSERT INTO public.parent SELECT generate_series(1, 9);"
        'GRANT SELECT, REFERENCES ON public.parent TO "Shop owner"'
    )
    owned = psycopg.conninfo.make_conninfo(target.dsn, options="-c role=Shop\\ owner")
    settings = target.with_settings(dsn=SecretStr(owned))
    try:
        published(settings)
        target.query("ALTER TABLE shop.orders ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES public.parent")
        for said in refusal(target, Dataset("shop", CONTRACTS, strategy="swap"), "Shop\\ owner"):
            assert "constraint fk" in said
            assert 'GRANT UPDATE ON "public"."parent" TO "Shop owner"' in said

        target.query('GRANT UPDATE ON "public"."parent" TO "Shop owner"')
        assert published(settings, 2).generation == 2
    finally:
        target.query('DROP OWNED BY "Shop owner" CASCADE; DROP ROLE "Shop owner"')
