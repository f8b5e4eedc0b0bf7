"""Copies sheets of workbooks to PostgreSQL by pandas or Polars; runs in the peers' Python, as a script.

```
python workbooks.py polars TARGET SHEETS.json
```
SHEETS.json lists the workbooks with the sheet and the row of its header, which somebody has looked up. Each sheet
becomes a table of its own, untyped or with the types that the tool guesses: nothing is cast, checked or counted.
The seconds that are printed begin after the tool's import.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Sheet = dict[str, Any]


def pandas(target: str) -> Callable[[int, Sheet], int]:
    """Read a sheet by openpyxl and insert its rows."""
    import openpyxl  # type: ignore[import-untyped] # noqa: F401 (what pandas reads by)
    import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import sqlalchemy  # type: ignore[import-not-found]

    write = sqlalchemy.create_engine(target)

    def copy(number: int, sheet: Sheet) -> int:
        frame = pd.read_excel(sheet["path"], sheet_name=sheet["sheet"], header=sheet["header"] - 1)
        frame.to_sql(f"raw_{number}", write, if_exists="replace", index=False)
        return len(frame)

    return copy


def polars(target: str) -> Callable[[int, Sheet], int]:
    """Read a sheet by calamine, every cell as text, as a cell like #NAME? stops it otherwise; and write it."""
    import fastexcel  # noqa: F401 (what Polars reads by)
    import polars as pl

    def copy(number: int, sheet: Sheet) -> int:
        header = {"header_row": sheet["header"] - 1}
        frame = pl.read_excel(sheet["path"], sheet_name=sheet["sheet"], infer_schema_length=0, read_options=header)
        short = {name: f"{number} {name[:40]}" for number, name in enumerate(frame.columns)}
        frame.rename(short).write_database(f"raw_{number}", target, engine="adbc", if_table_exists="replace")
        return frame.height

    return copy


def main() -> None:
    """Copy as the arguments say."""
    way, target, listed = sys.argv[1:]
    copy = {"pandas": pandas, "polars": polars}[way](target)
    sheets: list[Sheet] = json.loads(Path(listed).read_text("utf-8"))
    start = time.perf_counter()
    rows = [copy(number, sheet) for number, sheet in enumerate(sheets)]
    print(json.dumps({"seconds": time.perf_counter() - start, "rows": sum(rows)}))


if __name__ == "__main__":
    main()
