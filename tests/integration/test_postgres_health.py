"""What firn doctor finds in a target, and what it drops: only what the record says is firn's, never with CASCADE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from test_postgres_servers import fresh, newest, published, staged, target
from test_postgres_target import role

if TYPE_CHECKING:
    import pytest
    from test_postgres_servers import Target

    from firn import Health
    from loaders.postgres import Postgres

__all__ = ["fresh", "newest", "target"]


def looked(settings: Postgres, *, fix: bool = False) -> list[Health]:
    with settings.open() as loader:
        return list(loader.health(fix=fix))


def wrong(settings: Postgres, *, fix: bool = False) -> dict[str, str]:
    return {health.detail: health.hint for health in looked(settings, fix=fix) if not health.passed}


def schemas(at: Target) -> list[str]:
    return [
        name for (name,) in at.query("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'firn%' ORDER BY 1")
    ]


def died(at: Target) -> str:
    """Leave what a process leaves that died while it staged."""
    with at.settings.open() as loader:
        run = staged(loader, 7)
    at.query("UPDATE firn.run SET status = 'running' WHERE run_id = %s", run.id)
    return f"firn_stage_{run.id}"


def test_a_target_on_which_nothing_was_ever_done_is_well_and_stays_untouched(target: Target) -> None:
    assert wrong(target.settings, fix=True) == {}
    assert schemas(target) == []


def test_what_a_dead_run_left_is_named_and_dropped_only_when_asked_to(newest: Target) -> None:
    published(newest.settings, 1)
    schema = died(newest)

    ((detail, hint),) = wrong(newest.settings).items()
    assert schema in detail
    assert hint == "firn doctor --fix drops it"
    assert schema in schemas(newest)

    assert wrong(newest.settings, fix=True) == {}
    assert schemas(newest) == ["firn"]
    assert newest.query("SELECT action, detail FROM firn.audit WHERE action = 'removed'") == [
        ("removed", f'schema "{schema}"')
    ]


def test_what_a_living_run_stages_is_left_alone(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader, 1)
        newest.query("UPDATE firn.run SET status = 'running' WHERE run_id = %s", run.id)
        assert wrong(newest.settings, fix=True) == {}
    assert f"firn_stage_{run.id}" in schemas(newest)


def test_a_ready_run_is_kept_until_a_newer_generation_made_it_useless_and_then_named(newest: Target) -> None:
    with newest.settings.open() as loader:
        run = staged(loader, 1)
        loader.finish(run, "ready", {})
    assert wrong(newest.settings, fix=True) == {}

    published(newest.settings, 2)

    assert list(wrong(newest.settings, fix=True).values()) == [f"firn discard {run.id}"]
    assert f"firn_stage_{run.id}" in schemas(newest)


def test_generations_beyond_those_kept_are_dropped_and_those_kept_are_not(newest: Target) -> None:
    for generation in (1, 2, 3, 4):
        published(newest.with_settings(keep_generations=3), generation)

    assert len(wrong(newest.settings)) == 2
    assert wrong(newest.settings, fix=True) == {}
    assert schemas(newest) == ["firn", "firn_previous_shop_g3"]


def test_a_schema_that_only_looks_like_one_of_firns_is_never_dropped(newest: Target) -> None:
    published(newest.settings, 1)
    newest.query("CREATE SCHEMA firn_stage_mine; CREATE TABLE firn_stage_mine.t AS SELECT 1 AS a")

    ((detail, hint),) = wrong(newest.settings, fix=True).items()

    assert "firn_stage_mine" in detail
    assert "nothing is recorded of it" in detail
    assert hint == 'look into it, then DROP SCHEMA "firn_stage_mine"'
    assert newest.query("SELECT a FROM firn_stage_mine.t") == [(1,)]


def test_what_others_made_on_a_leftover_is_never_dropped_with_it(newest: Target) -> None:
    published(newest.settings, 1)
    schema = died(newest)
    newest.query(f'CREATE VIEW public.mine AS SELECT * FROM "{schema}".orders')  # noqa: S608

    ((detail, hint),) = wrong(newest.settings, fix=True).items()

    assert "could not be dropped" in detail
    assert "view public.mine depends on table" in detail
    assert "firn doctor --fix" in hint
    assert len(newest.query("SELECT id FROM public.mine")) == 5


def test_open_transactions_and_publications_of_all_tables_are_named(
    newest: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.health._OLD_S", 0)
    newest.query("CREATE PUBLICATION everything FOR ALL TABLES")
    with psycopg.connect(newest.dsn, application_name="report") as reader:
        reader.execute("SELECT 1")
        pid = reader.info.backend_pid
        found = {health.check: health for health in looked(newest.settings)}
    assert not found["transactions"].passed
    assert f"pid {pid}" in found["transactions"].detail
    assert "pg_terminate_backend" in found["transactions"].hint
    assert "everything of ALL TABLES" in found["publications"].detail


def test_a_lock_budget_near_the_deadlock_timeout_is_named(newest: Target) -> None:
    ((detail, hint),) = wrong(newest.with_settings(lock_budget_ms=900)).items()
    assert "readers wait 900 ms at most" in detail
    assert hint == "set target.lock_budget_ms to 333 or less"


def test_a_missing_right_is_named_with_what_to_grant(newest: Target) -> None:
    with role(newest) as settings:
        ((detail, hint),) = wrong(settings).items()
    assert 'Role "modest" may not create schemas' in detail
    assert hint.startswith("GRANT CREATE ON DATABASE")
