"""A run in an environment leaves everything else as it is: by schemas, by the server's refusal, and by checksums."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from benchmarks.order_list_workbooks import cached
from tests.conftest import empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Installation

SETTINGS = """
default_env = "production"

[order_lists]
folder = "books"

[env.poc.order_lists]
folder = "other"

[env.loose]
sources = "production"
[env.loose.target]
role = ""

[env.test.target]
"""


@pytest.fixture(scope="module")
def at(installed: Callable[[], Installation]) -> Iterator[Installation]:
    """A production that is filled, and an environment beside it that is made and empty."""
    one = installed()
    books: Path = cached(scale=0.01, seed=3) / "workbooks"
    shutil.copytree(books, one.books, dirs_exist_ok=True)
    (one.folder / "other").mkdir()
    for book in sorted(books.glob("*.xlsx"))[:3]:
        shutil.copy(book, one.folder / "other")
    (one.folder / "firn.toml").write_text(SETTINGS, encoding="utf-8")
    one.json("run", "order_lists")
    one.execute(
        "create table public.kept_by_others (id int primary key, note json)",
        "insert into public.kept_by_others values (1, '{}'), (2, null)",
        "create sequence public.numbers",
        "create view public.seen as select id from public.kept_by_others",
    )
    made = one.json("env", "create", "poc")
    assert made["role_may"] == []
    yield one
    empty(one.dsn)
    one.execute("drop owned by firn_poc", "drop role firn_poc")


TABLES = """select c.oid::regclass::text, c.relkind from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind in ('r', 'S') and nspname !~ '^(pg_|poc_|loose_)' and nspname <> 'information_schema'"""
DEFINED = """select c.oid, nspname, relname, relowner, relacl::text,
  pg_get_viewdef(case when relkind = 'v' then c.oid end),
  array(select pg_get_constraintdef(k.oid) from pg_constraint k where conrelid = c.oid order by 1),
  array(select attname || atttypid || attnotnull from pg_attribute where attrelid = c.oid order by attnum)
from pg_class c join pg_namespace n on n.oid = relnamespace
where nspname !~ '^(pg_|poc_|loose_)' and nspname <> 'information_schema' order by c.oid"""
ROWS = "select md5(string_agg(t::text, ' ' order by t::text)), count(*) from {} t"
NUMBER = "select last_value, is_called from {}"


def whole(at: Installation) -> dict[str, Any]:
    """Every row and every definition outside the environments, told by PostgreSQL's own functions."""
    rows = {name: at.query((ROWS if kind == "r" else NUMBER).format(name)) for name, kind in at.query(TABLES)}
    return {"rows": rows, "defined": at.query(DEFINED)}


def test_a_run_in_an_environment_leaves_every_other_schema_as_it_is(at: Installation) -> None:
    before = whole(at)
    done = at.firn("--env", "poc", "run", "order_lists")
    assert done.returncode == 0, done.stderr
    assert whole(at) == before
    place = next(line for line in done.stderr.splitlines() if line.startswith("Place"))
    assert "environment poc: " in place
    assert "database firn, role firn_poc (login firn)" in place
    assert f"source {at.folder / 'other'}" in done.stderr
    assert done.stderr.index("Place") < done.stderr.index("Phase")
    assert "unchanged: " in done.stderr
    assert at.query("select count(*) > 0, count(distinct file) from poc_production.order_list_origin")[0] == (True, 3)
    assert at.query("select distinct tableowner from pg_tables where schemaname ~ '^poc_'") == [("firn_poc",)]
    found = at.json("report", env={"FIRN_ENV": "poc"})["isolation"]
    assert found["before"] == found["after"]
    assert (found["differences"], found["role_may"], found["not_read"]) == ([], [], [])
    assert {"public", "firn", "firn_previous_order_lists_1"} & set(found["schemas"]) >= {"public", "firn"}
    assert found["rows"] > 1000


def test_the_server_refuses_what_the_role_of_an_environment_would_write_elsewhere(at: Installation) -> None:
    before = whole(at)
    wrong = at.firn("run", "order_lists", "--env", "poc", "--set", "target.production=public")
    assert (wrong.returncode, "share schemas of one database" in wrong.stderr) == (2, True), wrong.stderr
    for statement in (
        "insert into public.kept_by_others values (3, null)",
        "update public.order_list set row_hash = row_hash",
        "truncate firn.run",
        "drop view public.seen",
        "create table public.stray (id int)",
        "select nextval('public.numbers')",
    ):
        refused = at.firn("psql", statement, "--env", "poc")
        assert "permission denied" in refused.stderr or "must be owner" in refused.stderr, (statement, refused.stderr)
    assert whole(at) == before


def test_no_command_works_in_production_unless_somebody_said_so(at: Installation) -> None:
    settings = (at.folder / "firn.toml").read_text(encoding="utf-8").replace('default_env = "production"', "")
    (at.folder / "unsaid.toml").write_text(settings, encoding="utf-8")
    for command in (("run", "order_lists"), ("rollback", "order_lists"), ("runs",), ("show", "order_lists")):
        refused = at.firn(*command, "--config", "unsaid.toml")
        assert refused.returncode == 2
        assert "do not say which is meant" in refused.stderr
    assert at.json("runs", "--config", "unsaid.toml", "--env", "production")[0]["status"] == "published"  # type: ignore[index]


