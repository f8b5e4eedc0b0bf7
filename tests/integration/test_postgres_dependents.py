"""What cannot follow a new table is refused by name, before rows are sent and again under the locks."""

from __future__ import annotations

import pytest
from test_postgres_servers import SHOP, Target, fresh, newest, published, staged, target

from firn import PublishError, Run

__all__ = ["fresh", "newest", "target"]

# What is put on the table, and the words by which the refusal names it.
DEPENDENTS = {
    "view of the whole row": ("CREATE VIEW public.v AS SELECT o FROM shop.orders o", "view public.v"),
    "materialized view": (
        "CREATE MATERIALIZED VIEW public.m AS SELECT id FROM shop.orders",
        "materialized view public.m",
    ),
    "rule": ("CREATE RULE r AS ON DELETE TO shop.orders DO INSTEAD NOTHING", "rule r on table shop.orders"),
    "rule on a view": (
        (
            "CREATE VIEW public.v AS SELECT id FROM shop.notes;"
            "CREATE RULE r AS ON DELETE TO public.v DO INSTEAD DELETE FROM shop.orders WHERE id = old.id"
        ),
        'rule r on view public.v is a rewrite rule and would act on the old table (publish with strategy = "diff")',
    ),
    "view of an extension": (
        "CREATE VIEW public.v AS SELECT id FROM shop.orders; ALTER EXTENSION plpgsql ADD VIEW public.v",
        "view public.v belongs to an extension",
    ),
    "function of the row type": (
        "CREATE FUNCTION public.f(shop.orders) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public.f(shop.orders)",
    ),
    "function of an array of the row type": (
        "CREATE FUNCTION public.f(shop.orders[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public.f(shop.orders[])",
    ),
    "column of the row type": ("CREATE TABLE public.other (o shop.orders)", "column o of table public.other"),
    "composite type": ("CREATE TYPE public.pair AS (o shop.orders)", "column o of composite type public.pair"),
    "default elsewhere": (
        "CREATE TABLE public.other (source regclass DEFAULT 'shop.orders'::regclass)",
        "default value for column source of table public.other",
    ),
    "default of its own that names the table": (
        "ALTER TABLE shop.orders ALTER name SET DEFAULT 'shop.orders'::regclass::text",
        "default value for column name of table shop.orders holds the number of the table that would go",
    ),
    "check elsewhere": (
        "CREATE TABLE public.other (source oid CHECK (source <> 'shop.orders'::regclass))",
        "constraint other_source_check on table public.other holds the number of the table that would go",
    ),
    "constraint trigger elsewhere": (
        (
            "CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TABLE public.other (id int);"
            "CREATE CONSTRAINT TRIGGER far AFTER INSERT ON public.other FROM shop.orders"
            " FOR EACH ROW EXECUTE FUNCTION public.t()"
        ),
        "trigger far on table public.other is of a kind that firn does not know",
    ),
    "foreign key from another table": (
        "CREATE TABLE public.child (o int CONSTRAINT child_fk REFERENCES shop.orders)",
        "constraint child_fk on table public.child",
    ),
    "publication of the table": ("CREATE PUBLICATION p FOR TABLE shop.orders", "publication p"),
    "publication of the schema": (
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA shop",
        "publication p (for tables in schema)",
    ),
    "publication of everything": ("CREATE PUBLICATION p FOR ALL TABLES", "publication p (for all tables)"),
    "child table": ("CREATE TABLE public.child () INHERITS (shop.orders)", "table public.child"),
    "parent table": (
        "CREATE TABLE public.parent (id int NOT NULL); ALTER TABLE shop.orders INHERIT public.parent",
        "parent public.parent",
    ),
    "column": ("ALTER TABLE shop.orders ADD extra int", "column extra (integer)"),
    "unlogged": ("ALTER TABLE shop.orders SET UNLOGGED", "persistence unlogged"),
}


@pytest.mark.parametrize("dependent", DEPENDENTS)
def test_what_a_swap_would_lose_is_refused_by_name_and_production_is_unchanged(target: Target, dependent: str) -> None:
    statement, words = DEPENDENTS[dependent]
    published(target.settings)
    try:
        target.query(statement)
        before = target.production()

        with target.settings.open() as loader, pytest.raises(PublishError, match="Production is unchanged") as caught:
            loader.prepare(Run.start("shop"), SHOP)

        assert words in caught.value.message
        assert '"orders"' in caught.value.message
        assert caught.value.hint
        assert target.production() == before
        assert not target.query("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'firn_stage%'")
    finally:
        target.query("DROP TABLE shop.orders CASCADE")
        target.query("DROP ROLE IF EXISTS other")


@pytest.mark.parametrize("dependent", DEPENDENTS)
def test_what_was_put_there_since_staging_is_refused_at_publication(newest: Target, dependent: str) -> None:
    statement, words = DEPENDENTS[dependent]
    published(newest.settings)
    try:
        with newest.settings.open() as loader:
            run = staged(loader, 2)
            newest.query(statement)
            before = newest.production()

            with pytest.raises(PublishError, match="Production is unchanged") as caught:
                loader.publish(run)

        assert words in caught.value.message
        assert newest.production() == before
    finally:
        newest.query("DROP TABLE shop.orders CASCADE")
        newest.query("DROP ROLE IF EXISTS other")
