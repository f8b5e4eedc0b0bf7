"""What MariaDB holds is what PostgreSQL holds in the end, by the word of both servers' own clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from test_mysql_values import COLUMNS, Torn, exact, is_clean, listed, make, witnessed
from test_postgres_servers import Target, fresh, newest

from firn import Dataset, Run

if TYPE_CHECKING:
    from tests.mariadb import MariaDB

__all__ = ["fresh", "newest"]


def printed(torn: Torn, text: str) -> str:
    """What PostgreSQL prints where MariaDB prints a text."""
    if isinstance(torn.dtype, pl.Binary):
        return f"\\x{text.lower()}"
    if torn.dtype == pl.Boolean:
        return {"0": "false", "1": "true"}[text]
    if torn.declared == "year":
        return str(int(text))
    if isinstance(torn.dtype, pl.Datetime):
        return (text.rstrip("0").rstrip(".") if "." in text else text) + ("+00" if torn.dtype.time_zone else "")
    if isinstance(torn.dtype, pl.Duration):
        return text.rstrip("0").rstrip(".") if "." in text else text
    return exact(float(text)) if torn.ours is exact else text.replace("\0", "")


def compared(torn: Torn, text: str) -> str:
    return exact(float(text)) if torn.ours is exact and torn.dtype == pl.Float64 else text


def test_every_value_arrives_in_postgresql(mariadb: MariaDB, newest: Target) -> None:
    columns = {name: torn for name, torn in COLUMNS.items() if torn.dtype != pl.Float32()}
    make(mariadb, "torture", columns, dirty=True)
    table = listed(mariadb.source())["torture"]
    assert table.contract is not None

    with newest.settings.open() as loader:
        run = Run.start("clinic")
        loader.prepare(run, Dataset("clinic", {"torture": table.contract}, strategy="swap"))
        loader.stage(run, "torture", "", table.frame.collect())
        loader.verify(run)
        loader.publish(run)

    newest.query("ALTER DATABASE firn_test SET timezone = 'UTC'")
    for name, torn in columns.items():
        quoted = name.replace('"', '""')
        texts = dict(newest.query(f'SELECT id, "{quoted}"::text FROM shop.torture'))  # noqa: S608
        for i, text in witnessed(mariadb, "torture", name, torn).items():
            wanted = None if text is None or not (is_clean(torn, text) or "\0" in text) else printed(torn, text)
            found = None if texts[i] is None else compared(torn, texts[i])
            assert found == wanted, (name, i, text)
