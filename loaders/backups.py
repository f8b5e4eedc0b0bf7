"""Takes a backup: every published table of a dataset and what is remembered of it, as they are at one moment.

Each table becomes a file of `loaders.copies`. It is read back from the disk, and what the server says of the table, its
rows and a hash of them, is kept with it: by that a restored table is proven, wherever it is restored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import LoadError, PartRecord, StateError
from loaders import companions, copies, ledger, queries
from loaders.state import State

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from firn import Namespace
    from loaders.connections import Statements
    from loaders.state import Publication

__all__ = ["Backup", "Field", "Held", "check_file", "check_files", "digest", "take"]

_SQL = queries.read("backups.sql")
_OWNERS = ("dataset", "pipeline")
"""The columns by which a table of the state says whose its rows are."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table in a backup.

    Attributes:
        name: Its name.
        type: Its type, as ``format_type`` prints it.
        required: Whether no row has null in it.
    """

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A table in a backup.

    Attributes:
        file: The file of its rows.
        role: ``production`` or ``state``; ``companion`` for a table beside published ones that others write.
        table: Its name.
        fields: Its columns, in the order of the file.
        published: Those of them that firn publishes.
        key: What tells its published rows apart.
        rows: How many there are.
        sha256: The SHA-256 of the unpacked file.
        digest: The server's own hash of all rows, free of their order.
        bytes: The size of the file.
    """

    file: str
    role: str
    table: str
    fields: Sequence[Field]
    published: Sequence[str] = ()
    key: Sequence[str] = ()
    rows: int = 0
    sha256: str = ""
    digest: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Backup:
    """What one backup holds.

    Attributes:
        dataset: Whose tables.
        generation: The generation that production showed.
        run_id: The run whose rows these are.
        taken_at: The moment, by the server's clock.
        wal_lsn: Where the server's log was then.
        server: The server's version.
        cursors: How far the sources had been read, by name.
        parts: The ledger of the generation.
        tables: The tables.
    """

    dataset: str
    generation: int
    run_id: str
    taken_at: dt.datetime
    wal_lsn: str
    server: str
    cursors: Mapping[str, Any]
    parts: Sequence[PartRecord]
    tables: Sequence[Held]

    def of(self, role: str) -> list[Held]:
        """Return the tables of one role."""
        return [held for held in self.tables if held.role == role]


def take(statements: Statements, names: Namespace, dataset: str, folder: Path) -> Backup:
    """Write the tables of a dataset and its state into an empty folder, all as of one moment, and read them back.

    While it lasts, a publication that replaces these tables waits, at most as long as it would wait for any reader.

    Raises:
        StateError: Nothing of the dataset is published.
        LoadError: A table is gone, may not be read, or its file does not hold what was written.
        OSError: A file cannot be written.
    """
    state = State(statements, names)
    while True:
        expected = _current(state, dataset)
        with statements.transaction():
            statements.execute(_SQL["begin"])
            statements.execute(_SQL["spelling"])
            beside = [companion.table for companion in companions.marked(expected.tables)]
            locked = [Identifier(names.production, name) for name in (*expected.tables, *beside)]
            statements.execute(_SQL["lock"].format(tables=SQL(", ").join(locked)))
            current = _current(state, dataset)
            if current.generation == expected.generation:
                return _taken(statements, names, current, beside, folder)


def check_files(backup: Backup, folder: Path) -> None:
    """Read every file of a backup, and compare it with what was written.

    Raises:
        LoadError: One is gone, or holds something else. Production is unchanged.
    """
    for held in backup.tables:
        check_file(held, folder)


def check_file(held: Held, folder: Path) -> None:
    """Read one file of a backup, and compare it with what was written.

    Raises:
        LoadError: It is gone, or holds something else. Production is unchanged.
    """
    try:
        found = copies.sum_up(folder / held.file)
    except OSError as exc:
        raise _refused(held, folder, f"cannot be read: {exc}") from exc
    if found != copies.Written(held.rows, held.sha256):
        raise _refused(held, folder, f"holds {found.rows} rows with other content than the {held.rows} written")


