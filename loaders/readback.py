"""Compares what staging holds with what was sent, value by value; no part of it trusts the driver that sent it.

Every part is compared as soon as it has arrived, while others are still on their way. The server hashes its rows, and
the same hash is computed here of the rows that were sent. Where the sums differ, or a type is not hashed here, the part
is read back: every value of a table with a key is compared with the one that was sent for its key. Where that finds a
difference, and where there is no key, figures are compared that do not depend on the order of rows; they name the
columns. After the last part the rows that each transaction left are counted: a row that anybody changed or added since
is another's, and its table is read again.
"""

from __future__ import annotations

from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from psycopg.sql import SQL, Composed, Identifier, Literal

from firn import LoadError
from loaders import differences, ledger, queries
from loaders.profiles import Profile, plain, profile, total
from loaders.sqlstates import border

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from psycopg.sql import Composable

    from loaders.connections import Copying, Statements
    from loaders.ddl import Column, Layout
    from loaders.lanes import Lanes
    from loaders.ledger import Digests
    from loaders.staging import Sent, Staging
    from loaders.streams import Streams

__all__ = ["as_sent", "compare", "differing", "readable"]

_SQL = queries.read("staging.sql")
_PLACE = "\0place"  # no column of PostgreSQL can be called so
_MOST_ARGUMENTS = 100  # of a function call in PostgreSQL
_LAST_PAGE = 2**32 - 2
_LONGEST_BIGINT = 18  # digits of a numeric that always fit into a bigint once its point is moved


class _Written(NamedTuple):
    transaction: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Wrong:
    sent: Sent
    columns: Sequence[str]


def compare(
    staging: Staging, statements: Statements, lanes: Lanes, streams: Streams, *, hashed: bool = True
) -> Digests:
    """Compare every part with its rows in staging, value by value where there is a key, else by figures.

    Args:
        staging: What was sent, and where to; what was copied from production is left to the ledger.
        statements: Where statements go.
        lanes: The same, for several tables at a time.
        streams: Connections to read with.
        hashed: Whether digests are wanted, for the ledger; nothing is compared by them.

    Returns:
        Rows and digest of every part that was sent.

    Raises:
        LoadError: They differ; table, columns and up to ten keys are named.
    """
    found: Digests = {}
    with border("Reading staging back"):
        sent = staging.sent()
        rows = ledger.hashed(statements, staging.schema, staging.layouts) if hashed else {}
        left = lanes.each(staging.layouts, lambda lane, table: _written(staging.schema, table, rows.get(table), lane))
        for table, layout in staging.layouts.items():
            parts = [part for part in sent if part.table == table]
            _refuse_wrong(staging, layout, parts, left[table], streams)
            for part in parts:
                if of_part := left[table].get(part.transaction):
                    found.setdefault(part.part, {})[table] = {"rows": of_part.rows, "digest": of_part.digest}
    return found


def _written(schema: str, table: str, row: Composable | None, statements: Statements) -> dict[str, _Written]:
    digest = SQL("''") if row is None else _SQL["digest"].format(row=row)
    query = _SQL["written"].format(table=Identifier(schema, table), digest=digest)
    return {found.transaction: _Written(*found) for found in statements.execute(query).fetchall()}


def _refuse_wrong(
    staging: Staging, layout: Layout, parts: Sequence[Sent], written: Mapping[str, _Written], streams: Streams
) -> None:
    """Raise a LoadError when a table does not hold what was sent; every part that may be wrong is read once more."""
    taken = dict([staging.taken[layout.table]] if layout.table in staging.taken else [])
    expected = {part.transaction: part.height for part in parts if part.height}
    undisturbed = {name: found.rows for name, found in written.items() if name not in taken} == expected
    doubted = [part for part in parts if not (undisturbed and staging.is_proven(part))]
    _refuse_disturbed([part for part in doubted if part.rows is None], written)
    wrong = _wrong(staging.schema, layout, doubted, streams)
    # A row that anybody changed or added was written by a transaction that sent no part.
    proven = expected.keys() - {w.sent.transaction for w in wrong} | taken.keys()
    if wrong or written.keys() - proven:
        raise LoadError(
            _explained(staging.schema, layout, wrong, sorted(proven), streams),
            "run again; if it happens twice, check the server's memory and disks",
        )


