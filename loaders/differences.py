"""The second pass: which rows and columns differ, once the figures have shown that some do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loaders.ddl import Layout

__all__ = ["AT", "explain"]

AT = "\0at"  # no column of PostgreSQL can be called so
_NTH = "\0nth"
_SIDE = "\0held"
_MOST_KEYS = 10
_MOST_COLUMNS = 5
_MOST_CHARACTERS = 60


def explain(layout: Layout, sent: Sequence[pl.DataFrame], held: pl.DataFrame, suspects: Sequence[str]) -> str:
    """Say what differs between the rows that were sent and those that are held.

    Args:
        layout: The table.
        sent: The rows of every part that is not proven.
        held: The rows in staging that belong to these parts or to none, with their place in `AT`.
        suspects: The columns whose figures differ, for a table without a key.

    Returns:
        A message that names the table, and per column up to ten keys with the value sent and the value held.
    """
    names = [column.name for column in layout.columns]
    sent_rows = _comparable(pl.concat([_widened(layout, rows) for rows in sent]) if sent else held.clear(), names)
    held_rows = _comparable(held, names)
    key = list(layout.key) or names  # without a key a row is known by all that it holds
    left = sent_rows.with_columns(_nth(key))
    right = held_rows.with_columns(_nth(key), held[AT])
    both = left.join(right, on=[*key, _NTH], how="full", nulls_equal=True, suffix=_SIDE, maintain_order="left_right")
    lost = both.filter(pl.col(AT).is_null())
    extra = both.filter(pl.col(_NTH).is_null())
    told = [
        *_changed(both.filter(pl.col(AT).is_not_null() & pl.col(_NTH).is_not_null()), key, names),
        *_listed("was sent and is missing", lost, list(layout.key), ""),
        *_listed("is held and was not sent", extra, list(layout.key), _SIDE),
    ]
    if not layout.key and suspects:
        told.insert(0, "figures differ in column " + ", ".join(f'"{name}"' for name in dict.fromkeys(suspects)))
    return f'Staging of table "{layout.table}" does not hold what was sent: {"; ".join(told)}. Production is unchanged.'


def _widened(layout: Layout, rows: pl.DataFrame) -> pl.DataFrame:
    absent = [
        pl.lit(None, column.dtype).alias(column.name) for column in layout.columns if column.name not in rows.columns
    ]
    return rows.with_columns(absent).select([column.name for column in layout.columns])


def _comparable(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return rows.select(pl.col(names)).with_columns(pl.col(pl.Decimal).cast(pl.String))


def _nth(key: Sequence[str]) -> pl.Expr:
    """Number the rows of equal key, so that a row held twice does not pass as the one that was sent."""
    return pl.int_range(pl.len()).over(key).alias(_NTH)


def _changed(both: pl.DataFrame, key: Sequence[str], names: Sequence[str]) -> list[str]:
    told = []
    for name in (n for n in names if n not in key):
        rows = both.filter(pl.col(name).ne_missing(pl.col(name + _SIDE)))
        if rows.height:
            some = [
                f"{_named(row, key, '')}: sent {_shown(row[name])}, held {_shown(row[name + _SIDE])}"
                for row in rows.head(_MOST_KEYS).to_dicts()
            ]
            told.append(f'column "{name}" differs in {rows.height} row(s): {", ".join(some)}')
    more = [f"{len(told) - _MOST_COLUMNS} more columns differ"] if len(told) > _MOST_COLUMNS else []
    return told[:_MOST_COLUMNS] + more


def _listed(what: str, rows: pl.DataFrame, key: Sequence[str], suffix: str) -> list[str]:
    if not rows.height:
        return []
    some = [_named(row, key, suffix) for row in rows.head(_MOST_KEYS).to_dicts()]
    return [f"{rows.height} row(s) {what}: {', '.join(some)}"]


def _named(row: dict[str, object], key: Sequence[str], suffix: str) -> str:
    if key:
        return ", ".join(f"{name}={_shown(row[name + suffix])}" for name in key)
    return f"at {row[AT]}" if row[AT] else f"the {row[_NTH]}th of its kind"


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    text = repr(value) if value is not None else "null"
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
