"""A contract becomes a table of exactly its types, or is refused before anything is sent."""

from __future__ import annotations

import dataframely as dy
import polars as pl
import pytest

from firn import LoadError
from loaders.ddl import check_rows, cut, layout
from loaders.likeness import Likeness


class Kinds(dy.Schema):
    """One column of every type that has a partner in PostgreSQL."""

    text = dy.String(nullable=True)
    yes = dy.Bool(nullable=True)
    i2 = dy.Int16(nullable=True)
    i4 = dy.Int32(primary_key=True)
    i8 = dy.Int64(nullable=True, unique=True)
    f4 = dy.Float32(nullable=True)
    f8 = dy.Float64(nullable=True)
    price = dy.Decimal(18, 4, nullable=True)
    day = dy.Date(nullable=True)
    local = dy.Datetime(nullable=True)
    moment = dy.Datetime(time_zone="UTC", nullable=True)
    length = dy.Duration(nullable=True)
    long = dy.String(nullable=True, metadata={"postgres": "numeric(65,30)"})
    blob = dy.Binary(nullable=True)
    key = dy.Binary(nullable=True, metadata={"postgres": "uuid"})


def contract(**columns: dy.Column) -> type[dy.Schema]:
    return type("Contract", (dy.Schema,), columns)


def test_each_type_has_one_partner() -> None:
    assert [column.type for column in layout("t", Kinds).columns] == [
        "text",
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "numeric(18,4)",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "interval",
        "numeric(65,30)",
        "bytea",
        "uuid",
    ]


@pytest.mark.parametrize(
    ("column", "named"),
    [
        (dy.UInt64(nullable=True), "UInt64"),
        (dy.UInt32(nullable=True), "UInt32"),
        (dy.Int8(nullable=True), "Int8"),
        (dy.Time(nullable=True), "Time"),
        (dy.String(nullable=True, metadata={"postgres": "numeric(77,2)"}), "numeric(77,2)"),
        (dy.String(nullable=True, metadata={"postgres": "numeric(2,3)"}), "numeric(2,3)"),
        (dy.Datetime(time_unit="ns", nullable=True), "time_unit='ns'"),
        (dy.Datetime(time_unit="ms", time_zone="UTC", nullable=True), "time_unit='ms'"),
        (dy.Datetime(time_zone="Europe/Berlin", nullable=True), "Europe/Berlin"),
        (dy.Enum(["a", "b"], nullable=True), "Enum"),
        (dy.Categorical(nullable=True), "Categorical"),
        (dy.List(dy.Int32(), nullable=True), "List"),
        (dy.String(nullable=True, metadata={"postgres": "json"}), "json"),
        (dy.String(nullable=True, metadata={"postgres": "jsonb"}), "jsonb"),
        (dy.Int32(nullable=True, metadata={"postgres": "bigint"}), "bigint"),
    ],
)
def test_a_type_without_an_exact_partner_is_refused_by_table_and_column(column: dy.Column, named: str) -> None:
    with pytest.raises(LoadError) as caught:
        layout("orders", contract(odd=column))

    assert 'Column "odd" of table "orders"' in caught.value.message
    assert named in caught.value.message
    assert "Nothing was sent; production is unchanged" in caught.value.message


@pytest.mark.parametrize("name", ["x" * 64, "é" * 32, "", "a\0b"])
def test_a_name_that_postgresql_would_cut_or_refuse_is_refused(name: str) -> None:
    with pytest.raises(LoadError, match="Column name"):
        layout("t", contract(c=dy.String(nullable=True, alias=name or "\0")))
    with pytest.raises(LoadError, match="Table name"):
        layout(name, Kinds)


def test_more_columns_than_postgresql_holds_are_refused() -> None:
    with pytest.raises(LoadError, match="1601 columns"):
        layout("t", contract(**{f"c{i}": dy.Int32(nullable=True) for i in range(1601)}))


def test_a_table_states_its_columns_exactly() -> None:
    made = layout('t"x', contract(a=dy.Int32(primary_key=True, alias='say "a"'), b=dy.Decimal(10, 2, nullable=True)))

    assert Likeness().create("s", made, []).as_string() == (
        'CREATE TABLE "s"."t""x" ("say ""a""" integer NOT NULL, "b" numeric(10,2))'
    )
    assert [statement.as_string() for statement in made.add_constraints("s")] == [
        'ALTER TABLE "s"."t""x" ADD CONSTRAINT "t""x_pkey" PRIMARY KEY ("say ""a""")'
    ]


def test_unique_columns_and_keys_of_several_columns_become_constraints() -> None:
    made = layout("t", contract(a=dy.Int32(primary_key=True), b=dy.Int32(primary_key=True), c=dy.Int32(unique=True)))

    assert made.constraints() == {"t_pkey": ("PRIMARY KEY", ("a", "b")), "t_c_key": ("UNIQUE", ["c"])}


def test_made_names_are_cut_to_63_bytes_and_stay_different() -> None:
    long = "é" * 40
    names = {cut(long + suffix) for suffix in "abc"}

    assert cut("short") == "short"
    assert len(names) == 3
    assert max(len(name.encode()) for name in names) <= 63


def test_a_part_may_leave_out_what_may_be_null() -> None:
    check_rows(layout("t", Kinds), "", pl.DataFrame({"i4": [1]}, schema={"i4": pl.Int32}))


def test_a_column_that_is_close_to_one_of_the_contract_is_pointed_out() -> None:
    with pytest.raises(LoadError, match='no column "moments"') as caught:
        check_rows(layout("t", Kinds), "", pl.DataFrame({"i4": [1], "moments": [1]}, schema_overrides={"i4": pl.Int32}))

    assert caught.value.hint == 'is it "moment"?'