def _refuse_disturbed(parts: Sequence[Sent], written: Mapping[str, _Written]) -> None:
    """Raise a LoadError where rows are no longer there that were read back, and are no longer here either."""
    for part in parts:
        left = written[part.transaction].rows if part.transaction in written else 0
        if left != part.height:
            named = f', part "{part.part}"' if part.part else ""
            raise LoadError(
                f'Staging of table "{part.table}"{named} no longer holds what was sent: {part.height - left} of '
                f"{part.height} rows were changed or deleted after they had been read back. Production is unchanged.",
                "run again, and ask who writes to firn's staging schemas",
            )


def _explained(schema: str, layout: Layout, bad: Sequence[_Wrong], proven: Sequence[str], streams: Streams) -> str:
    held = streams.submit(lambda reader: _unproven(schema, layout, proven, reader)).result()
    rows = [w.sent.rows for w in bad if w.sent.rows is not None]
    return differences.explain(layout, rows, held, [c for w in bad for c in w.columns])


def _wrong(schema: str, layout: Layout, parts: Sequence[Sent], streams: Streams) -> list[_Wrong]:
    """Return the parts whose rows in staging are not those sent."""
    reads = [
        (part, streams.submit(partial(differing, schema, layout, part))) for part in parts if part.rows is not None
    ]
    wait([columns for _, columns in reads])  # a reader still at work would keep its table from being dropped
    return [_Wrong(part, found) for part, columns in reads if (found := columns.result())]


def differing(schema: str, layout: Layout, sent: Sent, reader: Copying) -> Sequence[str]:
    """Return the columns of a part that are not in staging as they were sent.

    Args:
        schema: Where the table is.
        layout: The table.
        sent: The part, with its rows.
        reader: The connection to read with.
    """
    from loaders import hashes

    rows = sent.rows
    if rows is None or not rows.height:
        return []
    names = set(rows.columns)
    present = [column for column in layout.columns if column.name in names]
    held = partial(_held, schema, layout, sent, present, reader)
    if hashes.are_hashed(present) and _same_by_hash(schema, layout, sent, present, reader):
        return []
    known = layout.key and names >= set(layout.key)
    if known and _same_by_key(rows, layout.key, held(), present):
        return []
    figures = total(_figures(batch, present) for batch in held())
    return profile(plain(rows)).differing(figures)


def _same_by_hash(schema: str, layout: Layout, sent: Sent, present: Sequence[Column], reader: Copying) -> bool:
    """Tell whether the server's hashes of a part's rows add up to those of the rows that were sent."""
    from loaders import hashes

    rows = digest = 0
    for place in _places(schema, layout, sent, present):
        if rows < sent.height:
            with reader.cursor() as cursor:
                cursor.execute(_SQL["hashed_part"].format(row=hashes.row(present), **place).as_string())
                ((found, added, filled),) = cursor.fetchall()
            if filled:
                return False
            rows, digest = rows + found, digest + int(added)
    return rows == sent.height and sent.rows is not None and digest == hashes.summed(sent.rows, present)


def _held(
    schema: str, layout: Layout, sent: Sent, present: Sequence[Column], reader: Copying
) -> Iterator[pl.DataFrame]:
    """Read the rows of a part."""
    columns = SQL(", ").join(_exact(column, i) for i, column in enumerate(present))
    read = 0
    for place in _places(schema, layout, sent, present):
        if read < sent.height:
            for batch in _batches(reader, _SQL["part"].format(columns=columns, **place)):
                read += batch.height
                yield batch


def _places(schema: str, layout: Layout, sent: Sent, present: Sequence[Column]) -> Iterator[dict[str, Composable]]:
    """Say where the rows of a part are; those that filled gaps in earlier pages come last: as a rule there are none."""
    names = {column.name for column in present}
    absent = _filled([column.name for column in layout.columns if column.name not in names])
    for first, last in ((sent.page, _LAST_PAGE), (0, sent.page)):
        yield {
            "absent": absent,
            "table": Identifier(schema, layout.table),
            "first": Literal(f"({first},0)"),
            "last": Literal(f"({last},0)"),
            "transaction": Literal(sent.transaction),
        }


def _same_by_key(
    rows: pl.DataFrame, key: Sequence[str], batches: Iterator[pl.DataFrame], columns: Sequence[Column]
) -> bool:
    """Tell whether the batches hold these rows, value by value, and nothing else in any column."""
    expected = plain(rows)
    places = expected.select(key).with_row_index(_PLACE)
    seen = pl.Series(_PLACE, dtype=pl.UInt32)
    for batch in batches:
        held, found = _values(batch, columns), places[_PLACE].slice(len(seen), batch.height)
        if not held.equals(expected.slice(len(seen), batch.height)):  # most rows stand in the order they were sent in
            found = held.select(key).join(places, on=key, how="left", nulls_equal=True, maintain_order="left")[_PLACE]
            if found.has_nulls() or not held.equals(expected[found]):
                return False
        if batch["absent"].sum():
            return False
        seen.append(found)
    return seen.n_unique() == len(seen) == rows.height


