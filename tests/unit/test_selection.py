"""What a run reads, and what it takes over, is decided part by part; nothing that is published is dropped unasked."""

from firn import PartRecord
from pipelines.engine.frames import Part
from pipelines.engine.selection import select_only


def test_a_narrowed_run_takes_over_whatever_it_does_not_read_also_what_is_gone() -> None:
    ledger = {name: PartRecord(name, "", name, "", "r1") for name in ("a", "b", "gone")}
    selection = select_only([Part("a", {}), Part("b", {})], ledger, {"a", "gone"})
    assert [part.name for part in selection.read] == ["a"]
    assert set(selection.taken) == {"b", "gone"}
