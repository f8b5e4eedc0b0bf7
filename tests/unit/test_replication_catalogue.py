"""The catalogue is the same text for the same facts, says where it is damaged, and gives way to firn.toml."""

from pathlib import Path
from typing import Any

import pytest

from firn import ConfigError
from pipelines.replication import catalogue
from pipelines.replication.catalogue import Catalogue, Entry, Tier, monitoring, priority
from pipelines.replication.overrides import Effective, Override, Policy, TierPolicy, effective, gone


def entry(tier: Tier = "standard", **facts: Any) -> Entry:  # noqa: ANN401 (whatever the model takes)
    stated = {
        "rows": 35_135,
        "size_mb": 19.3,
        "engine": "MyISAM",
        "key": ("PatNum",),
        "tier": tier,
        "tier_reason": "score 10: its key stands in 113 other tables",
        "strategy": "incremental",
        "strategy_reason": "the server stamps every change in DateTStamp",
        "incremental_column": "DateTStamp",
        "batch_rows": 16_384,
        "priority": priority(tier, 19.3),
        "money": ("BalTotal",),
        "monitoring": monitoring(tier, 19.3),
        "columns": {"PatNum": "bigint(20) not null", "no": "enum('a: b','#','ü')", "BalTotal": "double"},
    }
    stated["columns"] |= {"DateTStamp": "timestamp not null", "Birthdate": "date"}  # type: ignore[operator]
    return Entry.model_validate(stated | facts)


def clinic(**tables: Entry) -> Catalogue:
    return Catalogue(database="practice", tables=tables)


def settled(override: Override | None = None, tiers: dict[Tier, TierPolicy] | None = None, **facts: Any) -> Effective:  # noqa: ANN401 (the same)
    overrides = {"patient": override} if override else {}
    return effective(clinic(patient=entry(**facts)), overrides, tiers or {}, "clinic")["patient"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = clinic(patient=entry("critical"), null=entry(columns={"Yes": "int(11)", "1": "date", "B": "bit(1)"}))
    catalogue.write(written, tmp_path / "tables.yaml", "clinic")

    found = catalogue.read(tmp_path / "tables.yaml", "clinic")

    assert found == written
    assert list(found.tables["null"].columns) == ["Yes", "1", "B"], "columns keep the source's order"
    assert [path.name for path in tmp_path.iterdir()] == ["tables.yaml"]


def test_the_same_tables_in_another_order_are_the_same_text() -> None:
    one, other = entry("critical"), entry("audit")
    assert catalogue.text(clinic(a=one, b=other), "clinic") == catalogue.text(clinic(b=other, a=one), "clinic")


def test_a_changed_figure_is_one_changed_line() -> None:
    before = catalogue.text(clinic(patient=entry()), "clinic").splitlines()
    after = catalogue.text(clinic(patient=entry(rows=35_136)), "clinic").splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [("    rows: 35135", "    rows: 35136")]


def test_the_file_says_that_a_machine_owns_it_and_where_people_decide() -> None:
    assert catalogue.text(clinic(), "clinic").startswith("# Written by `firn discover clinic`: do not edit it")
    assert "[clinic.tables.NAME]" in catalogue.text(clinic(), "clinic")


def test_a_catalogue_that_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        catalogue.read(tmp_path / "tables.yaml", "clinic")
    assert caught.value.hint == "firn discover clinic"


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("rows: 35135", "rows: many", 8, r"tables\.patient\.rows: Input should be a valid integer"),
        ("tier: standard", "tier: vital", 13, r"tables\.patient\.tier: Input should be"),
        ("    rows: 35135\n", "", 7, r"tables\.patient\.rows: Field required"),
        ("  patient:", "\tpatient:", 7, "found character that cannot start any token"),
        ("database: practice", "database: [practice", 6, "did not find expected"),
        ("database: practice", "- practice", 6, "did not find expected"),
        ("database: practice", "database: pr\0actice", 1, "control characters are not allowed"),
    ],
)
def test_a_damaged_catalogue_names_file_line_and_way_out(
    tmp_path: Path, old: str, new: str, line: int, why: str
) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text(catalogue.text(clinic(patient=entry()), "clinic").replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match=why) as caught:
        catalogue.read(path, "clinic")

    assert f"{path}, line {line}, is damaged" in caught.value.message
    assert f"{path}.before" in caught.value.hint
    assert "firn discover clinic" in caught.value.hint


def test_an_empty_file_and_a_file_of_other_bytes_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    for content in (b"", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="line 1, is damaged"):
            catalogue.read(path, "clinic")


