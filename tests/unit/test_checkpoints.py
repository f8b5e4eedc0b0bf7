"""What a run keeps of the parts that it has read, and when the next attempt at it may take that for them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from firn import PartKey, Run, SourceError, Table
from loaders.memory import Memory as MemoryLoader
from pipelines.engine import checkpoints, extraction
from pipelines.engine.checkpoints import Checkpoints, basis, said
from pipelines.engine.frames import Part, Work
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.runner import Options, execute
from sources import Memory, Source
from transforms import row_local

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.engine.report import Report

RUN = Run.start("shops")
MEGABYTE = 2**20


class Sales(dy.Schema):
    """What is sold, by shop."""

    shop = dy.String(primary_key=True)
    pieces = dy.Int64(nullable=True)


@row_local
def sales(lines: pl.DataFrame) -> pl.DataFrame:
    return lines


class Shops(Pipeline):
    """One line of each shop."""

    reads = ("lines",)
    transforms = (sales,)
    publishes: ClassVar = {"sales": Sales}
    parts: ClassVar = {"sales": PartKey("sales", "shop")}
    given: ClassVar[tuple[Table, ...]] = ()

    def sources(self) -> tuple[Source, ...]:
        return (Memory(()),)


def shop(name: str, pieces: int, fingerprint: str = "first") -> Table:
    rows = pl.DataFrame({"shop": [name], "pieces": [pieces]})
    return Table("lines", rows.lazy(), part=name, fingerprint=f"{name} {fingerprint}")


def torn(name: str) -> Table:
    def fail() -> pl.DataFrame:
        raise SourceError(f"{name} is torn.")

    return replace(shop(name, 0), frame=pl.defer(fail, schema=pl.Schema({"shop": pl.String})))


@pytest.fixture
def loader() -> MemoryLoader:
    return MemoryLoader()


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / RUN.id, MEGABYTE)


def attempt(loader: MemoryLoader, kept: Checkpoints, *tables: Table) -> Report:
    """Attempt the run with what the source lists now."""

    class Listed:
        def tables(self) -> tuple[Table, ...]:
            return tables

        def __repr__(self) -> str:
            return "the source"

    class Given(Shops):
        def sources(self) -> tuple[Source, ...]:
            return (Listed(),)

    loader.start(RUN)
    number = loader.attempt(RUN, {}, {}, {})
    return execute(Given(), RUN, loader, Options(), Silent(), checkpoints=kept, attempt=number)


def failed(loader: MemoryLoader, kept: Checkpoints, *tables: Table) -> None:
    """Attempt it when one of the parts cannot be read."""
    with pytest.raises(SourceError):
        attempt(loader, kept, *tables, torn("west"))


def shown(loader: MemoryLoader) -> dict[str, int]:
    return dict(loader.production["sales"].select("shop", "pieces").iter_rows())


def test_the_next_attempt_reads_only_what_was_not_read(loader: MemoryLoader, kept: Checkpoints) -> None:
    failed(loader, kept, shop("north", 1), shop("south", 2))

    report = attempt(loader, kept, torn("north"), torn("south"), shop("west", 3))

    assert shown(loader) == {"north": 1, "south": 2, "west": 3}
    assert report.notes == ["resumed: 2 of 3 files had been read before"]
    assert (report.rows_read, report.steps[0].rows_out) == (3, 3)
    told = [(s["attempt"], s["step"], s["status"], s["resumed_from"]) for s in loader.steps(RUN.id)]
    assert (1, "Extract and transform", "failed", None) in told
    assert (2, "Extract and transform", "done", 1) in told
    assert (2, "sales", "done", 1) in told
    assert all(step["fingerprint"] for step in loader.steps(RUN.id) if step["kind"] == "step")


def test_a_part_that_changed_is_read_again(loader: MemoryLoader, kept: Checkpoints) -> None:
    failed(loader, kept, shop("north", 1))
    attempt(loader, kept, shop("north", 10, "second"), shop("west", 3))
    assert shown(loader) == {"north": 10, "west": 3}


def test_without_its_fingerprint_a_part_that_changed_would_be_published_as_it_was(
    loader: MemoryLoader, kept: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "path", lambda self, part: self.folder / f"{part.name}.part")
    failed(loader, kept, shop("north", 1))
    attempt(loader, kept, shop("north", 10, "second"), shop("west", 3))
    assert shown(loader) == {"north": 1, "west": 3}


@pytest.mark.parametrize("of", ["recipe", "keep"])
def test_what_another_code_or_other_settings_made_is_not_taken(
    loader: MemoryLoader, kept: Checkpoints, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    failed(loader, kept, shop("north", 1))
    if of == "recipe":
        monkeypatch.setattr(extraction, "recipe", lambda _: "another")
    else:
        monkeypatch.setattr(extraction, "needed", lambda *_: frozenset({"sales", "lines"}))
    report = attempt(loader, kept, shop("north", 1), shop("west", 3))
    assert report.notes == []


def halved(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit_off(content: bytes) -> bytes:
    at = len(content) * 2 // 3
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def other_figures(content: bytes) -> bytes:
    return content.replace(b'"rows": 1', b'"rows": 2')


@pytest.mark.parametrize("harm", [halved, one_bit_off, other_figures, lambda _: b"", lambda content: content + b"0"])
def test_a_checkpoint_that_is_not_as_it_was_written_is_not_taken(
    loader: MemoryLoader, kept: Checkpoints, harm: Callable[[bytes], bytes]
) -> None:
    failed(loader, kept, shop("north", 1))
    [path] = kept.folder.glob("*.part")
    harmed = harm(path.read_bytes())
    assert harmed != path.read_bytes()
    path.write_bytes(harmed)

    report = attempt(loader, kept, shop("north", 1), shop("west", 3))

    assert shown(loader) == {"north": 1, "west": 3}
    assert report.notes == []


def test_without_its_hash_a_checkpoint_with_other_figures_would_be_taken(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = replace(kept, basis="b")
    listed = Part("north", {"lines": shop("north", 1)})
    monkeypatch.setattr(checkpoints, "digest", lambda *_: "")
    kept.save(Part("north", {}, {"sales": pl.DataFrame({"pieces": [1]})}, rows=1), listed)
    [path] = kept.folder.glob("*.part")
    path.write_bytes(other_figures(path.read_bytes()))
    found = kept.load(listed)
    assert found
    assert found.rows == 2


@pytest.mark.parametrize("why", ["full", "no room"])
def test_a_run_goes_on_where_nothing_can_be_kept(
    loader: MemoryLoader, kept: Checkpoints, tmp_path: Path, why: str
) -> None:
    told = "all checkpoints of a run may take 0 MB"
    if why == "full":
        kept = replace(kept, limit=100)
    else:
        kept = replace(kept, folder=tmp_path / "file" / "run")
        kept.folder.parent.write_text("in the way", encoding="utf-8")
        told = "Not a directory"
    report = attempt(loader, kept, shop("north", 1))
    assert (report.status, shown(loader)) == ("published", {"north": 1})
    assert report.notes == [
        f"no checkpoint was kept of 1 of 1 files ({told}): were this run to be resumed, it would read them again"
    ]


def test_nothing_is_kept_of_a_source_that_has_no_fingerprints(loader: MemoryLoader, kept: Checkpoints) -> None:
    attempt(loader, kept, replace(shop("north", 1), fingerprint=""))
    assert not kept.folder.exists()


def test_a_frame_comes_back_as_it_was_in_every_type(kept: Checkpoints) -> None:
    kept = replace(kept, basis="b")
    frame = pl.DataFrame(
        {
            "text": ["a", None, ""],
            "number": [Decimal("1.10"), None, Decimal("-2.25")],
            "day": [date(2026, 2, 3), None, date(1, 1, 1)],
            "float": [float("nan"), -0.0, None],
            "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"])),
            "listed": [[1, None], [], None],
            "bytes": [b"\0", None, b""],
            "struct": [{"a": 1}, {"a": None}, None],
            "null": [None, None, None],
        },
        schema_overrides={"number": pl.Decimal(12, 2)},
    )
    work = {"sales": Work(3, {"sales": 3}, 0.5)}
    listed = Part("north", {"lines": shop("north", 1)}, fingerprint="f", size=7)
    part = Part("north", {}, {"sales": frame, "none": frame.clear()}, rows=3, content="c", work=work)

    kept.save(part, listed)
    found = kept.load(listed)

    assert found is not None
    assert_frame_equal(found.frames["sales"], frame)
    assert_frame_equal(found.frames["none"], frame.clear())
    assert (found.rows, found.content, found.work, found.fingerprint, found.size) == (3, "c", work, "f", 7)
    assert (found.is_restored, found.tables) == (True, {})


def test_several_threads_keep_their_parts_beside_one_another(kept: Checkpoints) -> None:
    kept = replace(kept, basis="b")
    listed = [Part(f"p{n}", {"lines": shop(f"p{n}", n)}) for n in range(40)]
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda one: kept.save(Part(one.name, {}, {"s": pl.DataFrame({"a": [1]})}), one), listed))
    assert all(kept.load(one) for one in listed)
    assert {path.suffix for path in kept.folder.iterdir()} == {".part"}


def test_the_name_of_a_checkpoint_is_the_same_in_every_process() -> None:
    code = (
        "from pipelines.order_lists import OrderLists\n"
        "from pipelines.engine.checkpoints import basis\n"
        "print(basis('recipe', OrderLists(folder='/books').sources(), {'a', 'b'}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_the_name_says_where_and_how_the_source_is_read() -> None:
    assert (
        said({"b": {3, 1}, "a": ("x", said)}) == "[['b', ['1', '3']], ['a', ['x', pipelines.engine.checkpoints.said]]]"
    )
    assert basis("r", (Memory(()),), {"a"}) != basis("r", (Memory((shop("north", 1),)),), {"a"})


def test_only_the_checkpoints_of_the_latest_runs_are_kept_and_none_once_one_is_published(tmp_path: Path) -> None:
    runs = [tmp_path / f"shops_2026010{n}_000000_0000" for n in range(1, 6)]
    for n, folder in enumerate([*runs, tmp_path / "stores_1"]):
        folder.mkdir()
        os.utime(folder, (n, n))
    last = Checkpoints(runs[-1], MEGABYTE)
    last.prune("shops")
    assert sorted(path.name for path in tmp_path.iterdir()) == [*(path.name for path in runs[-3:]), "stores_1"]
    last.settle("shops", "ready")
    assert [path.exists() for path in runs[-3:]] == [True, True, False]
    last.settle("shops", "published")
    assert [path.name for path in tmp_path.iterdir()] == ["stores_1"]