def digest(statements: Statements, rows: Composed, fields: Sequence[Field]) -> tuple[int, str]:
    """Return how many rows a query gives, and the server's hash of them."""
    query = _SQL["digest"].format(rows=rows, columns=_named(fields))
    found = statements.execute(query).fetchall()[0]
    return int(found.rows), str(found.digest)


def _current(state: State, dataset: str) -> Publication:
    current = state.current(dataset) if state.exists() else None
    if current is None or not current.tables:
        raise StateError(
            f"Nothing of {dataset} is published here, so there is nothing to back up.", f"firn run {dataset}"
        )
    return current


def _taken(
    statements: Statements, names: Namespace, current: Publication, beside: Sequence[str], folder: Path
) -> Backup:
    moment = statements.execute(_SQL["moment"]).fetchall()[0]
    chosen = enumerate(_chosen(statements, names, current, beside))
    held = [_written(statements, folder, replace(one, file=f"{n}.{one.role}.zst"), rows) for n, (one, rows) in chosen]
    parts = ledger.read(statements, names.state, current.dataset)
    return Backup(
        current.dataset,
        current.generation,
        current.run_id,
        moment.taken_at,
        moment.wal_lsn,
        moment.server,
        current.cursors,
        list(parts.values()),
        held,
    )


def _chosen(
    statements: Statements, names: Namespace, current: Publication, beside: Sequence[str]
) -> Iterator[tuple[Held, Composed]]:
    """Yield every table that belongs to a dataset, with the query of its rows."""
    production = _fields(statements, names.production)
    for table in (*current.tables, *beside):
        fields, recorded = production[table], current.tables.get(table, {})
        published = recorded.get("columns") or [field.name for field in fields]
        role = "production" if table in current.tables else "companion"
        query = _SQL["all_rows"].format(table=Identifier(names.production, table), columns=_named(fields))
        yield Held("", role, table, fields, published, recorded.get("key") or []), query
    runs = Identifier(names.state, "run")
    for table, fields in _fields(statements, names.state).items():
        own = {field.name for field in fields}
        parts = {
            "columns": _named(fields),
            "table": Identifier(names.state, table),
            "dataset": Literal(current.dataset),
        }
        if owner := next((name for name in _OWNERS if name in own), None):
            yield Held("", "state", table, fields), _SQL["some_rows"].format(**parts, owner=Identifier(owner))
        elif "run_id" in own:
            yield Held("", "state", table, fields), _SQL["rows_of_runs"].format(**parts, runs=runs)


def _fields(statements: Statements, schema: str) -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for row in statements.execute(_SQL["columns"], {"schema": schema}).fetchall():
        found.setdefault(row.table, []).append(Field(row.name, row.type, row.required))
    return found


def _written(statements: Statements, folder: Path, held: Held, rows: Composed) -> Held:
    """Write the rows of a table to its file, and read that back."""
    with statements.cursor() as cursor, cursor.copy(_SQL["copy"].format(rows=rows)) as copy:
        written = copies.write(folder / held.file, copy)
    counted, hashed = digest(statements, rows, held.fields)
    size = (folder / held.file).stat().st_size
    held = replace(held, rows=counted, sha256=written.sha256, digest=hashed, bytes=size)
    check_file(held, folder)
    return held


def _refused(held: Held, folder: Path, what: str) -> LoadError:
    return LoadError(
        f'The file {folder / held.file} of table "{held.table}" {what}. Nothing was restored; production is unchanged.',
        "firn backup list shows the others; put a whole copy of this one in its place, or take another",
    )


def _named(fields: Iterable[Field]) -> Composed:
    return SQL(", ").join(Identifier(field.name) for field in fields)
