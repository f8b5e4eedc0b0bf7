"""What lies outside an environment: the server refuses its role there, and a checksum sees whatever else is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from test_postgres_servers import Target, newest, published, target

from firn import ConfigError, LoadError, Run
from loaders.postgres import Postgres
from loaders.postgres_loader import PostgresLoader
from pipelines.engine.isolated import differing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["newest", "target"]

CHANGES = (
    "insert into orders values (9, 'x', 1)",
    "update orders set name = name || '!' where id = 1",
    "delete from orders where id = 2",
    "truncate lines",
    "select nextval('numbers')",
    "alter table orders add column more int",
    "alter table orders alter column name set default 'x'",
    "create index on orders (name)",
    "alter table orders add check (id > -1)",
    "comment on column orders.name is 'x'",
    "grant select on orders to public",
    "create policy p on orders using (true)",
    "alter table orders enable row level security",
    "create function one() returns int language sql return 1",
    "create or replace function f() returns trigger language plpgsql as 'begin return new; end'",
    "create trigger g before update on orders for each row execute function f()",
    "create or replace view seen as select id, name from orders where id > 1",
    "create rule r as on insert to lines do also nothing",
    "alter type mood add value 'glad'",
    "alter sequence numbers increment 2",
    "refresh materialized view counted",
    "alter default privileges in schema shop grant select on tables to public",
    "drop table notes cascade",
    "create schema fresh",
)
NO_CHANGES = (
    "vacuum full shop.orders",
    "analyze shop.orders",
    "reindex table shop.orders",
    "create table poc_production.refers (id int references shop.orders)",
    "create schema poc_staging_x",
)


@pytest.fixture
def made(target: Target) -> Iterator[tuple[Target, Postgres]]:
    """A production with more in it than firn publishes, and an environment made by a login that is no superuser."""
    yield from prepared(target)


@pytest.fixture
def made_once(newest: Target) -> Iterator[tuple[Target, Postgres]]:
    """The same, on the newest version only."""
    yield from prepared(newest)


def login(dsn: str) -> str:
    """Lead to the database as etl; where only users of the machine are let in, as a superuser who acts as it."""
    itself = make_conninfo(dsn, user="etl")
    try:
        psycopg.connect(itself).close()
    except psycopg.OperationalError:
        return make_conninfo(dsn, options="-c role=etl")
    return itself


def prepared(target: Target) -> Iterator[tuple[Target, Postgres]]:
    published(target.settings)
    target.query("create role etl login createrole")
    target.query("alter database firn_test owner to etl")
    for statement in (
        "create sequence shop.numbers",
        "create type shop.mood as enum ('sad')",
        "create view shop.seen as select id from shop.orders",
        "create materialized view shop.counted as select clock_timestamp() as at",
        "create function shop.f() returns trigger language plpgsql as 'begin return null; end'",
    ):
        target.query(statement)
    dsn = login(target.dsn)
    poc = Postgres(
        dsn=SecretStr(dsn),
        production="poc_production",
        staging="poc_staging",
        previous="poc_previous",
        state="poc_state",
        role="firn_poc",
    ).within("poc")
    with poc.spaces() as spaces:
        spaces.create()
    yield target, poc
    for role in ("firn_poc", "etl"):
        target.query(f"reassign owned by {role} to current_user")
        target.query(f"drop owned by {role}")
        target.query(f"drop role {role}")


def test_a_login_without_superpowers_makes_what_is_missing_and_the_role_reaches_nothing_else(
    made: tuple[Target, Postgres],
) -> None:
    target, poc = made
    with poc.spaces() as spaces:
        assert (spaces.lacking(), spaces.reach()) == ([], [])
        assert spaces.schemas() == {"poc_production": "firn_poc", "poc_state": "firn_poc"}
        target.query("grant insert on shop.orders to public")
        assert spaces.reach() == ['write "shop"."orders"']
        target.query("revoke insert on shop.orders from public")
    superior = target.with_settings(role="").within("poc")
    with superior.spaces() as spaces:
        assert spaces.reach() == ["write everything, as a superuser"]
    before = target.production()
    with poc.open() as loader:
        loader.start(Run.start("shop"))
        for schema in ("shop", "firn"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                loader.state._connection.execute(f"create table {schema}.stray (id int)")  # type: ignore[arg-type]  # noqa: SLF001
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            loader.state._connection.execute("delete from shop.orders")  # noqa: SLF001
        unread = {key for key, one in loader.elsewhere("rows").items() if not one.is_exact}
        assert ("shop", "orders") in unread
    assert target.production() == before
    with poc.spaces() as spaces:
        assert spaces.reset() == ["poc_production", "poc_state"]


def test_every_change_outside_is_seen_and_what_is_none_is_not(made: tuple[Target, Postgres]) -> None:
    target, poc = made
    superior = Postgres(**{**poc.model_dump(), "dsn": SecretStr(target.dsn), "role": ""}).within("poc")
    with superior.open() as loader:
        before = loader.elsewhere("rows")
        assert before[("shop", "orders")].rows == 5
        for statement in NO_CHANGES:
            target.query(statement)
            assert differing(before, loader.elsewhere("rows")) == [], statement
        for statement in CHANGES:
            with psycopg.connect(target.dsn, autocommit=True) as connection:
                connection.execute("set search_path = shop")
                connection.execute(statement)  # type: ignore[arg-type]
            after = loader.elsewhere("rows")
            assert differing(before, after), statement
            before = after


def test_counters_see_what_was_written_and_cost_no_reading(made_once: tuple[Target, Postgres]) -> None:
    target, poc = made_once
    with poc.open() as loader:
        for statement in (*CHANGES[:4], "alter table shop.orders add column more int"):
            before = loader.elsewhere("counters")
            assert {one.rows for one in before.values()} == {None}
            with psycopg.connect(target.dsn, autocommit=True) as connection:
                connection.execute("set search_path = shop")
                connection.execute(statement)  # type: ignore[arg-type]
                connection.execute("select pg_stat_force_next_flush()")
            assert differing(before, loader.elsewhere("counters")), statement


def test_an_environment_that_is_led_to_production_is_refused_by_firn_and_without_that_by_the_server(
    made_once: tuple[Target, Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, poc = made_once
    target.query("grant usage on schema firn to etl")
    target.query("grant select on firn.version to etl")
    wrong = Postgres(**{**poc.model_dump(), "dsn": poc.dsn, "production": "shop"}).within("poc")
    before = target.production()
    with pytest.raises(ConfigError, match="is the production of another environment"), wrong.open():
        pass
    monkeypatch.setattr(PostgresLoader, "refuse_unfit", lambda _: None)
    with (
        wrong.open() as loader,
        pytest.raises(LoadError, match='Role "firn_poc" may not create tables in schema "shop"'),
    ):
        loader.start(Run.start("shop"))
    nobody = wrong.model_copy(update={"role": "nobody"})
    with pytest.raises(LoadError, match='login cannot work as role "nobody"'), nobody.open():
        pass
    assert target.production() == before
