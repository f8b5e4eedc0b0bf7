"""What somebody put on a published table is still there, and still works, after a swap, a rollback and a repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import dataframely as dy
import polars as pl
import psycopg
import pytest
from test_postgres_servers import SHOP, Target, fresh, lines, newest, notes, published, staged, target

from firn import Dataset, LoadError, PartKey, PublishError, Run
from loaders import inventory, swap
from loaders.ddl import layout
from loaders.dressing import Dressing
from loaders.ledger import digests
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fresh", "newest", "target"]

_ROLES = """
DO $$ BEGIN
    CREATE ROLE dressed_reader;
    CREATE ROLE "Dressed Owner";
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
GRANT USAGE ON SCHEMA shop TO dressed_reader, "Dressed Owner";
"""
_AS = {"AS READER": "SET LOCAL ROLE dressed_reader;", "AS OWNER": 'SET LOCAL ROLE "Dressed Owner";'}
_STAMP = """
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := TG_NAME; RETURN NEW; END $$;
"""
_PARENT = "CREATE TABLE public.parent (id int PRIMARY KEY); INSERT INTO public.parent SELECT generate_series(0, 99);"
_INSERT = "INSERT INTO shop.orders (id) VALUES (50) RETURNING name"


class Case(NamedTuple):
    """Something that is put on ``shop.orders``, and statements that notice it."""

    put: str
    tried: Sequence[str]


def _listed(query: str) -> Case:
    put, _, listed = query.partition(" -> ")
    return Case(put, [listed])


def _described(kind: str) -> str:
    return f"SELECT obj_description('shop.{kind}'::regclass)"


_TABLE = "'shop.orders'::regclass"
_KEY = "'shop.orders_pkey'::regclass"
_OPTIONS = "SELECT reloptions FROM pg_class WHERE oid = {}"
_OF_COLUMN = "SELECT {} FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = '{}'"

CASES = {
    "index": _listed(
        'CREATE INDEX "By ""Name""" ON shop.orders (lower(name) DESC NULLS LAST) INCLUDE (id) WITH (fillfactor = 55)'
        " WHERE name <> ' ON shop.orders USING ' -> SELECT indexdef FROM pg_indexes"
        " WHERE schemaname = 'shop' ORDER BY 1"
    ),
    "unique index": Case(
        "CREATE UNIQUE INDEX once ON shop.orders (amount) WHERE id > 3",
        ["INSERT INTO shop.orders SELECT 50, name, amount FROM shop.orders WHERE id = 4"],
    ),
    "unique constraint": Case(
        "ALTER TABLE shop.orders ADD CONSTRAINT once UNIQUE NULLS NOT DISTINCT (amount) DEFERRABLE INITIALLY DEFERRED",
        [
            "UPDATE shop.orders SET amount = 1",
            "UPDATE shop.orders SET amount = 1; SET CONSTRAINTS ALL IMMEDIATE",
            "INSERT INTO shop.orders VALUES (50), (51); SET CONSTRAINTS ALL IMMEDIATE",
        ],
    ),
    "check": Case("ALTER TABLE shop.orders ADD CONSTRAINT small CHECK (id < 40)", [_INSERT]),
    "check that old rows do not fulfil": Case(
        "ALTER TABLE shop.orders ADD CONSTRAINT large CHECK (id > 60) NOT VALID",
        [
            _INSERT,
            "SELECT convalidated FROM pg_constraint WHERE conname = 'large' AND conrelid = 'shop.orders'::regclass",
        ],
    ),
    "exclusion": Case(
        "ALTER TABLE shop.orders ADD CONSTRAINT apart EXCLUDE USING gist (int4range(id, id + 1) WITH &&)"
        " WHERE (id > 2)",
        ["ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey; INSERT INTO shop.orders VALUES (4)"],
    ),
    "not null": Case("ALTER TABLE shop.orders ALTER name SET NOT NULL", [_INSERT]),
    "default": Case("ALTER TABLE shop.orders ALTER name SET DEFAULT 'it''s %s {}'", [_INSERT]),
    "identity": Case(
        'ALTER TABLE shop.orders ALTER id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME shop."The Counter" START 70);'
        'GRANT USAGE ON SEQUENCE shop."The Counter" TO dressed_reader;'
        "COMMENT ON SEQUENCE shop.\"The Counter\" IS 'counts'",
        [
            "INSERT INTO shop.orders (name) VALUES ('')",
            "INSERT INTO shop.orders (id) VALUES (60)",
            "SELECT obj_description('shop.\"The Counter\"'::regclass)",
            "SELECT pg_get_serial_sequence('shop.orders', 'id')",
            "SELECT has_sequence_privilege('dressed_reader', 'shop.\"The Counter\"', 'USAGE')",
        ],
    ),
    "serial": Case(
        "CREATE SEQUENCE shop.counter OWNED BY shop.orders.id;"
        "ALTER TABLE shop.orders ALTER id SET DEFAULT nextval('shop.counter') + 900",
        ["INSERT INTO shop.orders (name) VALUES ('')", "SELECT pg_get_serial_sequence('shop.orders', 'id')"],
    ),
    "generated column": Case(
        "ALTER TABLE shop.orders ADD twice int GENERATED ALWAYS AS (id * 2) STORED",
        ["SELECT twice FROM shop.orders ORDER BY 1", "INSERT INTO shop.orders (id) VALUES (50) RETURNING twice"],
    ),
    "type of a column": Case(
        "ALTER TABLE shop.orders ALTER name TYPE varchar(12)", ["UPDATE shop.orders SET name = name || '!!'"]
    ),
    "enum": Case(
        "CREATE TYPE public.state AS ENUM ('generation 1', 'generation 2', 'open');"
        "ALTER TABLE shop.orders ALTER name TYPE public.state USING name::public.state",
        ["UPDATE shop.orders SET name = 'shut'", "SELECT pg_typeof(name) FROM shop.orders"],
    ),
    "domain": Case(
        "CREATE DOMAIN public.title AS varchar(40) CHECK (VALUE <> 'bad');"
        "ALTER TABLE shop.orders ALTER name TYPE public.title",
        ["UPDATE shop.orders SET name = 'bad'"],
    ),
    "collation": Case(
        'ALTER TABLE shop.orders ALTER name TYPE text COLLATE "POSIX"', ["SELECT collation for (name) FROM shop.orders"]
    ),
    "storage": _listed(
        f"ALTER TABLE shop.orders ALTER name SET STORAGE EXTERNAL -> {_OF_COLUMN.format('attstorage', 'name')}"
    ),
    "compression": _listed(
        f"ALTER TABLE shop.orders ALTER name SET COMPRESSION pglz -> {_OF_COLUMN.format('attcompression', 'name')}"
    ),
    "statistics target": _listed(
        f"ALTER TABLE shop.orders ALTER name SET STATISTICS 333 -> {_OF_COLUMN.format('attstattarget', 'name')}"
    ),
    "distinct values": _listed(
        f"ALTER TABLE shop.orders ALTER name SET (n_distinct = -0.5, n_distinct_inherited = 7) -> "
        f"{_OF_COLUMN.format('attoptions', 'name')}"
    ),
    "storage options": _listed(
        f"ALTER TABLE shop.orders SET (fillfactor = 70, autovacuum_enabled = false) -> {_OPTIONS.format(_TABLE)}"
    ),
    "toast options": Case(
        "ALTER TABLE shop.orders SET (toast.autovacuum_vacuum_threshold = 77)",
        [_OPTIONS.format("(SELECT reltoastrelid FROM pg_class WHERE oid = 'shop.orders'::regclass)")],
    ),
    "options of the key": _listed(f"ALTER INDEX shop.orders_pkey SET (fillfactor = 70) -> {_OPTIONS.format(_KEY)}"),
    "statistics of an index": Case(
        "CREATE INDEX by_name ON shop.orders (lower(name)); ALTER INDEX shop.by_name ALTER COLUMN 1 SET STATISTICS 77",
        ["SELECT attstattarget FROM pg_attribute WHERE attrelid = 'shop.by_name'::regclass"],
    ),
    "extended statistics": Case(
        "CREATE STATISTICS public.pairs (mcv) ON name, (id % 2) FROM shop.orders;"
        "ALTER STATISTICS public.pairs SET STATISTICS 50; COMMENT ON STATISTICS public.pairs IS 'ours';"
        "ANALYZE shop.orders",
        [
            (
                "SELECT pg_get_statisticsobjdef(oid), stxstattarget, stxnamespace::regnamespace,"
                " obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext"
                " WHERE stxrelid = 'shop.orders'::regclass"
            ),
            "SELECT count(*) FROM pg_stats_ext WHERE statistics_schemaname = 'public'",
        ],
    ),
    "cluster mark": _listed(
        "ALTER TABLE shop.orders CLUSTER ON orders_pkey -> "
        "SELECT indexrelid::regclass FROM pg_index WHERE indisclustered AND indrelid = 'shop.orders'::regclass"
    ),
    "replica identity": _listed(
        "ALTER TABLE shop.orders REPLICA IDENTITY FULL -> "
        "SELECT relreplident FROM pg_class WHERE oid = 'shop.orders'::regclass"
    ),
    "replica identity by an index": Case(
        "CREATE UNIQUE INDEX named ON shop.orders (id); ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX named",
        ["SELECT indexrelid::regclass FROM pg_index WHERE indisreplident AND indrelid = 'shop.orders'::regclass"],
    ),
    "foreign key outwards": Case(
        f"{_PARENT} ALTER TABLE shop.orders ADD CONSTRAINT parent_fk FOREIGN KEY (id) REFERENCES public.parent"
        " ON DELETE CASCADE DEFERRABLE; COMMENT ON CONSTRAINT parent_fk ON shop.orders IS 'out'",
        [
            "INSERT INTO shop.orders VALUES (100)",
            "DELETE FROM public.parent WHERE id = 1; SELECT min(id) FROM shop.orders",
            (
                "SELECT convalidated, obj_description(oid, 'pg_constraint') FROM pg_constraint"
                " WHERE conname = 'parent_fk'"
                " AND conrelid = 'shop.orders'::regclass"
            ),
        ],
    ),
    "foreign key between two tables": Case(
        "ALTER TABLE shop.lines ADD CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES shop.orders"
        " ON DELETE CASCADE",
        ["INSERT INTO shop.lines VALUES (99)", "DELETE FROM shop.orders WHERE id = 1; SELECT count(*) FROM shop.lines"],
    ),
    "foreign keys in a circle": Case(
        "ALTER TABLE shop.orders ADD CONSTRAINT of_note FOREIGN KEY (id) REFERENCES shop.notes DEFERRABLE NOT VALID;"
        "ALTER TABLE shop.notes ADD CONSTRAINT of_order FOREIGN KEY (id) REFERENCES shop.orders NOT VALID",
        ["INSERT INTO shop.notes VALUES (99)", _INSERT],
    ),
    "foreign key to itself": Case(
        "ALTER TABLE shop.orders ADD before int GENERATED ALWAYS AS (nullif(id, 1) - 1) STORED,"
        "ADD CONSTRAINT chain FOREIGN KEY (before) REFERENCES shop.orders (id)",
        ["DELETE FROM shop.orders WHERE id = 3", _INSERT],
    ),
    "trigger": Case(
        f'{_STAMP} CREATE TRIGGER " ON it" BEFORE INSERT OR UPDATE OF name ON shop.orders FOR EACH ROW'
        " WHEN (NEW.id > 0) EXECUTE FUNCTION public.stamp('x');"
        " COMMENT ON TRIGGER \" ON it\" ON shop.orders IS 'stamps'",
        [_INSERT, "SELECT obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgrelid = 'shop.orders'::regclass"],
    ),
    "disabled trigger": Case(
        f"{_STAMP} CREATE TRIGGER off BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.stamp();"
        "ALTER TABLE shop.orders DISABLE TRIGGER off",
        [
            "ALTER TABLE shop.orders ENABLE TRIGGER off; " + _INSERT,
            "SELECT tgenabled FROM pg_trigger WHERE tgname = 'off' AND tgrelid = 'shop.orders'::regclass",
        ],
    ),
    "constraint trigger": Case(
        f"{_STAMP} CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shop.orders FROM shop.lines"
        " DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.stamp(); ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER late",
        [
            (
                "SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE tgname = 'late'"
                " AND tgrelid = 'shop.orders'::regclass"
            )
        ],
    ),
    "row security": Case(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; GRANT SELECT ON shop.orders TO dressed_reader;"
        "CREATE POLICY odd ON shop.orders FOR SELECT TO dressed_reader USING (id % 2 = 1);"
        "CREATE POLICY few ON shop.orders AS RESTRICTIVE USING (id < 4) WITH CHECK (id < 3);"
        "COMMENT ON POLICY few ON shop.orders IS 'few'",
        [
            "AS READER SELECT id FROM shop.orders ORDER BY 1",
            (
                "SELECT polname, obj_description(oid, 'pg_policy') FROM pg_policy"
                " WHERE polrelid = 'shop.orders'::regclass ORDER BY 1"
            ),
        ],
    ),
    "row security that reads another table": Case(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; GRANT SELECT ON shop.orders, shop.lines TO dressed_reader;"
        "CREATE POLICY used ON shop.orders USING (id IN (SELECT order_id FROM shop.lines) AND name = (SELECT max(text)"
        " FROM shop.notes)); GRANT SELECT ON shop.notes TO dressed_reader;"
        " COMMENT ON POLICY used ON shop.orders IS 'used'",
        [
            "AS READER SELECT id FROM shop.orders ORDER BY 1",
            (
                "SELECT pg_get_expr(polqual, polrelid), obj_description(oid, 'pg_policy') FROM pg_policy"
                " WHERE polrelid = 'shop.orders'::regclass"
            ),
        ],
    ),
    "forced row security": Case(
        'ALTER TABLE shop.orders OWNER TO "Dressed Owner"; ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY,'
        " FORCE ROW LEVEL SECURITY; CREATE POLICY one ON shop.orders USING (id = 1)",
        ["AS OWNER SELECT id FROM shop.orders"],
    ),
    "owner": Case('ALTER TABLE shop.orders OWNER TO "Dressed Owner"', ["AS OWNER SELECT count(*) FROM shop.orders"]),
    "grant": Case(
        "GRANT SELECT ON shop.orders TO dressed_reader",
        [
            "AS READER SELECT count(*) FROM shop.orders",
            "SELECT relacl FROM pg_class WHERE oid = 'shop.orders'::regclass",
        ],
    ),
    "grant of a grant": Case(
        'GRANT SELECT, UPDATE ON shop.orders TO "Dressed Owner" WITH GRANT OPTION;'
        'SET ROLE "Dressed Owner"; GRANT SELECT ON shop.orders TO dressed_reader; RESET ROLE',
        [
            "SELECT relacl FROM pg_class WHERE oid = 'shop.orders'::regclass",
            "AS READER SELECT count(*) FROM shop.orders",
        ],
    ),
    "grant on a column": Case(
        "GRANT SELECT (id), UPDATE (name) ON shop.orders TO dressed_reader",
        [
            "AS READER SELECT count(id) FROM shop.orders",
            "AS READER SELECT count(name) FROM shop.orders",
            "AS READER UPDATE shop.orders SET name = ''",
        ],
    ),
    "right withdrawn from the owner": Case(
        'ALTER TABLE shop.orders OWNER TO "Dressed Owner"; REVOKE DELETE ON shop.orders FROM "Dressed Owner"',
        ["AS OWNER DELETE FROM shop.orders", "AS OWNER SELECT count(*) FROM shop.orders"],
    ),
    "default rights": Case(
        "REVOKE ALL ON shop.orders FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"
        "COMMENT ON TABLE shop.orders IS ''; COMMENT ON COLUMN shop.orders.id IS 'not for all'",
        ["AS READER SELECT count(*) FROM shop.orders", "SELECT col_description('shop.orders'::regclass, 1)"],
    ),
    "comments": Case(
        "COMMENT ON TABLE shop.orders IS E'it\\'s \\\\ \"ours\"'; COMMENT ON COLUMN shop.orders.name IS 'a column';"
        "COMMENT ON CONSTRAINT orders_pkey ON shop.orders IS 'a key'; COMMENT ON INDEX shop.orders_pkey IS 'its index'",
        [
            _described("orders"),
            _described("orders_pkey"),
            "SELECT col_description('shop.orders'::regclass, 2)",
            (
                "SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE conname = 'orders_pkey'"
                " AND conrelid = 'shop.orders'::regclass"
            ),
        ],
    ),
}
# What cannot be put on a kept table any more, because its rows are there or it was made with them.
_LIKE = {"generated column", "type of a column", "enum", "domain", "collation"}
_MADE_WITH = _LIKE | {"foreign key to itself"}


