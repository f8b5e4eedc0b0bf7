"""What is exported stays in the folder that was named, and a workbook that cannot be copied fails alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from pipelines.engine.export import Export, copied
from pipelines.engine.pipeline import Pipeline
from sources.xlsx.limits import Limits

if TYPE_CHECKING:
    from pipelines.engine.quarantine import Entry

ENTRY = {
    "sheet": "MASTER",
    "cell": "B2",
    "raw": "soon",
    "expected": "a date",
    "reason": "not_a_date",
    "column": "WHEN",
    "etag": None,
    "run_id": "r1",
}


class Books(Pipeline):
    """Workbooks given in code."""

    books: ClassVar[dict[str, bytes]] = {}
    limits: Limits = Limits()

    def workbook(self, part: str) -> tuple[bytes, Limits]:
        return self.books.get(part, b"PK no workbook"), self.limits


def job(out: Path) -> Export:
    return Export("books", Books(), out, force=False)


def entries() -> list[Entry]:
    return [dict(ENTRY)]


@pytest.mark.parametrize("name", ["../a.xlsx", "/nowhere/a.xlsx", "eu/../../a.xlsx"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    copy = copied(job(tmp_path / "out"), name, entries())
    assert "leads out of" in copy.error
    assert "production is unchanged" in copy.error
    assert list(tmp_path.iterdir()) == []
    assert not Path("/nowhere/a.xlsx").exists()


def test_a_file_that_is_no_workbook_leaves_nothing_behind(tmp_path: Path) -> None:
    copy = copied(job(tmp_path / "out"), "eu/a.xlsx", entries())
    assert copy.error.startswith("eu/a.xlsx could not be annotated: ")
    assert copy.hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
