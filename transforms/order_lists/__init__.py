"""Customer order lists: one workbook per customer becomes one table of order lines.

```
headers ── header_mapping ──┐
cells, cell_errors ─────────┴─ order_rows ── order_keys (whole set) ── order_list, order_list_origin
                                  ├── order_list_quarantine
                                  ├── order_list_rules
                                  ├── order_list_accounting
                                  └── order_sizes ── order_list_lines (with order_list_origin)
```
``rows_accounted`` and ``cells_accounted`` check that nothing is lost on the way, ``rules_accounted`` that what no cell
spells out is made as its rule says, and ``sizes_accounted`` that the sizes are what is ordered; ``lines_have_origins``
checks production once they are published. ``columns.csv`` names
the columns and ``customers.toml`` the customers; a new spelling of either is a line there.
"""

from transforms.order_lists.accounting import order_list_accounting
from transforms.order_lists.checks import cells_accounted, rows_accounted
from transforms.order_lists.contract import OrderList, OrderListLines, OrderListOrigin, OrderListQuarantine
from transforms.order_lists.header_mapping import header_mapping
from transforms.order_lists.order_keys import order_keys
from transforms.order_lists.order_list import order_list
from transforms.order_lists.order_list_lines import order_list_lines
from transforms.order_lists.order_rows import order_rows
from transforms.order_lists.order_sizes import order_sizes
from transforms.order_lists.published_checks import lines_have_origins
from transforms.order_lists.rule_checks import rules_accounted
from transforms.order_lists.size_checks import sizes_accounted

__all__ = [
    "OrderList",
    "OrderListLines",
    "OrderListOrigin",
    "OrderListQuarantine",
    "cells_accounted",
    "header_mapping",
    "lines_have_origins",
    "order_keys",
    "order_list",
    "order_list_accounting",
    "order_list_lines",
    "order_rows",
    "order_sizes",
    "rows_accounted",
    "rules_accounted",
    "sizes_accounted",
]
