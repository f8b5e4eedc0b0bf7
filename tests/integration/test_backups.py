"""Backups on real servers: every type exactly, as of one moment, proven; and what would happen without the proofs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from test_postgres_servers import CONTRACTS, SHOP, fresh, lines, newest, notes, orders, published, target

from firn import Dataset, LoadError, PublishError, Run, RunLocked, StateError
from loaders import backups, copies, scratch
from loaders.ddl import contract_of, layout
from pipelines.engine import backups as work

if TYPE_CHECKING:
    from pathlib import Path

    from test_postgres_servers import Target

    from firn import Published
    from loaders.backups import Backup, Held
    from loaders.postgres import Postgres

__all__ = ["fresh", "newest", "target"]

STRANGE = (
    "numeric[] DEFAULT '{NaN,-0.000000000000000000000000000000000000000000001,1e100}'",
    "double precision DEFAULT '-0'",
    "real DEFAULT 'Infinity'",
    "timestamptz DEFAULT '4713-01-01 00:00:00.000001+00 BC'",
    "date DEFAULT '-infinity'",
    "interval DEFAULT '-1 year +2 days -03:04:05.000006'",
    r"bytea DEFAULT '\x000a5c09ff'",
    r"text DEFAULT E'tab\tline\nback\\slash \\N \r \u0007'",
    "text[] DEFAULT ARRAY[NULL, '', 'NULL', '\"']",
    'jsonb DEFAULT \'{"b": 1.10, "a": [null, "\\u00e9"]}\'',
    'json DEFAULT \'{"b":1.10 ,"b":2}\'',
    "macaddr DEFAULT '08:00:2b:01:02:03'",
    "int4range DEFAULT '[1,5)'",
    "inet DEFAULT '::1/64'",
    "bit varying(5) DEFAULT B'101'",
    "money DEFAULT 12.34",
    "point DEFAULT '(0.1,2e-300)'",
    "tsvector DEFAULT 'a:1 b:2'::tsvector",
    "uuid DEFAULT '00000000-0000-0000-0000-00000000000f'",
    "character(4) DEFAULT 'a '",
    "time with time zone DEFAULT '12:00:00.1+05:30'",
    "shop.mood DEFAULT 'sad, \"or\" not'",
    "boolean DEFAULT NULL",
)


def backed_up(settings: Postgres, folder: Path) -> Backup:
    folder.mkdir()
    with settings.open() as loader:
        return loader.back_up("shop", folder)


def restore(settings: Postgres, backup: Backup, folder: Path) -> Published:
    run = Run.start("shop")
    with settings.open() as loader:
        loader.restore(run, SHOP, backup, folder)
        return loader.publish(run)


def named(backup: Backup, table: str) -> Held:
    return next(held for held in backup.of("production") if held.table == table)


def change(file: Path, old: bytes, new: bytes) -> None:
    """Put other rows into a file, packed as well as those before."""
    whole = b"".join(copies.read(file))
    assert old in whole
    file.unlink()
    copies.write(file, [whole.replace(old, new, 1)])


def test_every_type_comes_back_as_it_was_whatever_the_role_and_the_database_have_set(
    target: Target, tmp_path: Path
) -> None:
    published(target.settings)
    target.query("CREATE DOMAIN shop.mood AS text; ALTER DATABASE firn_test SET \"IntervalStyle\" = 'iso_8601'")
    target.query("ALTER DATABASE firn_test SET extra_float_digits = -15")
    for number, column in enumerate(STRANGE):
        target.query(f'ALTER TABLE shop.notes ADD "Ärger {number}" {column}')
    target.query("ALTER TABLE shop.notes ADD twice integer GENERATED ALWAYS AS (id * 2) STORED")

    backup = backed_up(target.settings, tmp_path / "b")
    with target.settings.open() as loader:
        loader.try_out(backup, tmp_path / "b")
        loader.restore_beside(backup, tmp_path / "b", "beside")

    target.query("ALTER TABLE shop.notes DROP twice")
    assert target.content("notes", "beside") == target.content("notes")
    assert target.content("lines", "beside") == target.content("lines")
    assert "shop.mood" in {field.type for field in named(backup, "notes").fields}
    state = {held.table for held in backup.of("state")}
    assert state >= {"dataset", "run", "publication", "audit", "quarantine_log", "part", "backup"}


def test_a_backup_is_published_as_the_next_generation_and_rolled_back(target: Target, tmp_path: Path) -> None:
    published(target.settings)
    before, backup = target.production(), backed_up(target.settings, tmp_path / "b")
    published(target.settings, 2)
    target.query("TRUNCATE shop.lines")
    broken = target.production()

    assert restore(target.settings, backup, tmp_path / "b").generation == 3
    assert target.production() == before
    with target.settings.open() as loader:
        loader.rollback("shop")
    assert target.production() == broken


def test_a_backup_is_restored_to_a_server_that_has_nothing(newest: Target, tmp_path: Path) -> None:
    published(newest.settings)
    before, backup = newest.production(), backed_up(newest.settings, tmp_path / "b")
    newest.query("DROP SCHEMA shop CASCADE; DROP SCHEMA firn CASCADE")
    assert restore(newest.settings, backup, tmp_path / "b").generation == 1
    assert newest.production() == before


def test_rows_that_were_changed_in_the_file_are_refused_and_would_be_published_without_the_proofs(
    newest: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(newest.settings)
    before, backup = newest.production(), backed_up(newest.settings, tmp_path / "b")
    change(tmp_path / "b" / named(backup, "orders").file, b"\t3.00\n", b"\t3.10\n")
    with pytest.raises(LoadError, match=r"with other content than the 5 written"):
        restore(newest.settings, backup, tmp_path / "b")

    monkeypatch.setattr(backups, "check_file", lambda *_: None)
    with pytest.raises(LoadError, match="the server's hash of them is another"):
        restore(newest.settings, backup, tmp_path / "b")
    assert newest.production() == before

    monkeypatch.setattr(scratch, "prove", lambda *_: None)
    restore(newest.settings, backup, tmp_path / "b")
    assert newest.query("SELECT amount::text FROM shop.orders WHERE id = 3") == [("3.10",)]


def test_a_table_that_has_other_columns_by_now_is_refused_by_name(newest: Target, tmp_path: Path) -> None:
    published(newest.settings)
    backup = backed_up(newest.settings, tmp_path / "b")
    newest.query("ALTER TABLE shop.orders ALTER amount TYPE numeric(14,2)")
    before = newest.production()
    with pytest.raises(PublishError, match=r'"orders".*amount was numeric\(12,2\) and is numeric\(14,2\)') as caught:
        restore(newest.settings, backup, tmp_path / "b")
    assert "production is unchanged" in caught.value.message
    assert "firn run shop --full-refresh" in caught.value.hint
    assert newest.production() == before


def test_what_stands_for_a_type_in_a_backup_is_never_run_as_sql(newest: Target, tmp_path: Path) -> None:
    published(newest.settings)
    backup = backed_up(newest.settings, tmp_path / "b")
    field = named(backup, "notes").fields[0]
    object.__setattr__(field, "type", "integer); DROP TABLE shop.lines; CREATE TEMP TABLE x (y integer")
    with newest.settings.open() as loader, pytest.raises(LoadError, match='Restoring table "notes"'):
        loader.try_out(backup, tmp_path / "b")
    assert "lines" in newest.production()


def test_nothing_is_backed_up_of_what_was_never_published(newest: Target, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Nothing of shop is published here") as caught:
        backed_up(newest.settings, tmp_path / "b")
    assert caught.value.hint == "firn run shop"


def test_a_backup_is_not_restored_while_another_run_has_the_pipeline(newest: Target, tmp_path: Path) -> None:
    published(newest.settings)
    before, backup = newest.production(), backed_up(newest.settings, tmp_path / "b")
    with newest.settings.open() as other:
        other.lease(Run.start("shop"))
        with pytest.raises(RunLocked):
            restore(newest.settings, backup, tmp_path / "b")
    assert newest.production() == before
    assert restore(newest.settings, backup, tmp_path / "b").generation == 2


EVERY = {
    "text": "text",
    "boolean": "boolean",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "real": "real",
    "double": "double precision",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "interval": "interval",
    "bytea": "bytea",
    "uuid": "uuid",
    "numeric": "numeric(38,9)",
    "long": "numeric(60,30)",
}


def test_the_contract_of_a_table_in_the_database_is_that_from_which_it_would_be_made() -> None:
    types = {name: (type_, name != "text") for name, type_ in EVERY.items()}
    made = layout("every", contract_of("every", types, ["text"]))
    assert made.types == EVERY
    assert made.key == ("text",)
    assert [column.name for column in made.columns if not column.nullable] == ["text"]
    with pytest.raises(LoadError, match='Column "a" of table "every" is jsonb'):
        contract_of("every", {"a": ("jsonb", True)}, [])


def test_tables_of_a_replication_are_restored_together_or_one_by_one(newest: Target, tmp_path: Path) -> None:
    config = tmp_path / "firn.toml"
    dsn = json.dumps(newest.dsn)
    config.write_text(f'[target]\ndsn = {dsn}\nproduction = "shop"\n[backups]\nfolder = "kept"\n', encoding="utf-8")
    tables = {"orders": orders(), "notes": notes(), "lines": lines()}
    run, words = Run.start("clinic"), {"orders": "diff", "notes": "diff", "lines": "rewrite"}
    with newest.settings.open() as loader:
        loader.prepare(run, Dataset("clinic", CONTRACTS, strategy=words))  # type: ignore[arg-type]
        for name, frame in tables.items():
            loader.stage(run, name, "", frame)
        loader.verify(run, cursors={"orders": {"upto": 5}})
        loader.publish(run)
    before = newest.production()
    (taken,) = work.take(None, config)
    newest.query("DELETE FROM shop.orders; UPDATE shop.notes SET text = 'broken'; TRUNCATE shop.lines")

    with pytest.raises(StateError, match='has no table "note"'):
        work.restore("clinic", config, tables=["note"])
    work.restore("clinic", config, tables=["notes"])
    assert newest.production() == {**newest.production(), "notes": before["notes"]}
    assert newest.production()["orders"] != before["orders"]

    work.restore(taken["name"], config)
    assert newest.production() == before
    with newest.settings.open() as loader:
        assert loader.cursors("clinic") == {"orders": {"upto": 5}}
        loader.rollback("clinic")
    assert newest.production()["notes"] == before["notes"]
    assert newest.production()["orders"] != before["orders"]
