"""What others keep of each order line survives publication and rollback, and the full table is shown as it was."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
import yaml
from test_changes import ALDER, BIRCH, workbook

from benchmarks.oracle import DATA
from tests.conftest import restored
from transforms.order_lists.sync import ORDER_LIST_SYNC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

STATES = "select sync_state, monday_item_id, count(*) from order_list_sync group by 1, 2 order by 2"
SYNCED = "select count(*) from order_list_full where monday_item_id is not null and \"AAG ORDER NUMBER\" like 'BIR%%'"


@pytest.fixture(scope="module")
def first(installed: Callable[[], Installation]) -> Installation:
    """A production of two customers."""
    at = installed()
    workbook(at.books / ALDER, "ALDER", *range(1, 21))
    workbook(at.books / BIRCH, "BIRCH", *range(1, 121))
    at.json("run", "order_lists")
    at.keep()
    return at


@pytest.fixture
def synced(first: Installation) -> Iterator[Installation]:
    """The same, 100 rows of which somebody has synchronised and given an item."""
    with restored(first) as at:
        at.execute(
            "update order_list_sync set sync_state = 'SYNCED', monday_item_id = 7, api_request_payload = '{\"a\": 1}' "
            "where record_uuid in (select record_uuid from order_list where \"AAG ORDER NUMBER\" like 'BIR%' "
            'order by "AAG ORDER NUMBER" limit 100)',
            "create role caller",
            "grant select on order_list_full to caller",
            'create view items as select "AAG ORDER NUMBER", monday_item_id from order_list_full',
        )
        yield at
        at.execute("drop owned by caller cascade", "drop role caller")


def test_what_others_wrote_is_found_after_every_publication_and_rollback(synced: Installation) -> None:
    before = synced.query("select * from order_list_sync where sync_state = 'SYNCED' order by 1")
    assert len(before) == 100
    workbook(synced.books / ALDER, "ALDER", *range(1, 31))
    workbook(synced.books / BIRCH, "BIRCH", *range(2, 122))
    for verb in ("run", "rollback"):
        synced.json(verb, "order_lists")
        assert synced.query("select * from order_list_sync where sync_state = 'SYNCED' order by 1") == before
        assert synced.query(SYNCED) == [(100,)]
    assert synced.query(STATES) == [("SYNCED", 7, 100), ("NEW", None, 50)]
    assert synced.query("select count(*) from order_list_full") == [(140,)]


def test_the_full_view_has_the_original_columns_in_their_order(synced: Installation) -> None:
    names = "select column_name from information_schema.columns where table_name = 'order_list_full' order by {}"
    original = yaml.safe_load((DATA / "order_list_schema.yml").read_text(encoding="utf-8"))["columns"]
    assert [name for (name,) in synced.query(names.format("ordinal_position"))] == [c["name"] for c in original]
    assert len(original) == 433
    own = names.replace("order_list_full", "order_list_sync").format("ordinal_position")
    assert [name for (name,) in synced.query(own)] == ["record_uuid", *ORDER_LIST_SYNC.columns]


def test_the_view_keeps_its_rights_and_what_depends_on_it(synced: Installation) -> None:
    workbook(synced.books / ALDER, "ALDER", 5)
    synced.json("run", "order_lists")
    assert synced.query("select has_table_privilege('caller', 'order_list_full', 'select')") == [(True,)]
    assert synced.query("select count(*), count(monday_item_id) from items") == [(121, 100)]


def test_a_view_of_somebody_else_is_refused_by_name(installation: Installation) -> None:
    installation.execute("create view order_list_full as select 1 as one")
    workbook(installation.books / ALDER, "ALDER", 5)
    error = installation.json("run", "order_lists", code=4)
    assert 'has a view "order_list_full" that firn did not make. Production is unchanged.' in error["error"]
    assert installation.query("select * from order_list_full") == [(1,)]


def wait_until_read(reads: list[int], wrong: list[str], rows: int, reads_in_all: int = 0) -> None:
    while not wrong and (rows not in reads or len(reads) <= reads_in_all):
        time.sleep(0.01)


def test_readers_of_the_view_meet_neither_deadlock_nor_an_absent_table(synced: Installation) -> None:
    stop, wrong, reads = threading.Event(), list[str](), list[int]()

    def read() -> None:
        with psycopg.connect(synced.dsn, autocommit=True) as connection:
            while not stop.is_set():
                try:
                    ((rows, items),) = connection.execute(
                        "select count(*), count(monday_item_id) from order_list_full"
                    ).fetchall()
                except psycopg.Error as error:
                    wrong.append(repr(error))
                    return
                reads.append(rows)
                if items != 100:
                    wrong.append(f"{items} items")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(3):
            workbook(synced.books / ALDER, "ALDER", *range(1, 10 + turn))
            synced.json("run", "order_lists")
            wait_until_read(reads, wrong, 129 + turn)
            synced.json("rollback", "order_lists")
        wait_until_read(reads, wrong, 140, reads_in_all=100)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert set(reads) == {140, 129, 130, 131}
