"""Customer order lists: workbooks -> PostgreSQL.

One workbook a customer; its rows, typed and exact, become ``order_list``. Where each row came from stands in
``order_list_origin``, and every cell that could not be used in ``order_list_quarantine``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pipelines.engine.pipeline import Pipeline
from sources import Workbooks
from sources.workbooks import Limits
from transforms.order_lists import (
    OrderList,
    OrderListOrigin,
    OrderListQuarantine,
    cells_accounted,
    header_mapping,
    order_keys,
    order_list,
    order_rows,
    rows_accounted,
)
from transforms.order_lists.contract import HEADERS, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources import Source


class OrderLists(Pipeline):
    """Reads every workbook of a folder and publishes three tables, all at once."""

    reads = ("cells", "headers", "cell_errors", "workbook")
    transforms = (header_mapping, order_rows, order_keys, order_list)
    checks = (rows_accounted, cells_accounted)
    publishes: ClassVar = {
        "order_list": OrderList,
        "order_list_origin": OrderListOrigin,
        "order_list_quarantine": OrderListQuarantine,
    }
    kept = ("order_list_accounting",)
    strategy = "swap"

    folder: Path
    phantom_rows: Literal["keep", "set_aside"] = "set_aside"
    limits: Limits = Limits()

    def sources(self) -> Sequence[Source]:
        """Read the workbooks of one folder."""
        return (Workbooks(folder=self.folder, headers=HEADERS, required=REQUIRED, limits=self.limits),)

    def describe(self, part: str) -> str:
        """Name the customer that a workbook is named for."""
        return f"customer {Path(part).stem.removesuffix(' (M3)').removesuffix(' ORDER LIST')} ({part})"