def test_an_environment_for_tests_refuses_a_database_that_is_not_named_for_them(at: Installation) -> None:
    refused = at.firn("--env", "test", "runs", env={"FIRN_TARGET__ROLE": ""})
    assert refused.returncode == 2
    assert 'works only in databases with "test" in their names, and this is "firn"' in refused.stderr


def test_another_way_to_the_same_database_does_not_lead_to_production(at: Installation) -> None:
    aliased = '\n[env.loose.target]\nrole = ""\nproduction = "public"\ndsn = "{}"\n'.format(at.dsn.replace("%2F", "/"))
    path = at.folder / "aliased.toml"
    path.write_text(SETTINGS.partition("[env.loose.target]")[0] + aliased, encoding="utf-8")
    refused = at.firn("run", "order_lists", "--env", "loose", "--config", "aliased.toml")
    assert refused.returncode == 2, refused.stderr
    assert 'is the production of another environment, whose state is in schema "firn"' in refused.stderr


def test_a_write_elsewhere_during_a_run_fails_it_and_is_named(at: Installation) -> None:
    """The role's guard is off: environment loose works as the login, which may write everything."""
    at.execute(
        "create function public.stray() returns trigger language plpgsql security definer as "
        "$$ begin insert into public.kept_by_others values (3, null); return null; end $$"
    )
    at.json("run", "order_lists", "--env", "loose", "--no-publish")
    at.execute(
        "create trigger stray after insert on loose_state.publication execute function public.stray()",
    )
    done = at.firn("run", "order_lists", "--env", "loose")
    at.execute(
        "drop trigger stray on loose_state.publication",
        "drop function public.stray",
        "delete from public.kept_by_others where id = 3",
    )
    assert done.returncode == 7, done.stderr
    told = " ".join(done.stderr.replace("│", " ").split())
    assert "public.kept_by_others has other rows, 2 before and 3 now" in told
    assert "it may have been the run" in told
    (latest,) = at.json("runs", "--last", "1", env={"FIRN_ENV": "loose"})  # type: ignore[misc]
    assert "has other rows" in latest["error"]  # type: ignore[index]


def test_verify_compares_with_what_was_recorded_and_looks_at_rights(at: Installation) -> None:
    assert at.json("env", "verify", "poc", "--record")["passed"]
    assert at.json("env", "verify", "poc")["differences"] == []
    at.execute(
        "update public.kept_by_others set note = '[]' where id = 1", "comment on table public.kept_by_others is 'x'"
    )
    at.execute("grant insert on public.kept_by_others to firn_poc")
    found = at.json("env", "verify", "poc", code=7)
    assert found["differences"] == ["public.kept_by_others is defined otherwise"]
    assert found["role_may"] == ['write "public"."kept_by_others"']
    at.execute("revoke insert on public.kept_by_others from firn_poc")
    at.json("env", "verify", "poc", "--record")
    at.execute("update public.kept_by_others set note = '{}' where id = 1", "select nextval('public.numbers')")
    found = at.json("env", "verify", "poc", code=7)
    assert found["differences"] == [
        "public.kept_by_others has other rows, 2 before and 2 now",
        "public.numbers has other rows, 1 before and 1 now",
    ]


def test_reset_asks_refuses_production_and_drops_nothing_of_others(at: Installation) -> None:
    refused = at.firn("env", "reset", "production", "--yes")
    assert (refused.returncode, "not done to production" in refused.stderr) == (2, True)
    assert at.firn("env", "reset", "poc").returncode != 0
    at.json("run", "order_lists", "--env", "poc")
    at.execute("create view public.looks as select count(*) from poc_production.order_list")
    kept = at.firn("env", "reset", "poc", "--yes")
    assert (kept.returncode, 'would go "public"."looks"' in kept.stderr) == (1, True), kept.stderr
    at.execute("drop view public.looks")
    before = whole(at)
    assert "poc_production" in at.json("env", "reset", "poc", "--yes")["dropped"]
    assert whole(at) == before
    assert at.query("select count(*) from pg_tables where schemaname ~ '^poc_'") == [(0,)]
    copied = {one["table"]: one for one in at.json("env", "copy", "poc", "--sample", "--rows", "50")["tables"]}
    assert whole(at) == before
    assert copied["order_list"]["rows"] == 50
    assert copied["order_list"]["of"] == at.query("select count(*) from public.order_list")[0][0]
    both = "select count(*) from poc_production.order_list join poc_production.order_list_origin using (record_uuid)"
    assert at.query(both) == [(50,)]
    assert at.json("run", "order_lists", "--env", "poc")["status"] == "published"
    assert at.json("env", "verify", "poc")["passed"]


def test_the_environments_are_listed_and_sql_for_an_administrator_is_printed(at: Installation) -> None:
    found = {one["name"]: one for one in json.loads(at.firn("env", "list", "--json").stdout)}
    assert {name: one["status"] for name, one in found.items()} == {
        "production": "made",
        "poc": "made",
        "loose": "made",
        "test": "not made",
    }
    printed = at.firn("env", "create", "test", "--sql").stdout.splitlines()
    assert printed[0] == 'CREATE ROLE "firn_test" NOLOGIN;'
    assert printed[-2:] == [
        'CREATE SCHEMA "test_production" AUTHORIZATION "firn_test";',
        'CREATE SCHEMA "test_state" AUTHORIZATION "firn_test";',
    ]
    with psycopg.connect(at.dsn) as connection, connection.transaction(force_rollback=True):
        for statement in printed:
            connection.execute(statement)  # type: ignore[arg-type]
