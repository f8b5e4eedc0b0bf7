"""What changed between two discoveries is told as what happened, and never more than what the source shows."""

from typing import Any

import pytest

from pipelines.replication.catalogue import Catalogue, Entry, monitoring
from pipelines.replication.catalogue_changes import changes, line, lost
from pipelines.replication.retyping import Effect, effect

COLUMNS = {"TaskNum": "bigint(20) not null", "TriageCategory": "bigint(20) not null", "Note": "text"}


def entry(columns: dict[str, str] | None = None, **facts: Any) -> Entry:  # noqa: ANN401 (whatever the model takes)
    stated = {
        "rows": 1,
        "size_mb": 2.0,
        "engine": "MyISAM",
        "key": ("TaskNum",),
        "tier": "standard",
        "tier_reason": "score 1",
        "strategy": "compare",
        "strategy_reason": "no stamp",
        "incremental_column": None,
        "batch_rows": 1024,
        "priority": 40,
        "money": (),
        "monitoring": monitoring("standard", 2.0),
        "columns": columns or COLUMNS,
    }
    return Entry.model_validate(stated | facts)


def told(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    old, new = (Catalogue(database="practice", tables=tables) for tables in (before, after))
    return [line(change) for change in changes(old, new)]


def told_of(columns: dict[str, str], **facts: Any) -> list[str]:  # noqa: ANN401 (the same)
    return told({"task": entry()}, {"task": entry(columns, **facts)})


def test_figures_are_no_changes() -> None:
    grown = entry(rows=9, size_mb=9.0, tier_reason="score 9", batch_rows=2048, priority=37)
    assert told({"task": entry()}, {"task": grown}) == []


def test_another_database_is_told_even_if_it_has_the_same_tables() -> None:
    one = Catalogue(database="practice", tables={"task": entry()})
    found = changes(one, one.model_copy(update={"database": "copy"}))
    assert [line(change) for change in found] == ["~ database practice -> copy"]


def test_tables_come_and_go() -> None:
    other = entry({"ChatNum": "bigint(20) not null"}, key=("ChatNum",))
    assert told({"task": entry()}, {"chat": other}) == ["+ chat: 1 column, 1 row, standard, compare", "- task"]


def test_a_table_of_the_same_columns_under_another_name_is_probably_renamed_and_still_compared() -> None:
    assert told({"task": entry()}, {"todo": entry(engine="InnoDB")}) == [
        "~ task -> todo: probably renamed (the same 3 columns)",
        "~ todo: engine MyISAM -> InnoDB",
    ]


def test_of_several_new_tables_the_one_of_the_most_similar_name_is_the_renamed_one() -> None:
    found = told({"task": entry()}, {"a": entry(), "tasks": entry()})
    assert found == [
        "+ a: 3 columns, 1 row, standard, compare",
        "~ task -> tasks: probably renamed (the same 3 columns)",
    ]


def test_columns_come_and_go_and_may_be_inserted_between_others() -> None:
    columns = {"TaskNum": COLUMNS["TaskNum"], "IsNew": "tinyint(4)", "Note": "text"}
    assert told_of(columns) == ["- task.TriageCategory: bigint(20) not null", "+ task.IsNew: tinyint(4)"]


def test_one_gone_and_one_new_of_the_same_type_at_the_same_place_is_probably_renamed() -> None:
    columns = {"TaskNum": COLUMNS["TaskNum"], "Category": "bigint(20) not null", "TriagePosition": "int(11)"}
    assert told_of({**columns, "Note": "text"}) == [
        "~ task.TriageCategory -> Category: probably renamed (both bigint(20) not null, at the same place)",
        "+ task.TriagePosition: int(11)",
    ]


def test_of_two_new_columns_of_that_type_the_one_of_the_more_similar_name_is_the_renamed_one() -> None:
    number = COLUMNS["TriageCategory"]
    found = told_of({"TaskNum": number, "Position": number, "Category": number, "Note": "text"})
    assert [one[:1] for one in found] == ["~", "+"]
    assert "TriageCategory -> Category" in found[0]


def test_a_column_of_that_type_at_another_place_is_not_taken_for_it() -> None:
    columns = {"TaskNum": COLUMNS["TaskNum"], "Note": "text", "Category": "bigint(20) not null"}
    assert told_of(columns) == ["- task.TriageCategory: bigint(20) not null", "+ task.Category: bigint(20) not null"]


def test_a_declaration_that_changed_says_what_may_be_lost() -> None:
    assert told_of({**COLUMNS, "Note": "mediumtext"}) == ["~ task.Note: text -> mediumtext (widened)"]
    assert told_of({**COLUMNS, "Note": "tinytext"}) == ["~ task.Note: text -> tinytext (lossy)"]


def test_another_order_another_key_and_other_decisions_are_told() -> None:
    columns = {"TaskNum": COLUMNS["TaskNum"], "Note": "text", "TriageCategory": COLUMNS["TriageCategory"]}
    decided = {"tier": "important", "strategy": "incremental", "incremental_column": "Stamp"}
    assert told_of(columns, key=("TaskNum", "Note"), **decided) == [
        "~ task: columns in another order",
        "~ task: key TaskNum -> TaskNum, Note",
        "~ task: tier standard -> important (score 1)",
        "~ task: strategy compare -> incremental from Stamp (no stamp)",
    ]


def test_a_key_whose_column_was_renamed_is_the_same_key() -> None:
    columns = {"TaskId": COLUMNS["TaskNum"], "TriageCategory": COLUMNS["TriageCategory"], "Note": "text"}
    assert told_of(columns, key=("TaskId",)) == [
        "~ task.TaskNum -> TaskId: probably renamed (both bigint(20) not null, at the same place)"
    ]


def test_a_renamed_table_is_not_lost() -> None:
    before = Catalogue(database="d", tables={name: entry({name: "date"}, key=()) for name in ("a", "b", "c", "d")})
    after = {"aa": before.tables["a"], "b": before.tables["b"]}
    assert lost(before, changes(before, before.model_copy(update={"tables": after}))) == (2, 50.0)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("int(11)", "int", "same"),
        ("INT(10) unsigned", "int unsigned", "same"),
        ("tinyint(4)", "smallint(6)", "widened"),
        ("tinyint(1)", "tinyint(4)", "widened"),
        ("tinyint(4)", "tinyint(1)", "lossy"),
        ("smallint(6)", "tinyint(4)", "lossy"),
        ("int(10) unsigned", "bigint(20)", "widened"),
        ("bigint(20) unsigned", "bigint(20)", "lossy"),
        ("bigint(20)", "bigint(20) unsigned", "lossy"),
        ("bigint(20)", "decimal(20,0)", "widened"),
        ("bigint(20)", "decimal(18,0)", "lossy"),
        ("int(11)", "double", "widened"),
        ("bigint(20)", "double", "lossy"),
        ("float", "double", "widened"),
        ("double", "float", "lossy"),
        ("double", "decimal(10,2)", "lossy"),
        ("decimal(10,2)", "decimal(12,4)", "widened"),
        ("decimal(10,2)", "decimal(10,4)", "lossy"),
        ("decimal(10,2)", "double", "lossy"),
        ("bit(1)", "bit(8)", "widened"),
        ("varchar(15)", "varchar(255)", "widened"),
        ("varchar(255)", "varchar(15)", "lossy"),
        ("char(2)", "varchar(2)", "widened"),
        ("varchar(2)", "char(2)", "lossy"),
        ("varchar(255)", "text", "widened"),
        ("varchar(20000)", "text", "lossy"),
        ("text", "mediumtext", "widened"),
        ("text", "varchar(255)", "lossy"),
        ("blob", "longblob", "widened"),
        ("varbinary(16)", "binary(16)", "lossy"),
        ("text", "blob", "lossy"),
        ("date", "datetime", "widened"),
        ("datetime", "datetime(6)", "widened"),
        ("datetime(6)", "datetime", "lossy"),
        ("datetime", "timestamp", "lossy"),
        ("enum('a','it''s, b')", "enum('it''s, b','c','a')", "widened"),
        ("enum('a','b')", "enum('a')", "lossy"),
        ("set('a')", "enum('a')", "lossy"),
        ("int(11) not null", "int(11)", "widened"),
        ("int(11)", "int(11) not null", "lossy"),
        ("int(11)", "bigint(20) not null", "lossy"),
        ("int(11) not null", "bigint(20)", "widened"),
        ("int(11)", "varchar(255)", "lossy"),
        ("geometry", "point", "lossy"),
    ],
)
def test_a_new_type_is_wider_only_if_it_holds_every_value_of_the_old_one(
    before: str, after: str, expected: Effect
) -> None:
    assert effect(before, after) == expected
