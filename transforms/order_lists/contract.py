"""What the tables of the order lists look like: those that arrive, those in between, and those that are published."""

from __future__ import annotations

from typing import Final

import dataframely as dy

from transforms.order_lists.columns import COLUMNS, SOURCE_CUSTOMER

__all__ = [
    "HEADERS",
    "Accounting",
    "AppliedRules",
    "CellErrors",
    "HeaderMapping",
    "Headers",
    "OrderKeys",
    "OrderList",
    "OrderListLines",
    "OrderListOrigin",
    "OrderListQuarantine",
    "OrderRowKeys",
    "OrderSizes",
    "Run",
    "Unaccounted",
    "Workbook",
]


def _published(type_: str) -> dy.Column:
    """The column of a contract for a PostgreSQL type of ``columns.csv``; every business column may be blank."""
    match type_:
        case "text":
            return dy.String(nullable=True)
        case "date":
            return dy.Date(nullable=True)
        case "integer":
            return dy.Int32(nullable=True)
        case "smallint":
            return dy.Int16(nullable=True)
    precision, scale = type_.removeprefix("numeric(").removesuffix(")").split(",")
    return dy.Decimal(int(precision), int(scale), nullable=True)


# --- What arrives -----------------------------------------------------------------------------------------------------


class Headers(dy.Schema):
    """The header row of a sheet, one row per used column; a column with data but no header has null."""

    letter = dy.String(nullable=False)
    header = dy.String(nullable=True)


class CellErrors(dy.Schema):
    """The cells that hold an Excel error such as ``#N/A``, or a formula without a value such as ``=SUM(A2:B2)``."""

    row = dy.UInt32(nullable=False)
    letter = dy.String(nullable=False)
    raw = dy.String(nullable=False)


class Workbook(dy.Schema):
    """Where a part comes from; one row."""

    file = dy.String(nullable=False)
    etag = dy.String(nullable=True)
    sheet = dy.String(nullable=False)
    header_row = dy.UInt32(nullable=False)
    last_row = dy.UInt32(nullable=False)
    date1904 = dy.Bool(nullable=False)


class Run(dy.Schema):
    """The run that reads; one row."""

    run_id = dy.String(nullable=False)


# --- In between -------------------------------------------------------------------------------------------------------

ROLES: Final = ("column", "size", "unknown", "unknown_size", "duplicate", "unnamed")


class HeaderMapping(dy.Schema):
    """Which published column each column of a sheet feeds.

    ``column`` is null unless ``role`` is ``column`` or ``size``, and so is ``kind``, but for an ``unknown_size``, which
    is a quantity without a column; ``header`` has its whitespace collapsed and is null where ``role`` is ``unnamed``;
    ``suggestion`` is what a duplicate means, or the column that an unknown header may have meant.
    """

    letter = dy.String(primary_key=True)
    header = dy.String(nullable=True)
    column = dy.String(nullable=True)
    kind = dy.String(nullable=True)
    role = dy.Enum(ROLES, nullable=False)
    suggestion = dy.String(nullable=True)


class OrderRowKeys(dy.Schema):
    """What the numbering of order lines needs of each: its place, the UUID of its key, and its hash."""

    file = dy.String(nullable=False)
    row = dy.UInt32(nullable=False)
    order_key = dy.Binary(nullable=False)
    row_hash = dy.String(nullable=False)


class OrderSizes(dy.Schema):
    """How many pieces the order line of a row has of a size; sizes of which nothing is ordered have no row."""

    row = dy.UInt32(primary_key=True)
    size = dy.String(primary_key=True)
    quantity = dy.Int32(nullable=False, min=1)


class OrderKeys(dy.Schema):
    """The identity of every order line.

    ``occurrence`` numbers from 1 the lines that share a key; ``is_duplicate`` marks a line that equals an earlier one
    in every column.
    """

    file = dy.String(nullable=False)
    row = dy.UInt32(nullable=False)
    record_uuid = dy.Binary(primary_key=True)
    occurrence = dy.UInt32(nullable=False)
    is_duplicate = dy.Bool(nullable=False)


class AppliedRules(dy.Schema):
    """How often a named rule changed what a column holds.

    ``amount`` is exact decimal text: for ``rounded`` the sum of (before - after), for dates that were not written as
    year-month-day the sum of the days since 1970-01-01 that were read, otherwise 0.
    """

    file = dy.String(primary_key=True)
    column = dy.String(primary_key=True)
    rule = dy.String(primary_key=True)
    cells = dy.UInt32(nullable=False)
    amount = dy.String(nullable=False)


class Accounting(dy.Schema):
    """What became of a file, for the report: one row per figure; ``item`` says of what, ``note`` what to do."""

    file = dy.String(nullable=False)
    figure = dy.String(nullable=False)
    item = dy.String(nullable=False)
    count = dy.Int64(nullable=False)
    note = dy.String(nullable=True)


class Unaccounted(dy.Schema):
    """A figure that does not close; a check returns none."""

    file = dy.String(nullable=False)
    column = dy.String(nullable=False)
    figure = dy.String(nullable=False)
    expected = dy.String(nullable=False)
    found = dy.String(nullable=False)
    difference = dy.String(nullable=False)


# --- What is published ------------------------------------------------------------------------------------------------


class OrderList(dy.Schema):
    """An order line as it stood in its workbook: the business columns of ``columns.csv`` and what identifies them.

    Nothing here depends on the run. A part has only the business columns that its sheet has.
    """

    record_uuid = dy.Binary(primary_key=True, metadata={"postgres": "uuid"})
    locals().update({column.name: _published(column.type) for column in COLUMNS})
    source_table = dy.String(alias="_SOURCE_TABLE", nullable=False)
    group_name = dy.String(nullable=False)
    item_name = dy.String(nullable=False)
    row_hash = dy.String(nullable=False)


class OrderListLines(dy.Schema):
    """How many pieces of one size an order line has; sizes of which nothing is ordered have no row."""

    record_uuid = dy.Binary(primary_key=True, metadata={"postgres": "uuid"})
    size = dy.String(primary_key=True)
    quantity = dy.Int32(nullable=False, min=1)


class OrderListOrigin(dy.Schema):
    """Where each order line was read, and the key by which it is numbered among its likes."""

    record_uuid = dy.Binary(primary_key=True, metadata={"postgres": "uuid"})
    order_key = dy.Binary(nullable=False, metadata={"postgres": "uuid"})
    file = dy.String(nullable=False)
    sheet = dy.String(nullable=False)
    row = dy.Int32(nullable=False)
    etag = dy.String(nullable=True)
    run_id = dy.String(nullable=False)


class OrderListQuarantine(dy.Schema):
    """A cell that was not published: where it stands, what it holds, what was expected there, and why it stays out.

    ``column`` is the published column, or the header of one that feeds none; null where there is no header.
    """

    file = dy.String(primary_key=True)
    etag = dy.String(nullable=True)
    sheet = dy.String(nullable=False)
    cell = dy.String(primary_key=True)
    row = dy.Int32(nullable=False)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=False)
    expected = dy.String(nullable=False)
    reason = dy.String(nullable=False)
    run_id = dy.String(nullable=False)


# --- What a source looks for ------------------------------------------------------------------------------------------

HEADERS: Final = frozenset(
    header for column in COLUMNS if column.name != SOURCE_CUSTOMER for header in (column.name, *column.aliases)
)
