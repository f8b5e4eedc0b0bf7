"""What ``firn grants show`` prints is enough for all three pipelines, and one right less is told by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from benchmarks import bad_workbooks
from benchmarks.commissions_source import generate
from tests.practice import ROWS, TABLES
from tests.storage import SAS_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Installation
    from tests.mariadb import MariaDB
    from tests.storage import Store

NAME = "MEADOW ORDER LIST (M3).xlsx"
PASSWORD = "an invented password"  # noqa: S105 (invented)
SETTINGS = """[target]
dsn = "{dsn}"
[order_lists.blobs]
container = "{container}"
account_url = "{account}"
[commissions]
folder = "extracts"
[clinic.source]
host = "127.0.0.1"
port = {port}
user = "limited"
database = "{database}"
tls = "disabled"
"""


@pytest.fixture
def limited(
    installation: Installation, mariadb: MariaDB, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """An installation that logs in with nothing but what the scripts grant."""
    at = installation
    generate(at.folder, scale=0.002)
    store.put(NAME, (bad_workbooks.valid(at.books / NAME), (at.books / NAME).read_bytes())[1])
    mariadb.execute(*TABLES, *ROWS)
    dsn = make_conninfo(at.dsn, user="firn_loader")
    place = {"port": mariadb.port, "database": mariadb.database, "account": store.endpoint, "container": store.name}
    (at.folder / "firn.toml").write_text(SETTINGS.format(dsn=dsn.replace("\\", "\\\\"), **place), encoding="utf-8")
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    monkeypatch.setenv(SAS_TOKEN, store.sas(permitted(at)))
    at.execute(script(at, "target"), script(at, "target"))
    mariadb.execute(*statements(script(at, "clinic")))
    yield at
    mariadb.execute("DROP USER limited")
    at.execute("DROP OWNED BY firn_loader CASCADE", "DROP OWNED BY firn_reader", "DROP ROLE firn_loader, firn_reader")


def script(at: Installation, side: str) -> str:
    return at.firn("grants", "show", side).stdout


def statements(text: str) -> list[str]:
    """The statements of a script, with a password."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [line.replace("'PASSWORD'", f"'{PASSWORD}'").rstrip(";") for line in lines]


def permitted(at: Installation) -> str:
    """The rights that a token is to have."""
    found = re.search(r"--permissions (\w+)", script(at, "order_lists"))
    assert found
    return found[1]


def test_all_pipelines_run_with_what_the_scripts_grant_and_one_right_less_is_named(
    limited: Installation, mariadb: MariaDB, store: Store
) -> None:
    at = limited
    everything: Any = at.json("grants", "show")
    assert set(everything) == {"target", "order_lists", "clinic"}
    assert at.json("grants", "show", "commissions", code=2)["hint"] == "one of: target, clinic, order_lists"
    assert at.firn("discover", "clinic").returncode == 0
    for pipeline in ("order_lists", "commissions", "clinic"):
        assert at.json("run", pipeline)["status"] == "published", pipeline
    assert at.json("run", "order_lists", "--full-refresh")["status"] == "published"
    reads(at)
    at.json("rollback", "order_lists")
    reads(at)
    before = at.production()

    lacks(at, "GRANT CREATE ON DATABASE", "REVOKE CREATE ON DATABASE firn FROM firn_loader")
    lacks(at, 'GRANT USAGE, CREATE ON SCHEMA "public"', "REVOKE CREATE ON SCHEMA public FROM firn_loader")
    lacks(at, "may not log in|not permitted to log in", "ALTER ROLE firn_loader NOLOGIN")
    at.execute("ALTER ROLE firn_loader LOGIN")
    (granted,) = [one for one in statements(script(at, "clinic")) if one.startswith("GRANT SELECT")]
    mariadb.execute(granted.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
    told(at.json("run", "clinic", "--full", code=1), "Access denied|GRANT SELECT")
    store_less = {SAS_TOKEN: store.sas("r")}
    told(at.json("run", "order_lists", code=1, env=store_less), "--permissions rl")
    assert at.production() == before


def reads(at: Installation) -> None:
    """A reader sees what is published, whichever generation, and nothing else of firn's."""
    with psycopg.connect(at.dsn, autocommit=True) as connection:
        connection.execute("SET ROLE firn_reader")
        for table in ("order_list", "brokers", "patient"):
            (rows,) = connection.execute(f"SELECT count(*) FROM public.{table}").fetchall()  # type: ignore[arg-type]  # noqa: S608
            assert rows[0] > 0
        for harm in ("DELETE FROM public.order_list", "SELECT 1 FROM firn.run"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(harm)  # type: ignore[arg-type]


def lacks(at: Installation, expected: str, *without: str) -> None:
    """Take a right away, be told which by a run, and give it back by the script."""
    at.execute(*without)
    told(at.json("run", "order_lists", "--full-refresh", code=1), expected)
    at.execute(script(at, "target"))


def told(error: dict[str, Any], expected: str) -> None:
    said = f"{error['error']} {error['hint']}"
    assert re.search(expected, said), said
    assert "Production is unchanged" in said or "production is unchanged" in said
