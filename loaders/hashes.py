"""The hash that PostgreSQL has of a row, computed here: so that rows are compared without being read back.

The hash of a record is a sum of those of its values, each times its own factor; so it is hashed once more before rows
are added up, or two values could trade places between rows. Partitions by hash stand on the hashes of single values:
they stay what they are from version to version. Equal sums over the rows of a part mean equal rows, but for one chance
in 2 to the power of 64. Where they differ, or a type is not among those that are hashed here, nothing is said: then
rows are read back and compared value by value.

| PostgreSQL                               | hashed as                                                  |
|------------------------------------------|------------------------------------------------------------|
| ``boolean`` ``smallint`` ``integer`` ``bigint`` ``date`` ``timestamp`` ``interval`` | numbers, as stored |
| ``text`` ``bytea`` ``uuid``              | bytes                                                      |
| ``numeric`` of up to 18 digits           | the whole number of its units: its own hash has no sign    |
| ``real`` ``double precision``            | bytes as sent: its own hash is the same for zero and null  |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
from psycopg.sql import SQL, Composed, Identifier, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from loaders.ddl import Column

    Words = NDArray[np.uint32]
    Hashes = NDArray[np.uint64]
    Blocks = NDArray[np.void]
    State = tuple[Words, Words, Words]

__all__ = ["are_hashed", "row", "summed"]

_START = 0x9E3779B9 + 3923095
_BLOCK = 12
_MASKS = [2 ** (8 * octets) - 1 for octets in range(5)]
_FIRST, _SECOND, _THIRD = (
    np.array([_MASKS[min(max(rest - before, 0), 4)] for rest in range(_BLOCK)], np.uint32) for before in (0, 4, 8)
)
"""Which bits of the last three words count, by how many bytes there are."""
_DAYS, _MICROSECONDS = 10_957, 946_684_800_000_000  # from Polars' epoch to PostgreSQL's
_LONGEST = 18  # digits of a decimal that always fit into 64 bits
_SLICE = 20_000  # values at a time, whose words stay in the processor's cache
_FACTOR = 31  # by which a record's hash is multiplied before that of its next value is added


def are_hashed(columns: Sequence[Column]) -> bool:
    """Tell whether the values of all these columns can be hashed here."""
    return all(_is_hashed(column) for column in columns)


def row(columns: Sequence[Column]) -> Composed:
    """Return the record that the server hashes, in ``hashint8extended(hash_record_extended(..., 0), 0)``."""
    return SQL("ROW({})").format(SQL(", ").join(map(_value, columns)))


def summed(frame: pl.DataFrame, columns: Sequence[Column]) -> int:
    """Return the sum of the hashes of all rows, as the server adds them up: exactly, of signed numbers."""
    total = 0
    factors = np.array([pow(_FACTOR, power, 2**64) for power in reversed(range(len(columns)))], np.uint64)
    alike = _alike(frame, columns)
    for piece in frame.iter_slices(_SLICE):
        hashes = np.zeros(piece.height, np.uint64)
        for some in alike:
            values = pl.concat([piece[columns[i].name] for i in some])
            hashes += factors[some] @ _hashed(values, columns[some[0]]).reshape(len(some), -1)
        signed = _of_numbers(hashes.view(np.int64), wide=True).view(np.int64)
        total += (int((signed >> 32).sum()) << 32) + int((signed & 0xFFFFFFFF).sum())
    return total


def _alike(frame: pl.DataFrame, columns: Sequence[Column]) -> list[list[int]]:
    """Gather columns of numbers that are hashed alike, as many as fit into a slice: calls are what takes long."""
    alike: dict[tuple[pl.DataType, bool], list[int]] = {}
    dtypes = frame.schema
    for i, column in enumerate(columns):
        alike.setdefault((dtypes[column.name], column.dtype in _WIDE), []).append(i)
    most = max(_SLICE // max(frame.height, 1), 1)
    return [
        some[i : i + count]
        for (dtype, _), some in alike.items()
        for count in [1 if dtype in (pl.String, pl.Binary) else most]
        for i in range(0, len(some), count)
    ]


def _is_hashed(column: Column) -> bool:
    if isinstance(column.dtype, pl.Decimal):
        return column.dtype.precision <= _LONGEST
    return column.digits is None


def _value(column: Column) -> Composed:
    value = SQL("{}::{}").format(Identifier(column.name), SQL(column.type))
    if isinstance(column.dtype, pl.Decimal):
        return SQL("(nullif({}, 'NaN') * {})::bigint").format(value, Literal(10**column.dtype.scale))
    if column.dtype.is_float():
        return SQL("{}({})").format(SQL("float8send" if column.dtype == pl.Float64 else "float4send"), value)
    return value


def _hashed(values: pl.Series, column: Column) -> Hashes:
    """Return the hash of each value, zero for null."""
    dtype = values.dtype
    if dtype in (pl.String, pl.Binary):
        found = _of_bytes(values)
    elif dtype.is_float():
        found = _of_floats(values)
    else:
        found = _of_numbers(_number(values), wide=dtype.is_decimal() or column.dtype in _WIDE)
    if values.null_count():
        found[values.is_null().to_numpy()] = 0
    return found


_WIDE = (pl.Int64(), pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.Duration("us"))


def _number(values: pl.Series) -> NDArray[Any]:
    numbers = values.to_physical() if values.dtype != pl.Boolean else values.cast(pl.Int32)
    numbers = numbers.cast(pl.Int64 if values.dtype.is_decimal() else numbers.dtype).fill_null(0)
    found: NDArray[Any] = numbers.to_numpy()
    if values.dtype == pl.Date:
        return found - np.int32(_DAYS)
    return found - _MICROSECONDS if isinstance(values.dtype, pl.Datetime) else found


def _of_numbers(numbers: NDArray[Any], *, wide: bool) -> Hashes:
    if wide:
        low, high = numbers.astype(np.uint32), (numbers >> 32).astype(np.uint32)
        words = low ^ np.where(numbers >= 0, high, ~high)
    else:
        words = numbers.astype(np.int32).view(np.uint32)
    start = np.uint32((_START + 4) & 0xFFFFFFFF)
    return _finished(words + start, np.full(len(words), start), np.full(len(words), start))


def _of_floats(values: pl.Series) -> Hashes:
    numbers = values.fill_null(0.0).to_numpy()
    octets = numbers.astype(numbers.dtype.newbyteorder(">")).view(np.uint8).reshape(len(numbers), -1)
    width = octets.shape[1]
    words = np.ascontiguousarray(octets).view("<u4").reshape(len(numbers), -1).astype(np.uint32)
    start = np.full(len(numbers), (_START + width) & 0xFFFFFFFF, np.uint32)
    second = start + words[:, 1] if words.shape[1] > 1 else start.copy()
    return _finished(start + words[:, 0], second, start.copy())


def _of_bytes(values: pl.Series) -> Hashes:
    """Hash texts, the longest first: so those that have another block are always the first ones."""
    blocks, starts, lengths = _octets(values)
    a = lengths.view(np.uint32) + np.uint32(_START & 0xFFFFFFFF)
    if not lengths.any():
        return _finished(a, a.copy(), a.copy())
    whole, rest = np.divmod(lengths, np.int32(_BLOCK))
    if not whole.any():
        return _ended(blocks, starts, rest, (a, a.copy(), a.copy()))
    order = np.argsort(-whole, kind="stable")
    starts, rest, a = starts[order], rest[order], a[order]
    b, c = a.copy(), a.copy()
    longer = np.cumsum(np.bincount(whole)[::-1])[::-1]
    for active in map(int, longer[1:]):
        block = _words(blocks, starts[:active])
        a[:active] += block[:, 0]
        b[:active] += block[:, 1]
        c[:active] += block[:, 2]
        _mix(a[:active], b[:active], c[:active])
        starts[:active] += _BLOCK
    found = np.empty(len(a), np.uint64)
    found[order] = _ended(blocks, starts, rest, (a, b, c))
    return found


def _ended(blocks: Blocks, at: NDArray[np.int64], rest: NDArray[np.int32], state: State) -> Hashes:
    """Hash the up to eleven bytes behind the last block."""
    a, b, c = state
    last = _words(blocks, at)
    a += last[:, 0] & _FIRST[rest]
    b += last[:, 1] & _SECOND[rest]
    c += (last[:, 2] & _THIRD[rest]) << np.uint32(8)
    return _finished(a, b, c)


def _words(blocks: Blocks, at: NDArray[np.int64]) -> Words:
    return blocks[at].view("<u4").reshape(-1, 3)


def _octets(values: pl.Series) -> tuple[Blocks, NDArray[np.int64], NDArray[np.int32]]:
    """Return the block that begins at each byte of all values, and where each value begins, and its length."""
    array = values.to_arrow().cast(pa.large_binary() if values.dtype == pl.Binary else pa.large_string())
    _, ends, octets = array.buffers()
    borders = np.frombuffer(ends, np.int64)[array.offset : array.offset + len(array) + 1]
    first, last = int(borders[0]), int(borders[-1])
    padded = np.zeros(last - first + 2 * _BLOCK, np.uint8)
    if octets is not None:
        padded[: last - first] = np.frombuffer(octets, np.uint8)[first:last]
    blocks = np.ndarray((len(padded) - _BLOCK + 1,), np.dtype(f"V{_BLOCK}"), padded, strides=(1,))
    return blocks, borders[:-1] - first, np.diff(borders).astype(np.int32)


def _turned(words: Words, bits: int) -> Words:
    return (words << np.uint32(bits)) | (words >> np.uint32(32 - bits))


def _mix(a: Words, b: Words, c: Words) -> None:
    for x, y, z, bits in ((a, c, b, 4), (b, a, c, 6), (c, b, a, 8), (a, c, b, 16), (b, a, c, 19), (c, b, a, 4)):
        np.subtract(x, y, out=x)
        np.bitwise_xor(x, _turned(y, bits), out=x)
        np.add(y, z, out=y)


def _finished(a: Words, b: Words, c: Words) -> Hashes:
    for x, y, bits in ((c, b, 14), (a, c, 11), (b, a, 25), (c, b, 16), (a, c, 4), (b, a, 14), (c, b, 24)):
        np.bitwise_xor(x, y, out=x)
        np.subtract(x, _turned(y, bits), out=x)
    return (b.astype(np.uint64) << np.uint64(32)) | c
