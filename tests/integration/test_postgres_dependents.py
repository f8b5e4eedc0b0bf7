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
    "foreign key to another table": (
        (
            "CREATE TABLE public.parent (id int PRIMARY KEY);"
            "INSERT INTO public.parent SELECT id FROM shop.orders;"
            "ALTER TABLE shop.orders ADD CONSTRAINT parent_fk FOREIGN KEY (id) REFERENCES public.parent"
        ),
        "constraint parent_fk",
    ),
    "trigger": (
        (
            "CREATE FUNCTION public.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.t()"
        ),
        "trigger stamp",
    ),
    "policy": ("CREATE POLICY mine ON shop.orders USING (true)", "policy mine on table shop.orders"),
    "row level security": ("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY", "row level security enabled"),
    "forced row level security": ("ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY", "row level security forced"),
    "grant": ("GRANT SELECT ON shop.orders TO PUBLIC", "grant to PUBLIC (SELECT)"),
    "grant with grant option": (
        "GRANT SELECT, UPDATE ON shop.orders TO pg_monitor WITH GRANT OPTION",
        "grant to pg_monitor (SELECT WITH GRANT OPTION, UPDATE WITH GRANT OPTION)",
    ),
    "grant on a column": ("GRANT SELECT (name) ON shop.orders TO PUBLIC", "grant on column name"),
    "right withdrawn from the owner": ("REVOKE DELETE ON shop.orders FROM CURRENT_USER", "right withdrawn from owner"),
    "publication of the table": ("CREATE PUBLICATION p FOR TABLE shop.orders", "publication p"),
    "publication of the schema": (
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA shop",
        "publication p (for tables in schema)",
    ),
    "publication of everything": ("CREATE PUBLICATION p FOR ALL TABLES", "publication p (for all tables)"),
    "index": ("CREATE INDEX orders_name ON shop.orders (name)", "index orders_name"),
    "unique constraint": ("ALTER TABLE shop.orders ADD CONSTRAINT once UNIQUE (id, name)", "constraint once"),
    "check": ("ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (id > 0)", "constraint positive"),
    "exclusion": ("ALTER TABLE shop.orders ADD CONSTRAINT apart EXCLUDE (id WITH =)", "constraint apart"),
    "not null": ("UPDATE shop.orders SET name = ''; ALTER TABLE shop.orders ALTER name SET NOT NULL", "column name"),
    "extended statistics": (
        "CREATE STATISTICS shop.pairs ON id, name FROM shop.orders",
        "statistics object shop.pairs",
    ),
    "comment": ("COMMENT ON TABLE shop.orders IS 'ours'", "comment on table shop.orders (ours)"),
    "comment on a column": (
        "COMMENT ON COLUMN shop.orders.name IS 'ours'",
        "comment on column name of table shop.orders",
    ),
    "comment on the key": (
        "COMMENT ON CONSTRAINT orders_pkey ON shop.orders IS 'ours'",
        "comment on constraint orders_pkey",
    ),
    "comment on an index": ("COMMENT ON INDEX shop.orders_pkey IS 'ours'", "comment on index shop.orders_pkey"),
    "storage options": ("ALTER TABLE shop.orders SET (fillfactor = 70)", "storage options fillfactor=70"),
    "toast options": (
        "ALTER TABLE shop.orders SET (toast.autovacuum_enabled = false)",
        "toast options autovacuum_enabled=false",
    ),
    "options of the index": ("ALTER INDEX shop.orders_pkey SET (fillfactor = 70)", "options of index orders_pkey"),
    "storage of a column": ("ALTER TABLE shop.orders ALTER name SET STORAGE EXTERNAL", "storage of column name"),
    "compression of a column": (
        "ALTER TABLE shop.orders ALTER name SET COMPRESSION pglz",
        "compression of column name",
    ),
    "statistics of a column": (
        "ALTER TABLE shop.orders ALTER name SET STATISTICS 500",
        "statistics target of column name",
    ),
    "options of a column": ("ALTER TABLE shop.orders ALTER name SET (n_distinct = 5)", "option of column name"),
    "collation of a column": (
        'ALTER TABLE shop.orders ALTER name TYPE text COLLATE "POSIX"',
        "collation of column name",
    ),
    "replica identity": ("ALTER TABLE shop.orders REPLICA IDENTITY FULL", "replica identity full"),
    "cluster mark": ("ALTER TABLE shop.orders CLUSTER ON orders_pkey", "cluster mark on index orders_pkey"),
    "child table": ("CREATE TABLE public.child () INHERITS (shop.orders)", "table public.child"),
    "parent table": (
        "CREATE TABLE public.parent (id int NOT NULL); ALTER TABLE shop.orders INHERIT public.parent",
        "parent public.parent",
    ),
    "default": ("ALTER TABLE shop.orders ALTER name SET DEFAULT 'x'", "default of column name"),
    "identity": ("ALTER TABLE shop.orders ALTER id ADD GENERATED ALWAYS AS IDENTITY", "identity column id"),
    "owned sequence": ("CREATE SEQUENCE shop.counter OWNED BY shop.orders.id", "sequence shop.counter"),
    "generated column": (
        "ALTER TABLE shop.orders ADD twice int GENERATED ALWAYS AS (id * 2) STORED",
        "generated column twice",
    ),
    "column": ("ALTER TABLE shop.orders ADD extra int", "column extra (integer)"),
    "type of a column": ("ALTER TABLE shop.orders ALTER name TYPE varchar(40)", "column name (character varying(40))"),
    "owner": ("CREATE ROLE other; ALTER TABLE shop.orders OWNER TO other", "owner other"),
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
