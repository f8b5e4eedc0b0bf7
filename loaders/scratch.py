"""Restores a table of a backup where nobody looks, and proves it by the hash that the server had of the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import SQL, Composed, Identifier

from firn import LoadError, PublishError
from loaders import copies, queries, shapes
from loaders.backups import digest
from loaders.companions import made
from loaders.sqlstates import border

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from firn import Companion
    from loaders.backups import Backup, Held
    from loaders.connections import Statements
    from loaders.staging import Staging
    from loaders.state import Publication

__all__ = ["changed", "differences", "fill", "fill_companions", "keep", "refuse_changed", "try_out"]

_SQL = queries.read("backups.sql")
_TRANSACTION = queries.read("staging.sql")["transaction"]
_SCRATCH = Identifier("pg_temp", "firn_restored")


def try_out(statements: Statements, backup: Backup, folder: Path) -> None:
    """Restore every table of a backup into a temporary one, prove it, and leave nothing behind.

    Raises:
        LoadError: A table cannot be restored, or is not what was backed up. Production is unchanged.
    """
    for held in backup.tables:
        with statements.transaction(force_rollback=True):
            _load(statements, held, folder, _SCRATCH)


def keep(statements: Statements, backup: Backup, folder: Path, schema: str) -> None:
    """Restore the tables that readers saw into a new schema, and prove them.

    Raises:
        LoadError: There is such a schema, or a table is not what was backed up; then nothing is left of it.
    """
    with statements.transaction():
        statements.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        for held in (*backup.of("production"), *backup.of("companion")):
            _load(statements, held, folder, Identifier(schema, held.table), lasting=True)


def fill_companions(
    statements: Statements, production: str, companions: Sequence[Companion], backup: Backup, folder: Path
) -> None:
    """Restore the tables beside published ones that are gone; where one is, its rows are others' and stay as they are.

    Raises:
        LoadError: A table is not what was backed up.
    """
    held = {one.table: one for one in backup.of("companion")}
    found = shapes.read(statements, production, list(held))
    for companion in (one for one in companions if one.table in held and one.table not in found):
        with statements.transaction():
            statements.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(production)))
            statements.execute(made(production, companion))
            _load(statements, held[companion.table], folder, _SCRATCH)
            columns = SQL(", ").join(map(Identifier, (companion.key, *companion.columns)))
            into = Identifier(production, companion.table)
            statements.execute(_SQL["stage"].format(staging=into, columns=columns, table=_SCRATCH))


def refuse_changed(
    statements: Statements, production: str, tables: Collection[str], backup: Backup, current: Publication | None
) -> None:
    """Refuse tables whose columns are not those of the backup any more.

    Raises:
        PublishError: Names them. Production is unchanged.
    """
    found = shapes.read(statements, production, list(tables))
    for held in (one for one in backup.of("production") if one.table in found):
        shape, recorded = found[held.table], current.tables.get(held.table, {}) if current else {}
        now = {
            name: shape.columns[name].type for name in recorded.get("columns", held.published) if name in shape.columns
        }
        then = {field.name: field.type for field in held.fields if field.name in held.published}
        if told := differences(then, now):
            raise changed(backup.dataset, held.table, told)


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say how the columns of a table, with their types, have changed; nothing where they have not."""
    gone = [f"{name} is gone" for name in then if name not in now]
    new = [f"{name} is new" for name in now if name not in then]
    other = [f"{name} was {then[name]} and is {now[name]}" for name in then if now.get(name, then[name]) != then[name]]
    return ", ".join([*gone, *new, *other])


def changed(dataset: str, table: str, told: str) -> PublishError:
    """Return the error for a table that has other columns than it had."""
    return PublishError(
        f'Table "{table}" has other columns than when it was backed up: {told}. Nothing was restored; production is '
        "unchanged.",
        f"publish it anew from its sources: firn run {dataset} --full-refresh\n"
        "or look at the backup beside production: firn restore NAME --into SCHEMA",
    )


def fill(statements: Statements, backup: Backup, folder: Path, staging: Staging) -> dict[str, tuple[str, int]]:
    """Restore the tables of a run's staging, each proven before its rows are taken over.

    Returns:
        Per table the transaction that wrote its rows, and how many there are.

    Raises:
        LoadError: A table cannot be restored, or is not what was backed up. Production is unchanged.
    """
    taken = {}
    for held in backup.of("production"):
        if held.table in staging.layouts:
            with statements.transaction():
                transaction = statements.execute(_TRANSACTION).fetchall()[0][0]
                _load(statements, held, folder, _SCRATCH)
                columns = SQL(", ").join(Identifier(c.name) for c in staging.layouts[held.table].columns)
                into = Identifier(staging.schema, held.table)
                query = _SQL["stage"].format(staging=into, columns=columns, table=_SCRATCH)
                taken[held.table] = (str(transaction), statements.execute(query).rowcount)
                statements.execute(SQL("DROP TABLE {}").format(_SCRATCH))
    return taken


def _load(statements: Statements, held: Held, folder: Path, table: Identifier, *, lasting: bool = False) -> None:
    """Make a table of a backup's, fill it, and compare it with the original."""
    with border(f'Restoring table "{held.table}" from {folder / held.file}'):
        statements.execute(_SQL["spelling"])
        columns = SQL(", ").join(_column(statements, field.name, field.type) for field in held.fields)
        statements.execute(_SQL["lasting" if lasting else "temporary"].format(table=table, columns=columns))
        names = [field.name for field in held.fields]
        query = _SQL["fill"].format(table=table, columns=SQL(", ").join(map(Identifier, names)))
        with statements.cursor() as cursor, cursor.copy(query) as copy:
            for piece in copies.read(folder / held.file):
                copy.write(piece)
        rows = _SQL["all_rows"].format(columns=SQL(", ").join(map(Identifier, names)), table=table)
        prove(held, digest(statements, rows, held.fields), folder)


def prove(held: Held, found: tuple[int, str], folder: Path) -> None:
    """Compare a restored table with the original.

    Raises:
        LoadError: They differ. Production is unchanged.
    """
    if found != (held.rows, held.digest):
        raise LoadError(
            f'Table "{held.table}" restored from {folder / held.file} has {found[0]} rows and is not what was backed '
            f"up, {held.rows} rows: the server's hash of them is another. Nothing was restored; production is "
            "unchanged.",
            "firn backup list shows the others",
        )


def _column(statements: Statements, name: str, type_: str) -> Composed:
    """Compose a column; what stands for its type is one, and no other SQL that somebody wrote into the file."""
    statements.execute(_SQL["is_type"], {"type": type_})
    return SQL("{} {}").format(Identifier(name), SQL(type_))