@pytest.mark.parametrize(("place", "why"), [("nowhere/tables.yaml", "No such file"), ("taken", "Is a directory")])
def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigError, match=f"{place} cannot be written: {why}"):
        catalogue.write(clinic(), tmp_path / place, "clinic")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_reader_sees_the_old_or_the_new_catalogue_and_never_half_of_one(tmp_path: Path) -> None:
    path, many = tmp_path / "tables.yaml", {f"t{number}": entry() for number in range(200)}
    catalogue.write(clinic(**many), path, "clinic")
    with path.open(encoding="utf-8") as opened:
        catalogue.write(clinic(), path, "clinic")
        assert opened.read() == catalogue.text(clinic(**many), "clinic")
    assert catalogue.read(path, "clinic") == clinic()


@pytest.mark.parametrize(
    ("tier", "size_mb", "place", "minutes", "threshold"),
    [
        ("critical", 378.0, 1, 12, 0.99),
        ("critical", 0.2, 10, 6, 0.99),
        ("important", 4_000.0, 11, 72, 0.95),
        ("audit", 911.0, 21, 21, 0.95),
        ("reference", 0.0, 40, 5, 0.95),
        ("standard", 0.0, 40, 5, 0.95),
        ("standard", 1e6, 31, 180, 0.95),
    ],
)
def test_tier_and_size_say_when_a_table_is_read_and_what_is_watched(
    tier: Tier, size_mb: float, place: int, minutes: int, threshold: float
) -> None:
    watched = monitoring(tier, size_mb)
    assert (priority(tier, size_mb), watched.max_minutes, watched.quality_threshold) == (place, minutes, threshold)
    assert watched.alert == (tier in {"critical", "important"})


def test_what_nobody_decided_is_as_discovery_found_it() -> None:
    assert settled() == Effective(entry(), Policy("keep", "cancel"))


def test_a_tier_that_people_chose_brings_its_place_thresholds_and_policies() -> None:
    found = settled(Override(tier="critical"))
    assert found.entry.tier_reason == "decided in firn.toml"
    assert found.entry.priority == priority("critical", 19.3)
    assert found.entry.monitoring == monitoring("critical", 19.3)
    assert found.policy == Policy("fail", "warn")


def test_a_table_counts_more_than_its_tier_and_the_tier_more_than_the_catalogue() -> None:
    tiers: dict[Tier, TierPolicy] = {
        "standard": TierPolicy(on_failure="fail", owner="legacy", max_minutes=9, quality_threshold=1.0)
    }
    found = settled(Override(on_failure="keep", max_minutes=7, priority=3), tiers)
    assert found.policy == Policy("keep", "cancel", owner="legacy")
    assert (found.entry.monitoring.max_minutes, found.entry.monitoring.quality_threshold) == (7, 1.0)
    assert found.entry.priority == 3


def test_tables_are_settled_in_the_order_in_which_they_are_read() -> None:
    found = clinic(a=entry("audit"), b=entry(), c=entry("critical", priority=1), d=entry("critical", priority=2))
    assert list(effective(found, {}, {}, "clinic")) == ["c", "d", "a", "b"]


@pytest.mark.parametrize(
    ("override", "facts", "message", "hint"),
    [
        (
            {"incremental_column": "DateTStmp"},
            {},
            "incremental_column: the table has no column DateTStmp",
            "DateTStamp",
        ),
        ({"money": ("Baltotal", "Fee")}, {}, "money: the table has no column Baltotal", "BalTotal"),
        ({"business_date": "BirthDay"}, {}, "business_date: the table has no column BirthDay", "Birthdate"),
        ({"strategy": "compare"}, {"key": ()}, "strategy compare: the table has no key", 'strategy = "full"'),
        ({"strategy": "compare"}, {"key": ("no", "PatNum")}, "no, with which its key begins, is no whole", "full"),
        ({"strategy": "append"}, {"incremental_column": None}, "no column says what is new", "incremental_column"),
        ({"lookback_days": 30}, {}, "days are counted by a date", "business_date"),
    ],
)
def test_what_a_table_does_not_allow_is_refused_before_anything_is_read(
    override: dict[str, Any], facts: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(Override(**override), **facts)
    assert message in caught.value.message
    assert caught.value.message.startswith("[clinic.tables.patient] ")
    assert hint in caught.value.hint


def test_a_decision_for_a_table_that_is_not_there_is_refused_and_named() -> None:
    found = clinic(patient=entry())
    assert gone(found, ["patient", "patinet"]) == ["patinet"]
    with pytest.raises(ConfigError, match="no such table") as caught:
        effective(found, {"patinet": Override(tier="critical")}, {}, "clinic")
    assert caught.value.hint == "Did you mean patient?"
