"""The engine can bind the order-list steps by their signatures, and run them in threads."""

import inspect
import typing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dataframely as dy
import polars as pl
import pytest

from tests.unit.test_transforms_order_rows import Sheet, line
from transforms import order_lists, row_local
from transforms.order_lists.contract import OrderList, OrderRowKeys

Step = Callable[..., object]
STEPS: dict[str, Step] = {
    name: step for name in order_lists.__all__ if inspect.isfunction(step := getattr(order_lists, name))
}
ROW_LOCAL = {
    "header_mapping",
    "order_rows",
    "order_list",
    "order_list_accounting",
    "rows_accounted",
    "cells_accounted",
    "rules_accounted",
    "sizes_accounted",
    "order_sizes",
    "order_list_lines",
}


def test_a_step_marked_row_local_stays_the_same_function() -> None:
    def step(cells: pl.DataFrame) -> pl.DataFrame:
        return cells

    assert row_local(step) is step
    assert vars(step) == {"row_local": True}


def test_all_steps_but_the_numbering_of_keys_and_the_check_on_production_run_once_per_workbook() -> None:
    assert {name for name, step in STEPS.items() if getattr(step, "row_local", False)} == ROW_LOCAL
    assert STEPS.keys() - ROW_LOCAL == {"order_keys", "lines_have_origins"}


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_every_annotation_can_be_evaluated(step: Step) -> None:
    hints = typing.get_type_hints(step)
    assert {*inspect.signature(step).parameters, "return"} == hints.keys()


def test_the_numbering_needs_four_columns_of_the_whole_set() -> None:
    (needed,) = typing.get_args(typing.get_type_hints(order_lists.order_keys)["order_rows"])
    assert needed is OrderRowKeys
    assert needed.column_names() == ["file", "row", "order_key", "row_hash"]


def test_the_order_list_says_which_contract_it_keeps() -> None:
    tables = typing.get_type_hints(order_lists.order_list)["return"]
    assert typing.get_type_hints(tables)["order_list"] == dy.DataFrame[OrderList]


def test_settings_are_keyword_only_and_have_defaults() -> None:
    settings = {
        name: parameter.default
        for step in STEPS.values()
        for name, parameter in inspect.signature(step).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert settings == {"phantom_rows": "set_aside", "unmapped_customers": "keep"}


MESSY = Sheet([line(S=str(i)) | {"EX FACTORY DATE": "25/12/2024", "CUSTOMER PRICE": "1e-7"} for i in range(50)])


def test_a_step_leaves_its_inputs_as_they_are() -> None:
    cells = MESSY.cells
    order_lists.order_rows(cells, MESSY.cell_errors, MESSY.mapping, MESSY.workbook, MESSY.run)  # type: ignore[arg-type]
    assert cells.equals(MESSY.cells)


def test_steps_that_run_in_threads_make_what_they_make_alone() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: MESSY.made(), range(8)))
    assert all(table.equals(MESSY.made()[i]) for tables in made for i, table in enumerate(tables))
