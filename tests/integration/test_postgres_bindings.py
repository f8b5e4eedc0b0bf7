"""What others hold of the tables follows the new ones, and stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dataframely as dy
import psycopg
import pytest
from pydantic import SecretStr
from test_postgres_servers import CONTRACTS, Target, fresh, newest, published, staged, target

from firn import Dataset, PublishError, Run, TargetUnavailable
from loaders import bindings, dependents, locks
from loaders.connections import Server
from loaders.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["fresh", "newest", "target"]

VIEWS = """
CREATE VIEW public.direct AS SELECT id, name FROM shop.orders WHERE id > 0;
CREATE VIEW public.nested AS SELECT d.name, l.qty FROM public.direct d JOIN shop.lines l ON l.order_id = d.id;
CREATE VIEW public.outer AS SELECT name FROM public.nested;
CREATE MATERIALIZED VIEW public.stored AS SELECT name FROM public.outer;
CREATE VIEW public.counted AS SELECT o.id, o.name, count(*) AS lines
    FROM shop.orders o JOIN shop.lines l ON l.order_id = o.id GROUP BY o.id;
CREATE VIEW public."Odd % {name}" (the_id) AS SELECT id FROM shop.orders WHERE name <> '%s {0} ''quoted''';
CREATE RECURSIVE VIEW public.chain (n) AS SELECT min(id) FROM shop.orders UNION ALL SELECT n + 1 FROM chain WHERE n < 3;
COMMENT ON VIEW public.direct IS 'ours';
COMMENT ON COLUMN public.direct.name IS 'theirs';
ALTER VIEW public.direct ALTER name SET DEFAULT 'nobody';
GRANT SELECT ON public.direct TO clerk WITH GRANT OPTION;
GRANT UPDATE (name) ON public.direct TO PUBLIC;
CREATE VIEW public.theirs WITH (security_barrier) AS SELECT name FROM shop.orders;
ALTER VIEW public.theirs OWNER TO clerk;
"""
NOTHING = bindings.SQL("SELECT '' AS table, '' AS kind, '' AS name, '' AS definition")
LOOKS = """
SELECT c.oid, c.relname::text, c.relowner::regrole::text, c.relacl::text, c.reloptions::text, pg_get_viewdef(c.oid),
       obj_description(c.oid), (SELECT array_agg((a.attname, a.attacl::text, col_description(c.oid, a.attnum),
       pg_get_expr(d.adbin, d.adrelid))::text) FROM pg_attribute a LEFT JOIN pg_attrdef d
       ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') ORDER BY 2
"""


@pytest.fixture(autouse=True)
def clerk(request: pytest.FixtureRequest) -> Iterator[None]:
    """A role that nobody logs in as, on the server of the test."""
    server: Target = request.getfixturevalue("target" if "target" in request.fixturenames else "newest")
    server.query("DROP ROLE IF EXISTS clerk")
    server.query("CREATE ROLE clerk")
    yield
    server.query("DROP OWNED BY clerk CASCADE")
    server.query("DROP ROLE clerk")


def seen(target: Target, statement: str, role: str = "clerk") -> list[tuple[Any, ...]]:
    """Run a statement as a role."""
    with psycopg.connect(target.dsn) as connection:
        connection.execute(f"SET ROLE {role}")
        return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]


def at_the_last_moment(target: Target, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """Run a statement between approval and locks."""
    asked = Locks.are_free

    def late(*_: object) -> bool:
        monkeypatch.setattr(Locks, "are_free", asked)
        target.query(statement)
        return True

    monkeypatch.setattr(Locks, "are_free", late)


def test_views_show_the_new_rows_and_stay_what_they_are(target: Target) -> None:
    published(target.settings, 1)
    target.query(VIEWS)
    before = target.query(LOOKS)

    published(target.settings, 2)

    assert target.query(LOOKS) == before
    assert target.query("SELECT DISTINCT name FROM public.direct") == [("generation 2",)]
    assert target.query('SELECT count(*) FROM public."Odd % {name}"') == [(5,)]
    assert target.query("SELECT name, lines FROM public.counted") == [("generation 2", 8)]
    assert target.query("SELECT * FROM public.chain") == [(1,), (2,), (3,)]
    target.query("REFRESH MATERIALIZED VIEW public.stored")
    assert target.query("SELECT DISTINCT name FROM public.stored") == [("generation 2",)]
    assert seen(target, "SELECT DISTINCT name FROM public.direct") == [("generation 2",)]
    target.query("GRANT USAGE ON SCHEMA shop TO clerk; GRANT SELECT ON shop.orders TO clerk")
    assert seen(target, "SELECT DISTINCT name FROM public.theirs") == [("generation 2",)]


def test_views_follow_a_rollback(target: Target) -> None:
    published(target.settings, 1)
    target.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    published(target.settings, 2)
    target.query("CREATE VIEW public.later AS SELECT name FROM shop.orders")

    with target.settings.open() as loader:
        loader.rollback("shop")

    assert target.query("SELECT DISTINCT v.name, l.name FROM public.v, public.later l") == [("generation 1",) * 2]


def test_a_view_that_is_not_pointed_at_the_new_table_reads_the_old_rows(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    monkeypatch.setattr(bindings, "_view", lambda _: bindings.SQL("SELECT"))

    published(newest.settings, 2)

    assert newest.query("SELECT DISTINCT name FROM public.v") == [("generation 1",)]


@pytest.mark.parametrize(
    "options", ["security_barrier=true", "security_invoker=true", "check_option=local", "check_option=cascaded"]
)
def test_the_options_of_a_view_are_restated(newest: Target, monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT id, name FROM shop.orders WHERE id > 0")
    newest.query(f"ALTER VIEW public.v SET ({options})")
    wanted = [([options],)]

    published(newest.settings, 2)
    assert newest.query("SELECT reloptions FROM pg_class WHERE relname = 'v'") == wanted

    point = bindings._view  # noqa: SLF001
    monkeypatch.setattr(bindings, "_view", lambda row: point(row._replace(options=[])))
    published(newest.settings, 3)
    assert newest.query("SELECT reloptions FROM pg_class WHERE relname = 'v'") == [(None,)]


FUNCTION = """
CREATE FUNCTION public.total(lowest int DEFAULT 1) RETURNS numeric LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path = public, pg_temp
BEGIN ATOMIC SELECT sum(amount) FROM shop.orders WHERE id >= lowest; END;
CREATE PROCEDURE public.touch() LANGUAGE sql BEGIN ATOMIC UPDATE shop.orders SET name = 'touched' WHERE id = 1; END;
CREATE FUNCTION public.source(source regclass DEFAULT 'shop.orders'::regclass) RETURNS regclass LANGUAGE sql
AS 'SELECT source';
CREATE FUNCTION public.told() RETURNS text LANGUAGE sql AS 'SELECT max(name) FROM shop.orders';
REVOKE ALL ON FUNCTION public.total FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.total TO clerk;
COMMENT ON FUNCTION public.total IS 'ours';
"""


def test_functions_with_a_parsed_body_read_the_new_rows_and_stay_what_they_are(target: Target) -> None:
    published(target.settings, 1)
    target.query(FUNCTION)
    looks = (
        "SELECT oid, proacl::text, proowner, pg_get_functiondef(oid), obj_description(oid) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace ORDER BY proname"
    )
    before = target.query(looks)

    published(target.settings, 2)

    assert target.query(looks) == before
    assert seen(target, "SELECT public.total(), public.total(5)") == [(30, 10)]
    assert target.query("SELECT public.source() = 'shop.orders'::regclass, public.told()") == [(True, "generation 2")]
    target.query("CALL public.touch()")
    assert target.query("SELECT name FROM shop.orders WHERE id = 1") == [("touched",)]


def test_a_policy_of_another_table_reads_the_new_rows(target: Target) -> None:
    published(target.settings, 1)
    target.query("""
        CREATE TABLE public.other (name text);
        INSERT INTO public.other VALUES ('generation 1'), ('generation 2');
        ALTER TABLE public.other ENABLE ROW LEVEL SECURITY;
        CREATE FUNCTION public.known(text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
        BEGIN ATOMIC SELECT EXISTS (SELECT FROM shop.orders WHERE name = $1); END;
        CREATE POLICY known ON public.other FOR ALL TO clerk
        USING (public.known(name) AND (SELECT count(*) FROM shop.notes) > -1)
        WITH CHECK (name <> '' AND (SELECT count(*) FROM shop.notes) > -1);
        GRANT SELECT, INSERT ON public.other TO clerk;
    """)
    before = target.query("SELECT policyname, roles, cmd, qual, with_check FROM pg_policies")

    published(target.settings, 2)

    assert target.query("SELECT policyname, roles, cmd, qual, with_check FROM pg_policies") == before
    assert target.query(
        "SELECT DISTINCT d.refobjid = 'shop.notes'::regclass FROM pg_depend d JOIN pg_policy p ON p.oid = d.objid"
        " WHERE d.classid = 'pg_policy'::regclass AND d.refobjid <> p.polrelid"
        " AND d.refclassid = 'pg_class'::regclass"
    ) == [(True,)]
    target.query("GRANT USAGE ON SCHEMA shop TO clerk; GRANT SELECT ON shop.notes TO clerk")
    assert seen(target, "SELECT name FROM public.other") == [("generation 2",)]


def test_a_view_redefined_at_the_last_moment_keeps_its_new_definition(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        at_the_last_moment(
            newest, monkeypatch, "CREATE OR REPLACE VIEW public.v AS SELECT upper(name) AS name FROM shop.orders"
        )
        done = loader.publish(run)

    assert done.attempts == 2
    assert newest.query("SELECT DISTINCT name FROM public.v") == [("GENERATION 2",)]


def test_without_the_marks_a_view_redefined_at_the_last_moment_would_be_put_back(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    monkeypatch.setattr("loaders.dependents.marks", lambda *_: NOTHING)
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        at_the_last_moment(
            newest, monkeypatch, "CREATE OR REPLACE VIEW public.v AS SELECT upper(name) AS name FROM shop.orders"
        )
        loader.publish(run)

    assert newest.query("SELECT DISTINCT name FROM public.v") == [("generation 2",)]


LAST_MOMENT = {
    "a view is made": "CREATE VIEW public.new AS SELECT id FROM shop.orders",
    "the view is dropped": "DROP VIEW public.v",
    "the view gets another owner": "ALTER VIEW public.v OWNER TO clerk",
    "the view is renamed": "ALTER VIEW public.v RENAME TO w",
    "the view gets options": "ALTER VIEW public.v SET (security_barrier)",
    "the function is redefined": "CREATE OR REPLACE FUNCTION public.f() RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "the policy is changed": "ALTER POLICY p ON public.other USING (id IN (SELECT n.id FROM shop.notes n))",
}


@pytest.mark.parametrize("change", LAST_MOMENT)
def test_what_changes_between_reading_and_locking_is_read_again(
    newest: Target, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    published(newest.settings, 1)
    newest.query("""
        CREATE VIEW public.v AS SELECT name FROM shop.orders;
        CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.orders; END;
        CREATE TABLE public.other (id int);
        CREATE POLICY p ON public.other USING (id IN (SELECT id FROM shop.orders));
    """)
    looks = (
        "SELECT relname::text, relowner, reloptions, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v'"
        " AND relnamespace = 'public'::regnamespace UNION ALL SELECT policyname::text, 0, NULL, qual FROM pg_policies"
        " UNION ALL SELECT 'f', 0, NULL, pg_get_functiondef('public.f'::regproc) ORDER BY 1"
    )
    with newest.settings.open() as loader:
        run = staged(loader, 2)
        with psycopg.connect(newest.dsn) as connection:
            connection.execute(LAST_MOMENT[change])  # type: ignore[call-overload]
            wanted = connection.execute(looks).fetchall()
            connection.rollback()
        at_the_last_moment(newest, monkeypatch, LAST_MOMENT[change])

        assert loader.publish(run).attempts == 2

    assert newest.query(looks) == wanted


class Nameless(dy.Schema):
    """Orders without their names."""

    id = dy.Int32(primary_key=True)
    amount = dy.Decimal(12, 2, nullable=True)


class Retyped(dy.Schema):
    """Orders whose names are numbers."""

    id = dy.Int32(primary_key=True)
    name = dy.Int32(nullable=True)
    amount = dy.Decimal(12, 2, nullable=True)


class Keyless(dy.Schema):
    """Orders without a key."""

    id = dy.Int32()
    name = dy.String(nullable=True)
    amount = dy.Decimal(12, 2, nullable=True)


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (Nameless, '"orders": view public.v needs column name, which would be gone'),
        (Retyped, '"orders": view public.v needs column name, which would be integer in place of text'),
        (Keyless, '"orders": view public.v needs constraint orders_pkey, which would be gone'),
    ],
)
def test_a_view_that_the_new_table_does_not_fit_is_named_with_its_column_before_rows_are_sent(
    newest: Target, contract: type[dy.Schema], words: str
) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT id, name FROM shop.orders GROUP BY id")
    before = newest.production()
    dataset = Dataset("shop", {**CONTRACTS, "orders": contract}, strategy="swap")

    with newest.settings.open() as loader:
        for look in (lambda: loader.check(dataset), lambda: loader.prepare(Run.start("shop"), dataset)):
            with pytest.raises(PublishError, match="Production is unchanged") as caught:
                look()
            assert words in caught.value.message
    assert newest.production() == before


def test_a_table_that_leaves_with_its_generation_is_not_taken_from_a_view(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = Run.start("shop")
        loader.prepare(run, Dataset("shop", {"notes": CONTRACTS["notes"]}, strategy="swap"))
        loader.verify(run)
        loader.publish(run)
    published(newest.settings, 2)
    newest.query("CREATE VIEW public.v AS SELECT id FROM shop.orders")
    before = newest.production()

    with (
        newest.settings.open() as loader,
        pytest.raises(PublishError, match=r'"orders": view public\.v needs the table, which leaves production'),
    ):
        loader.rollback("shop")
    assert newest.production() == before


@pytest.fixture
def loading(newest: Target) -> Iterator[Target]:
    """A target whose role owns nothing but what it makes, with a view of a clerk over its table."""
    newest.query("""
        DROP ROLE IF EXISTS loading;
        CREATE ROLE loading LOGIN;
        CREATE SCHEMA shop;
        GRANT USAGE, CREATE ON SCHEMA shop TO loading;
        GRANT CREATE ON DATABASE firn_test TO loading;
        GRANT USAGE ON SCHEMA shop TO clerk;
    """)
    dsn = psycopg.conninfo.make_conninfo(newest.dsn, user="loading")
    yield Target(newest.dsn, newest.settings.model_copy(update={"dsn": SecretStr(dsn)}))
    newest.query("DROP OWNED BY loading CASCADE; DROP ROLE loading")


OTHERS = {
    "CREATE VIEW public.v AS SELECT name FROM shop.orders; ALTER VIEW public.v OWNER TO clerk": "view public.v",
    (
        "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.orders; END;"
        "ALTER FUNCTION public.f OWNER TO clerk"
    ): "function public.f()",
    (
        "CREATE TABLE public.other (id int);"
        "CREATE POLICY p ON public.other USING (id IN (SELECT id FROM shop.orders));"
        "ALTER TABLE public.other OWNER TO clerk"
    ): "policy p on table public.other",
}


@pytest.mark.parametrize("statement", OTHERS)
def test_what_another_role_owns_is_refused_with_the_grants_to_type_and_follows_once_they_are_given(
    loading: Target, statement: str
) -> None:
    published(loading.settings, 1)
    loading.query("GRANT CREATE ON SCHEMA public TO clerk")
    loading.query(statement)
    owners = "SELECT relname::text, relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before = loading.query(owners)

    with loading.settings.open() as loader, pytest.raises(PublishError) as caught:
        staged(loader, 2)
    assert f"{OTHERS[statement]} belongs to clerk (GRANT clerk TO loading;)" in caught.value.message

    loading.query("GRANT clerk TO loading")
    published(loading.settings, 2)
    assert loading.query(owners) == before


def test_a_schema_where_the_role_may_make_nothing_is_refused_with_the_grant_to_type(loading: Target) -> None:
    published(loading.settings, 1)
    loading.query("CREATE SCHEMA closed; CREATE VIEW closed.v AS SELECT name FROM shop.orders")
    loading.query("ALTER VIEW closed.v OWNER TO clerk; GRANT clerk TO loading")

    with loading.settings.open() as loader, pytest.raises(PublishError) as caught:
        staged(loader, 2)
    assert "(GRANT USAGE, CREATE ON SCHEMA closed TO loading;)" in caught.value.message

    loading.query("GRANT USAGE, CREATE ON SCHEMA closed TO loading")
    published(loading.settings, 2)
    assert loading.query("SELECT c.relowner::regrole::text FROM pg_class c WHERE relname = 'v'") == [("clerk",)]


def test_locking_a_view_never_takes_it_from_its_owner(loading: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    published(loading.settings, 1)
    loading.query(
        "CREATE VIEW public.v AS SELECT name FROM shop.orders; GRANT CREATE ON SCHEMA public TO clerk, loading"
    )
    loading.query("ALTER VIEW public.v OWNER TO clerk; GRANT clerk TO loading")
    owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'v'"
    published(loading.settings, 2)
    assert loading.query(owner) == [("clerk",)]

    give = locks._SQL["give"].as_string().replace("{owner}", "CURRENT_USER")  # noqa: SLF001
    monkeypatch.setitem(locks._SQL, "give", bindings.SQL(give))  # noqa: SLF001
    with pytest.raises(TargetUnavailable):  # the owner is among the marks
        published(loading.with_settings(max_wait_s=1), 3)
    assert loading.query(owner) == [("clerk",)]

    monkeypatch.setattr("loaders.dependents.marks", lambda *_: NOTHING)
    published(loading.settings, 3)
    assert loading.query(owner) == [("loading",)]


def test_views_are_locked_before_what_is_under_them(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query("""
        CREATE VIEW public.a AS SELECT id FROM shop.orders;
        CREATE VIEW public.b AS SELECT id FROM public.a;
        CREATE VIEW public.c AS SELECT id FROM public.b JOIN shop.notes USING (id);
        CREATE VIEW public.d AS SELECT id FROM public.a JOIN shop.lines ON order_id = id;
    """)
    with Server(newest.dsn).statements() as connection:
        held = dependents.read(connection, "shop", [*CONTRACTS])
        views = bindings.read(connection, "shop", [*CONTRACTS], held).views

    assert [view.as_string() for view, _ in views] == ['"public"."c"', '"public"."d"', '"public"."a"']


def test_a_table_that_somebody_keeps_locked_ends_the_run_and_does_not_hang_it(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    with newest.settings.open() as loader, psycopg.connect(newest.dsn) as other:
        run = staged(loader, 2)
        other.execute("LOCK TABLE shop.orders")

        with pytest.raises(TargetUnavailable, match=r"lock timeout .*Production is unchanged"):
            loader.publish(run)
        other.rollback()
        loader.publish(run)


def test_everything_in_the_way_is_named_at_once(newest: Target) -> None:
    published(newest.settings, 1)
    for number in range(22):
        newest.query(f"CREATE MATERIALIZED VIEW public.m{number:02} AS SELECT id FROM shop.orders")  # noqa: S608

    with newest.settings.open() as loader, pytest.raises(PublishError) as caught:
        staged(loader, 2)

    assert caught.value.message.count("would go on reading the old rows (publish with strategy") == 20
    assert "and 2 more" in caught.value.message


def test_a_view_of_what_the_role_may_not_use_is_refused_before_rows_are_sent(loading: Target) -> None:
    published(loading.settings, 1)
    loading.query("""
        CREATE SCHEMA secret; CREATE TABLE secret.other (id int);
        CREATE VIEW public.v AS SELECT name FROM shop.orders JOIN secret.other USING (id);
        GRANT CREATE ON SCHEMA public TO clerk, loading; GRANT clerk TO loading;
        ALTER VIEW public.v OWNER TO clerk;
    """)
    with loading.settings.open() as loader, pytest.raises(PublishError) as caught:
        staged(loader, 2)
    assert "view public.v cannot be made anew: permission denied for schema secret" in caught.value.message
    assert "let firn's role use what the view reads" in caught.value.message

    loading.query("GRANT USAGE ON SCHEMA secret TO loading")
    published(loading.settings, 2)
    assert not loading.query("SELECT 1 FROM pg_namespace WHERE nspname = 'firn_trial'")


def test_a_view_that_comes_out_of_its_definition_as_another_is_refused(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings, 1)
    newest.query("CREATE VIEW public.v AS SELECT name FROM shop.orders")
    printed = bindings.SQL("SELECT 'SELECT 1'::text || left({view}, 0) AS definition")
    monkeypatch.setitem(bindings._SQL, "printed", printed)  # noqa: SLF001

    with newest.settings.open() as loader, pytest.raises(PublishError, match=r"view public\.v cannot be made anew"):
        staged(loader, 2)