def tried(target: Target, case: Case) -> list[str]:
    """Try every statement, each in a transaction that is rolled back, and return what comes of it."""
    with psycopg.connect(target.dsn) as connection:
        return [_outcome(connection, statement) for statement in case.tried]


def _outcome(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> str:
    for words, role in _AS.items():
        statement = statement.replace(words, role)
    try:
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        while cursor.nextset():
            pass
        return str(cursor.fetchall() if cursor.description else cursor.rowcount)
    except psycopg.Error as exc:
        return f"{exc.sqlstate} {exc.diag.message_primary}"
    finally:
        connection.rollback()


def _put(target: Target, case: Case) -> list[str]:
    """Put it there, and return what can be noticed of it."""
    target.query(_ROLES)
    bare = tried(target, case)
    target.query(case.put)
    found = tried(target, case)
    assert found != bare, found
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_was_put_on_a_table_is_there_after_a_swap_a_rollback_and_a_repeat(target: Target, name: str) -> None:
    published(target.settings)
    before = _put(target, CASES[name])

    with target.settings.open() as loader:
        run = staged(loader, 2)
        loader.publish(run)
        swapped = tried(target, CASES[name])
        loader.rollback("shop")
        undone = tried(target, CASES[name])
        loader.publish(run, again=True)

    assert swapped == before
    assert undone == before
    assert tried(target, CASES[name]) == before


@pytest.mark.parametrize("name", sorted(CASES.keys() - _MADE_WITH))
def test_what_was_put_there_since_holds_for_the_generation_that_comes_back(newest: Target, name: str) -> None:
    published(newest.settings)
    published(newest.settings, 2)
    _put(newest, CASES[name])
    before = tried(newest, CASES[name])

    with newest.settings.open() as loader:
        loader.rollback("shop")

    assert tried(newest, CASES[name]) == before


# What is there when a generation is kept and is taken away after it; what must fail then for the one that comes back.
WITHDRAWN = {
    "grant": (
        "GRANT SELECT ON shop.orders TO dressed_reader",
        "REVOKE SELECT ON shop.orders FROM dressed_reader",
        "AS READER SELECT FROM shop.orders",
    ),
    "grant to everybody": (
        "GRANT SELECT ON shop.orders TO PUBLIC",
        "REVOKE ALL ON shop.orders FROM PUBLIC",
        "AS READER SELECT FROM shop.orders",
    ),
    "grant on a column": (
        "GRANT SELECT (id) ON shop.orders TO dressed_reader",
        "REVOKE SELECT (id) ON shop.orders FROM dressed_reader",
        "AS READER SELECT id FROM shop.orders",
    ),
    "owner": (
        'ALTER TABLE shop.orders OWNER TO "Dressed Owner"',
        "ALTER TABLE shop.orders OWNER TO CURRENT_USER",
        "AS OWNER SELECT FROM shop.orders",
    ),
    "no row security": (
        "GRANT SELECT ON shop.orders TO dressed_reader",
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.orders USING (1 / 0 = 0)",
        "AS READER SELECT FROM shop.orders",
    ),
    "trigger": (
        f"{_STAMP} CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.stamp()",
        "DROP TRIGGER stamp ON shop.orders; ALTER TABLE shop.orders ALTER name SET NOT NULL",
        _INSERT,
    ),
    "default": (
        "ALTER TABLE shop.orders ALTER name SET DEFAULT 'x'",
        "ALTER TABLE shop.orders ALTER name DROP DEFAULT, ALTER name SET NOT NULL",
        _INSERT,
    ),
    "index": ("CREATE INDEX gone ON shop.orders (name)", "DROP INDEX shop.gone", "DROP INDEX shop.gone"),
}


@pytest.mark.parametrize("name", WITHDRAWN)
def test_what_was_withdrawn_since_is_not_given_back_by_a_rollback(newest: Target, name: str) -> None:
    put, withdrawn, must_fail = WITHDRAWN[name]
    published(newest.settings)
    newest.query(_ROLES)
    newest.query(put)
    published(newest.settings, 2)
    newest.query(withdrawn)
    case = Case("", [must_fail])
    assert tried(newest, case)[0][:5].isdigit()

    with newest.settings.open() as loader:
        loader.rollback("shop")

    assert tried(newest, case)[0][:5].isdigit()


# What dressing leaves to the comparison: it is made with the table, and was changed there after staging.
CHANGED = {
    "type of a column": ("ALTER TABLE shop.orders ALTER name TYPE varchar(40)", "column name (character varying(40))"),
    "collation": ('ALTER TABLE shop.orders ALTER name TYPE text COLLATE "POSIX"', "collation of column name"),
    "generated column": (
        "ALTER TABLE shop.orders ADD twice int GENERATED ALWAYS AS (id * 2) STORED",
        "column twice (integer)",
    ),
    "disabled foreign key": (
        (
            f"{_PARENT} ALTER TABLE shop.orders ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES public.parent;"
            "ALTER TABLE shop.orders DISABLE TRIGGER ALL"
        ),
        "trigger of constraint fk (disabled)",
    ),
    "row type rights": ("REVOKE USAGE ON TYPE shop.orders FROM PUBLIC", "rights on row type orders"),
    "row type comment": ("COMMENT ON TYPE shop.orders IS 'a row'", "comment on type"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_dressing_does_not_make_is_refused_by_name(newest: Target, name: str) -> None:
    statement, words = CHANGED[name]
    published(newest.settings)
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        newest.query(statement)
        before = newest.production()

        with pytest.raises(PublishError, match="Production is unchanged") as caught:
            loader.publish(run)

    assert words in caught.value.message
    assert newest.production() == before


# Made with the table, refused by PostgreSQL itself in the message, or compared only when it is published.
_NOT_COMPARED = {*_LIKE, "not null", "foreign key outwards", *(name for name in CASES if "row security" in name)}


@pytest.mark.parametrize("name", sorted(CASES.keys() - _NOT_COMPARED))
def test_without_dressing_the_comparison_refuses_and_without_both_it_is_lost(
    newest: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings)
    before = _put(newest, CASES[name])
    monkeypatch.setattr(Dressing, "make", lambda *_, **__: set())

    with newest.settings.open() as loader, pytest.raises(PublishError, match="Production is unchanged"):
        loader.prepare(Run.start("shop"), SHOP)

    monkeypatch.setattr(inventory, "losses", lambda *_: [])
    monkeypatch.setattr(Dressing, "carried", lambda _: [])
    monkeypatch.setattr(swap.dressing, "moved", lambda *_: ([], []))
    published(newest.settings, 2)
    assert tried(newest, CASES[name]) != before


def _keep_orders(target: Target, statement: str) -> Target:
    target.query("CREATE SCHEMA shop")
    target.query(_ROLES)
    target.query(statement)
    return target


def _published_orders(settings: Postgres, frame: pl.DataFrame, contract: type[dy.Schema]) -> None:
    dataset, run = Dataset("shop", {"orders": contract}, strategy="swap"), Run.start("shop")
    with settings.open() as loader:
        loader.prepare(run, dataset)
        loader.stage(run, "orders", "", frame)
        loader.verify(run)
        loader.publish(run)


class Named(dy.Schema):
    """A table with a key."""

    id = dy.Int32(primary_key=True)
    name = dy.String(nullable=True)


class Named2(dy.Schema):
    """The same, wider and without the name."""

    id = dy.Int64(primary_key=True)
    note = dy.String(nullable=True)


_FRAME = pl.DataFrame({"id": [1, 2], "name": ["a", None]}, schema={"id": pl.Int32, "name": pl.String})


def _columns(target: Target) -> list[tuple[object, ...]]:
    return target.query(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = 'shop.orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )


def test_a_table_that_was_there_before_firn_keeps_its_columns_and_the_name_of_its_key(target: Target) -> None:
    _keep_orders(
        target,
        "CREATE TABLE shop.orders (gone int, name varchar(9) NOT NULL DEFAULT 'x', more int"
        " GENERATED ALWAYS AS (id + 1)"
        ' STORED, id int NOT NULL, CONSTRAINT "The Key" UNIQUE (id)); ALTER TABLE shop.orders DROP gone',
    )
    before = _columns(target)

    _published_orders(target.settings, _FRAME.fill_null("b"), Named)

    assert _columns(target) == before
    assert target.query("SELECT name, more, id FROM shop.orders ORDER BY id") == [("a", 2, 1), ("b", 3, 2)]
    assert target.query(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'shop.orders'::regclass AND contype = 'u'"
    ) == [("The Key",)]
    assert not target.query("SELECT FROM pg_constraint WHERE conrelid = 'shop.orders'::regclass AND contype = 'p'")


def test_a_null_that_is_sent_is_not_replaced_by_a_default(newest: Target) -> None:
    _keep_orders(newest, "CREATE TABLE shop.orders (id int PRIMARY KEY, name text DEFAULT 'x')")

    _published_orders(newest.settings, _FRAME.with_columns(name=pl.lit(None, pl.String)), Named)

    assert newest.query("SELECT name FROM shop.orders") == [(None,), (None,)]


def test_a_row_that_a_not_null_of_production_refuses_is_named(newest: Target) -> None:
    _keep_orders(newest, "CREATE TABLE shop.orders (id int PRIMARY KEY, name text NOT NULL)")

    with pytest.raises(LoadError, match='null value in column "name"'):
        _published_orders(newest.settings, _FRAME, Named)


def test_a_key_that_production_has_under_another_name_names_the_rows_that_break_it(newest: Target) -> None:
    _keep_orders(newest, 'CREATE TABLE shop.orders (id int NOT NULL CONSTRAINT "The Key" UNIQUE, name text)')

    with pytest.raises(LoadError, match=r"holds a key more than once: id=1 \(2 rows\)"):
        _published_orders(newest.settings, _FRAME.with_columns(id=pl.lit(1, pl.Int32)), Named)


def test_a_key_of_the_contract_stands_beside_another_primary_key(newest: Target) -> None:
    _keep_orders(
        newest, "CREATE TABLE shop.orders (number int GENERATED ALWAYS AS (id) STORED PRIMARY KEY, id int, name text)"
    )

    _published_orders(newest.settings, _FRAME, Named)

    found = newest.query("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('p', 'u') ORDER BY 1")
    assert ("UNIQUE (id)",) in found
    assert ("PRIMARY KEY (number)",) in found


def test_what_firn_made_follows_the_contract_and_what_others_made_stays(target: Target) -> None:
    _published_orders(target.settings, _FRAME, Named)
    target.query(
        "CREATE INDEX others ON shop.orders ((id + 1)); COMMENT ON COLUMN shop.orders.name IS 'goes with the column';"
        "COMMENT ON COLUMN shop.orders.id IS 'stays'"
    )

    _published_orders(
        target.settings, pl.DataFrame({"id": [1], "note": ["n"]}, schema={"id": pl.Int64, "note": pl.String}), Named2
    )

    assert _columns(target) == [("id", "bigint", True), ("note", "text", False)]
    assert target.query("SELECT col_description('shop.orders'::regclass, 1)") == [("stays",)]
    with target.settings.open() as loader:
        loader.rollback("shop")
    assert _columns(target) == [("id", "integer", True), ("name", "text", False)]


@pytest.mark.parametrize(
    ("type_", "told"),
    [("bigint", "bigint"), ("numeric", "numeric"), ("smallint", "smallint"), ("oid", "oid"), ("text", "text")],
)
def test_a_type_to_which_sent_values_do_not_go_is_refused_before_any_is_sent(
    newest: Target, type_: str, told: str
) -> None:
    _keep_orders(newest, f"CREATE TABLE shop.orders (id {type_} PRIMARY KEY, name text)")

    with newest.settings.open() as loader, pytest.raises(LoadError) as caught:
        loader.prepare(Run.start("shop"), Dataset("shop", {"orders": Named}, strategy="swap"))

    assert f'Column "id" of table "orders" is {told} in production, and integer in the contract' in caught.value.message
    assert "ALTER TABLE shop.orders" in caught.value.hint


@pytest.mark.parametrize("type_", ["varchar(3)", "varchar", "public.title", "public.word"])
def test_text_is_held_in_the_type_of_production_and_read_back_exactly(target: Target, type_: str) -> None:
    _keep_orders(
        target,
        "CREATE DOMAIN public.title AS varchar(40); CREATE TYPE public.word AS ENUM ('Ab', 'ab');"
        f"CREATE TABLE shop.orders (id int PRIMARY KEY, name {type_})",
    )

    _published_orders(target.settings, _FRAME.with_columns(name=pl.Series(["Ab", "ab"])), Named)

    assert target.query("SELECT name::text FROM shop.orders ORDER BY id") == [("Ab",), ("ab",)]


def test_text_that_is_equal_in_any_case_is_read_back_exactly_and_known_by_its_case() -> None:
    for oldest in fresh("15"):  # the wheels have no extensions
        oldest.query("CREATE EXTENSION citext")
        _keep_orders(oldest, "CREATE TABLE shop.orders (id int PRIMARY KEY, name public.citext)")
        _published_orders(oldest.settings, _FRAME.with_columns(name=pl.Series(["Ab", "ab"])), Named)

        held = {"orders": layout("orders", Named)}
        key = {"orders": PartKey("orders", "id")}
        with oldest.settings.open() as loader:
            before = digests(loader.state._connection, "shop", key, held)  # noqa: SLF001
            oldest.query("UPDATE shop.orders SET name = upper(name::text)")

            assert digests(loader.state._connection, "shop", key, held) != before  # noqa: SLF001


def test_a_column_that_only_production_knows_is_refused_by_name(newest: Target) -> None:
    _keep_orders(newest, "CREATE TABLE shop.orders (id int PRIMARY KEY, name text, extra int, CHECK (extra > 0))")

    with newest.settings.open() as loader, pytest.raises(PublishError, match=r'"orders": column extra \(integer\)'):
        loader.prepare(Run.start("shop"), Dataset("shop", {"orders": Named}, strategy="swap"))


def test_1600_columns_and_no_rows_are_dressed_too(newest: Target) -> None:
    names = [f"c{i}" for i in range(1600)]
    wide = type("Wide", (dy.Schema,), {name: dy.Int16(nullable=True) for name in names})
    frame = pl.DataFrame({name: [] for name in names}, schema=dict.fromkeys(names, pl.Int16))
    _published_orders(newest.settings, frame, wide)
    newest.query("ALTER TABLE shop.orders ALTER c1599 SET DEFAULT 7, ALTER c1599 SET NOT NULL")

    _published_orders(newest.settings, frame, wide)

    assert newest.query("INSERT INTO shop.orders DEFAULT VALUES RETURNING c1599") == [(7,)]


def test_an_identity_goes_on_counting_whichever_generation_is_shown(target: Target) -> None:
    published(target.settings)
    target.query(CASES["identity"].put)
    draw = Case("", ["INSERT INTO shop.orders (name) VALUES ('') RETURNING id"])
    drawn = tried(target, draw)

    with target.settings.open() as loader:
        run = staged(loader, 2)
        drawn += tried(target, draw)
        loader.publish(run)
        drawn += tried(target, draw)
        loader.rollback("shop")
        drawn += tried(target, draw)

    assert drawn == ["[(70,)]", "[(71,)]", "[(72,)]", "[(73,)]"]


def test_a_kept_generation_does_not_stand_in_the_way_of_tables_outside(target: Target) -> None:
    published(target.settings)
    target.query(f"{_PARENT} ALTER TABLE shop.notes ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES public.parent;")
    published(target.settings, 2)
    target.query("ALTER TABLE shop.notes DROP CONSTRAINT fk")

    assert target.query("DELETE FROM public.parent RETURNING 1")
    assert not target.query("SELECT FROM pg_constraint WHERE contype = 'f'")


def test_rows_that_a_foreign_key_of_production_refuses_are_named(newest: Target) -> None:
    published(newest.settings)
    newest.query("ALTER TABLE shop.lines ADD CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES shop.orders")
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, SHOP)
        loader.stage(run, "lines", "", lines().with_columns(order_id=pl.lit(77, pl.Int32)))
        loader.stage(run, "notes", "", notes())
        loader.verify(run)

        with pytest.raises(PublishError, match=r"constraint of_order.*Key \(order_id\)=\(77\) is not present"):
            loader.publish(run)


def test_an_owner_that_firn_may_not_be_is_named_with_the_grant_to_type(target: Target) -> None:
    role = "dressed_firn"
    target.query(_ROLES.replace('GRANT USAGE ON SCHEMA shop TO dressed_reader, "Dressed Owner";', ""))
    target.query(
        f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        f"CREATE SCHEMA shop AUTHORIZATION {role}; GRANT CREATE ON DATABASE firn_test TO {role};"
        f'REVOKE "Dressed Owner" FROM {role}'
    )
    dsn = psycopg.conninfo.make_conninfo(target.dsn, options=f"-c role={role}")
    mine = Postgres(dsn=dsn, production="shop", max_wait_s=5)  # type: ignore[arg-type]
    published(mine)
    target.query('ALTER TABLE shop.orders OWNER TO "Dressed Owner"')

    with pytest.raises((PublishError, LoadError)) as caught:
        published(mine, 2)
    assert f'GRANT "Dressed Owner" TO {role};' in caught.value.hint

    target.query(f'GRANT "Dressed Owner" TO {role}')
    published(mine, 3)
    assert target.query("SELECT relowner::regrole::text FROM pg_class WHERE oid = 'shop.orders'::regclass") == [
        ('"Dressed Owner"',)
    ]
    with mine.open() as loader:
        loader.rollback("shop")
