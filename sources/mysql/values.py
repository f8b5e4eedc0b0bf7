"""From what the driver read to exact values, with every rule that was applied counted by column."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from firn import SourceError
from sources.mysql.errors import UNCHANGED
from sources.mysql.moments import FIRST_YEAR, parsed, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sources.mysql.rules import Policy
    from sources.mysql.types import Field

COUNTED = pl.Schema(
    {"table": pl.String, "column": pl.String, "rule": pl.String, "policy": pl.String, "values": pl.Int64}
)
QUARANTINED = pl.Schema(
    {"table": pl.String, "key": pl.String, "column": pl.String, "rule": pl.String, "raw": pl.String}
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table with what the rules did to them.

    Attributes:
        frame: The rows.
        counted: Per column and rule the policy and how many values it was applied to; see ``COUNTED``.
        quarantined: The values set aside, each with its row's key as a JSON object; see ``QUARANTINED``.
    """

    frame: pl.DataFrame
    counted: pl.DataFrame
    quarantined: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Broken:
    """Values that break a rule.

    Attributes:
        rule: Its name.
        mask: Where they are.
    """

    rule: str
    mask: pl.Series


def decode(raw: pl.DataFrame, table: str, fields: Sequence[Field], key: Sequence[str]) -> Rows:
    """Return the exact values of what was read.

    Args:
        raw: What the driver read, a column a field.
        table: The table's name.
        fields: Its columns.
        key: The names of those that tell its rows apart.

    Raises:
        SourceError: A value breaks a rule whose policy is to fail; table, column, key and count are named.
    """
    frame = raw.select(_typed(raw[field.name], field.kind.dtype) for field in fields)
    counted, quarantined = [], []
    for field in fields:
        for broken in _broken(field, raw[field.name], frame[field.name]):
            policy = field.rules.policy(broken.rule)
            counted.append((table, field.name, broken.rule, policy, int(broken.mask.sum())))
            if policy == "fail":
                raise _refused(table, field, broken, _keys(frame, key, broken.mask))
            if policy == "quarantine":
                texts = _shown(raw[field.name].filter(broken.mask), field.kind.dtype)
                places = _keys(frame, key, broken.mask)
                quarantined += [
                    (table, place, field.name, broken.rule, text) for place, text in zip(places, texts, strict=True)
                ]
            if policy != "keep":
                frame = frame.with_columns(_remedied(raw[field.name], frame[field.name], broken, policy))
    return Rows(
        frame, pl.DataFrame(counted, COUNTED, orient="row"), pl.DataFrame(quarantined, QUARANTINED, orient="row")
    )


def nothing(schema: pl.Schema) -> Rows:
    """Return no rows, of which no rule had to be applied."""
    return Rows(pl.DataFrame(schema=schema), pl.DataFrame(schema=COUNTED), pl.DataFrame(schema=QUARANTINED))


def together(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several chunks, in order, and their counts added up."""
    counted = pl.concat([part.counted for part in parts])
    counted = counted.group_by(counted.columns[:-1], maintain_order=True).agg(pl.col("values").sum())
    return Rows(pl.concat([part.frame for part in parts]), counted, pl.concat([part.quarantined for part in parts]))


def _typed(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return values in the frame's type; null where one is no day that a calendar has."""
    if isinstance(dtype, pl.Boolean):
        return values != 0
    return parsed(values, dtype) if dtype.is_temporal() else values.cast(dtype)


def _broken(field: Field, raw: pl.Series, values: pl.Series) -> Iterator[Broken]:
    for rule in field.applicable():
        mask = {"zero_date": _impossible, "sentinel": _sentinel, "not_boolean": _untrue, "nul": _nul}[rule](
            field, raw, values
        ).fill_null(value=False)
        if mask.any():
            yield Broken(rule, mask)


def _impossible(_: Field, raw: pl.Series, values: pl.Series) -> pl.Series:
    return raw.is_not_null() & (values.is_null() | (values.dt.year() < FIRST_YEAR))


def _sentinel(field: Field, _: pl.Series, values: pl.Series) -> pl.Series:
    return values.dt.date().is_in(list(field.rules.sentinels))


def _untrue(_: Field, raw: pl.Series, __: pl.Series) -> pl.Series:
    return (raw != 0) & (raw != 1)


def _nul(_: Field, __: pl.Series, values: pl.Series) -> pl.Series:
    return values.str.contains("\0", literal=True)


def _remedied(raw: pl.Series, values: pl.Series, broken: Broken, policy: Policy) -> pl.Series:
    nothing = pl.Series([None], dtype=values.dtype)
    other = _nearest(broken.rule, raw, values, broken.mask) if policy == "clamp" else nothing
    return values.zip_with(~broken.mask, other).alias(values.name)


def _nearest(rule: str, raw: pl.Series, values: pl.Series, mask: pl.Series) -> pl.Series:
    if rule == "nul":
        return values.str.replace_all("\0", "", literal=True)
    if rule == "zero_date":
        return _nearest_days(raw.zip_with(mask, pl.Series([None], dtype=raw.dtype)), values.dtype)
    return values


def _nearest_days(raw: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return the day, and the time of day, that is nearest to one that no calendar has."""
    texts = spelled(raw, dtype)
    year, month, day = (texts.str.slice(*place).cast(pl.Int32) for place in ((0, 4), (5, 2), (8, 2)))
    firsts = pl.select(pl.date(pl.lit(year.clip(FIRST_YEAR)), pl.lit(month.clip(1, 12)), 1)).to_series()
    offset = pl.select(pl.min_horizontal(day.clip(1), firsts.dt.month_end().dt.day())).to_series() - 1
    days = (firsts.cast(pl.Int32) + offset).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return parsed(days + texts.str.slice(10), dtype)


def _shown(raw: pl.Series, dtype: pl.DataType) -> list[str]:
    """Return values as texts that PostgreSQL can hold, NUL as its picture."""
    texts = spelled(raw, dtype) if dtype.is_temporal() else raw.cast(pl.String)
    return texts.str.replace_all("\0", "\u2400", literal=True).to_list()


def _keys(frame: pl.DataFrame, key: Sequence[str], mask: pl.Series) -> list[str]:
    """Return the keys of some rows; empty where the table has none."""
    if not key:
        return [""] * int(mask.sum())
    return keys_of(frame.filter(mask), key)


def keys_of(frame: pl.DataFrame, key: Sequence[str]) -> list[str]:
    """Return the key of every row as a JSON object."""
    rows = frame.select(key).iter_rows(named=True)
    return [json.dumps(row, default=str, ensure_ascii=False) for row in rows]


def _refused(table: str, field: Field, broken: Broken, keys: Sequence[str]) -> SourceError:
    where = f", first in the row {keys[0]}" if keys[0] else ""
    return SourceError(
        f'Table "{table}", column "{field.name}": {len(keys)} values break the rule {broken.rule}, whose policy is '
        f"to fail{where}. {UNCHANGED}",
        f'correct them at the source, or state another policy: columns."{table}.{field.name}".{broken.rule} = '
        '"quarantine"',
    )
