"""An annotated copy has every note at its address, every value of the original, and names what it does not keep."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]
import pytest
import xlsxwriter  # type: ignore[import-untyped]

from sources.xlsx.annotation import AUTHOR, HIGHLIGHT, Note, annotate
from sources.xlsx.limits import Limits, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100"
    "c9fe92ef0000000049454e44ae426082"
)


def made(write: Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], object] = lambda *_: None) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as workbook:
        sheet = workbook.add_worksheet("MASTER")
        sheet.write_row(0, 0, ["order", "qty", "when"])
        sheet.write_row(1, 0, ["A-1", 7, "soon"])
        write(workbook, sheet)
    return target.getvalue()


def with_parts(content: bytes, parts: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
        for name, data in parts.items():
            after.writestr(name, data)
    return target.getvalue()


def annotated(content: bytes, *notes: Note) -> tuple[openpyxl.Workbook, list[str]]:
    copy, losses = annotate(content, notes, Limits())
    return openpyxl.load_workbook(io.BytesIO(copy)), losses


def highlighted(workbook: openpyxl.Workbook) -> dict[str, str]:
    return {
        f"{sheet.title}!{cell.coordinate}": cell.comment.text
        for sheet in workbook
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fgColor.rgb == HIGHLIGHT
    }


def test_a_plain_workbook_is_copied_with_its_notes_and_loses_nothing() -> None:
    copy, losses = annotated(made(), Note("MASTER", "C2", "Expected a date."))
    assert losses == []
    assert highlighted(copy) == {"MASTER!C2": "Expected a date."}
    assert [[cell.value for cell in row] for row in copy["MASTER"]] == [["order", "qty", "when"], ["A-1", 7, "soon"]]
    assert copy["MASTER"]["C2"].comment.author == AUTHOR


def test_the_bytes_given_stay_as_they_are() -> None:
    content = made()
    before = bytes(content)
    annotate(content, [Note("MASTER", "C2", "Expected a date.")], Limits())
    assert content == before


def test_a_comment_that_was_there_is_kept_below_the_note() -> None:
    content = made(lambda _, sheet: sheet.write_comment("C2", "ask Mary", {"author": "Tom"}))
    copy, _ = annotated(content, Note("MASTER", "C2", "Expected a date."))
    assert highlighted(copy)["MASTER!C2"].startswith("Expected a date.")
    assert "Tom: ask Mary" in highlighted(copy)["MASTER!C2"]


def test_a_note_on_a_merged_cell_stands_on_the_cell_that_shows_and_names_the_address() -> None:
    content = made(lambda _, sheet: sheet.merge_range("B4:C4", "both"))
    copy, _ = annotated(content, Note("MASTER", "C4", "Expected a date."))
    assert highlighted(copy) == {"MASTER!B4": "C4, merged into this cell:\nExpected a date."}


def test_computed_values_are_named() -> None:
    content = made(lambda _, sheet: sheet.write_formula("B3", "=B2*2", None, 14))
    _, losses = annotated(content)
    assert losses == [
        "the computed values of formulas (1), which Excel computes again when it opens the copy",
    ]


def test_images_charts_and_drawings_are_named() -> None:
    def write(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.insert_image("E5", "dot.png", {"image_data": io.BytesIO(PNG)})
        chart = workbook.add_chart({"type": "column"})
        chart.add_series({"values": "=MASTER!$B$2:$B$2"})
        sheet.insert_chart("G5", chart)

    losses = annotated(made(write))[1]
    assert [loss.split(" (")[0] for loss in sorted(losses)] == ["charts", "drawings", "images"]


def test_sparklines_and_newer_conditional_formats_are_named_with_their_sheet() -> None:
    def write(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.add_sparkline("D2", {"range": "MASTER!B2:B2"})
        sheet.conditional_format("B2:B9", {"type": "data_bar", "data_bar_2010": True})

    losses = annotated(made(write))[1]
    assert [loss.split(" that ")[0] for loss in sorted(losses)] == [
        "conditional formats of sheet MASTER",
        "sparklines of sheet MASTER",
    ]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("xl/pivotTables/pivotTable1.xml", "pivot tables (1 part of the file)"),
        ("xl/vbaProject.bin", "macros (1 part of the file)"),
        ("xl/slicers/slicer1.xml", "slicers (1 part of the file)"),
        ("xl/threadedComments/threadedComment1.xml", "threaded comments (1 part of the file)"),
        ("xl/somethingNew/one.xml", "xl/somethingnew/one.xml (1 part of the file)"),
    ],
)
def test_a_part_that_the_copy_lacks_is_named_also_one_that_nobody_knows(part: str, named: str) -> None:
    assert annotated(with_parts(made(), {part: b"<x/>"}))[1] == [named]


def test_a_value_that_openpyxl_changes_is_named_with_its_address() -> None:
    def write(workbook: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_number("B3", 99999999, workbook.add_format({"num_format": "yyyy-mm-dd"}))

    (loss,) = annotated(made(write))[1]
    assert loss.startswith("1 cell of sheet MASTER, which the copy holds in another way: B3 ")


def test_a_workbook_larger_than_allowed_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(Refused, match="bytes when unpacked"):
        annotate(made(), [], Limits(max_inflated_bytes=1000))


def test_a_sheet_that_is_gone_is_named() -> None:
    with pytest.raises(Refused, match="no sheet ORDERS"):
        annotate(made(), [Note("ORDERS", "A1", "")], Limits())
