"""What a run reads, and what it takes over, is decided part by part; nothing that is published is dropped unasked."""

import pytest

from firn import ConfigError, PartRecord
from pipelines.engine.extraction import part_called
from pipelines.engine.frames import Part
from pipelines.engine.selection import select_only


def test_a_narrowed_run_takes_over_whatever_it_does_not_read_also_what_is_gone() -> None:
    ledger = {name: PartRecord(name, "", name, "", "r1") for name in ("a", "b", "gone")}
    selection = select_only([Part("a", {}), Part("b", {})], ledger, {"a", "gone"})
    assert [part.name for part in selection.read] == ["a"]
    assert set(selection.taken) == {"b", "gone"}


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("eu/A.xlsx", "eu/A.xlsx"),
        ("/home/me/eu/A.xlsx", "eu/A.xlsx"),
        ("corrected/B.xlsx", "us/B.xlsx"),
        ("C.xlsx", "C.xlsx"),
    ],
)
def test_a_file_is_found_by_its_name_the_end_of_its_path_or_its_file_name(file: str, part: str) -> None:
    assert part_called(file, ["eu/A.xlsx", "us/A.xlsx", "us/B.xlsx"]) == part


def test_a_file_name_that_several_regions_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"several files are called A.xlsx: eu/A.xlsx, us/A.xlsx"):
        part_called("A.xlsx", ["eu/A.xlsx", "us/A.xlsx"])


def test_a_local_copy_gives_way_to_a_source_saved_since() -> None:
    ledger = {"a": PartRecord("a", "listed then", "copied", "recipe", "r1", copied_from="/copies/a")}
    saved = select_only([Part("a", {}, fingerprint="listed now")], ledger, {"a"}, "recipe")
    assert ([part.name for part in saved.read], saved.taken) == (["a"], {})
    unsaved = select_only([Part("a", {}, fingerprint="listed then")], ledger, {"a"}, "recipe")
    assert (unsaved.read, set(unsaved.taken)) == ([], {"a"})