def _values(batch: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    return plain(pl.DataFrame([as_sent(batch[f"{i}"], column) for i, column in enumerate(columns)]))


def _figures(batch: pl.DataFrame, columns: Sequence[Column]) -> Profile:
    """Profile a batch; a value in a column that the part does not have makes it differ in every column."""
    filled = int(batch["absent"].sum())
    found = profile(_values(batch, columns))
    return found if not filled else Profile(found.rows, found.digest + filled, found.columns)


def _exact(column: Column, i: int) -> Composed:
    """Select a column in the cheapest form that keeps every bit; only a numeric can be NaN, which was never sent."""
    name = readable(column) if isinstance(column.dtype, pl.Duration) else held(column)
    if isinstance(column.dtype, pl.Decimal) and column.dtype.precision <= _LONGEST_BIGINT:
        # ADBC hands a numeric over as text, which costs both sides four times what a whole number does.
        shift = Literal(10**column.dtype.scale)
        return SQL("(nullif({}, 'NaN') * {})::bigint AS {}").format(name, shift, Identifier(f"{i}"))
    return SQL("{} AS {}").format(name, Identifier(f"{i}"))


def held(column: Column) -> Composed:
    """Return the expression for a column in the contract's type, in whatever type a table holds it."""
    return SQL("{}::{}").format(Identifier(column.name), SQL(column.type))


def readable(column: Column, *place: str) -> Composed:
    """Return the expression by which the driver hands over all that is held; numerics are text, NaN included."""
    name = Identifier(*place, column.name)
    if isinstance(column.dtype, pl.Duration):  # Polars has no interval: a whole number is as exact as what was sent
        return SQL("(extract(epoch FROM {}::{}) * 1000000)::bigint").format(name, SQL(column.type))
    return SQL("{}::{}").format(name, SQL("text" if isinstance(column.dtype, pl.Decimal) else column.type))


def as_sent(values: pl.Series, column: Column) -> pl.Series:
    """Return what the driver read of a column, with the name and the type in which it was sent."""
    values = _stored(values, column)
    if isinstance(column.dtype, pl.Decimal) and values.dtype == pl.String:
        values = values.cast(column.dtype, strict=False)  # NaN becomes null, which was not sent, and so is noticed
    return values.alias(column.name)


def _stored(values: pl.Series, column: Column) -> pl.Series:
    """Return the text by which ADBC hands over a type that Arrow does not have, and lengths of time as such."""
    values = values.ext.storage() if values.dtype.is_extension() else values
    return values.cast(column.dtype) if isinstance(column.dtype, pl.Duration) else values


def _filled(absent: Sequence[str]) -> Composed | SQL:
    """Count the values in the columns that a part does not have."""
    pieces = [absent[i : i + _MOST_ARGUMENTS] for i in range(0, len(absent), _MOST_ARGUMENTS)]
    calls = [SQL("num_nonnulls({})").format(SQL(", ").join(map(Identifier, piece))) for piece in pieces]
    return SQL(" + ").join(calls) if calls else SQL("0")


def _batches(reader: Copying, query: Composed) -> Iterator[pl.DataFrame]:
    with reader.cursor() as cursor:
        cursor.execute(query.as_string())
        for batch in cursor.fetch_record_batch():
            yield pl.DataFrame(batch)


def _unproven(schema: str, layout: Layout, proven: Sequence[str], reader: Copying) -> pl.DataFrame:
    """Read the rows of every part that is not proven, and those that nobody sent; numerics as text, NaN included."""
    names = [readable(column) for column in layout.columns]
    query = _SQL["unproven"].format(
        columns=SQL(", ").join(SQL("{} AS {}").format(n, Identifier(f"{i}")) for i, n in enumerate(names)),
        table=Identifier(schema, layout.table),
        proven=Literal(list(proven)),
    )
    with reader.cursor() as cursor:
        cursor.execute(query.as_string())
        frame = pl.DataFrame(cursor.fetch_arrow_table())
    values = [_stored(frame[f"{i}"], c).alias(c.name) for i, c in enumerate(layout.columns)]
    return pl.DataFrame([frame["at"].alias(differences.AT), *values])
