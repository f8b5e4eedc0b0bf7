"""Whatever is lost, doubled or changed on the way from certificates to policies is found, and named by its key."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from tests.unit.commission_chain import Frames, breaches, made, split, whole

Change = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture(scope="module")
def sound() -> Frames:
    """A simple group, one whose configuration changes, and a certificate without a group."""
    return made(
        split(1, 1, "60", 11, 12),
        split(1, 2, "40", 13),
        whole(2, group_key="26", effective_date=date(2024, 1, 1)),
        whole(3, 12, group_key="26", effective_date=date(2024, 5, 1)),
        split(4, 1, "100", 11, 12, group_key=None),
    )


def test_there_is_something_to_check(sound: Frames) -> None:
    assert breaches(sound) == []
    assert all(sound[name].height for name in ("proposals", "hierarchies", "policy_hierarchy_participants"))


def without(column: str, value: object) -> Change:
    return lambda frame: frame.filter(pl.col(column) != value)


def doubled(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def first(column: str, value: pl.Expr) -> Change:
    """Change a column of the first row."""
    index = pl.int_range(pl.len())
    return lambda frame: frame.with_columns(pl.when(index == 0).then(value).otherwise(column).alias(column))


def text(value: str | None) -> pl.Expr:
    return pl.lit(value, pl.String)


SHORT = pl.lit(Decimal("59.9999"))
LATE, EARLY = pl.lit(date(2030, 1, 1)), pl.lit(date(2000, 1, 1))


@pytest.mark.parametrize(
    ("check", "table", "change", "found"),
    [
        ("certificates_routed", "cert_configs", without("certificate", 2), "not in cert_configs"),
        ("certificates_routed", "policies", without("certificate", 3), "not in policies"),
        ("certificates_routed", "proposal_members", without("certificate", 1), "not in proposal_members, routed_pha"),
        ("certificates_routed", "routed_pha", without("certificate", 4), "not in proposal_members, routed_pha"),
        ("certificates_routed", "proposal_members", doubled, "not the only one with its certificate"),
        ("certificates_routed", "certificate_lines", without("certificate", 2), "in no active row"),
        ("proposals_complete", "premium_split_versions", lambda frame: frame.tail(2), "no split version"),
        ("proposals_complete", "premium_split_versions", doubled, "not the only one with its proposal_id"),
        ("proposals_complete", "premium_split_participants", lambda frame: frame.clear(), "no participant"),
        ("proposals_complete", "premium_split_participants", first("split_percent", SHORT), "not 100 in total"),
        ("proposals_complete", "premium_split_versions", first("total_split_percent", SHORT), "not 100 in total"),
        ("proposals_complete", "proposal_products", lambda frame: frame.clear(), "no product"),
        ("proposals_complete", "hierarchies", lambda frame: frame.clear(), "its hierarchy_id is not there"),
        ("hierarchies_complete", "hierarchy_versions", lambda frame: frame.tail(1), "no version"),
        ("policies_find_their_rules", "state_rules", lambda frame: frame.clear(), "no state rule of its hierarchy"),
        (
            "policies_find_their_rules",
            "hierarchy_splits",
            lambda frame: frame.clear(),
            "its product is not under the state rule of its hierarchy",
        ),
        ("hierarchies_complete", "hierarchy_participants", lambda frame: frame.clear(), "no participant"),
        ("hierarchies_complete", "state_rules", lambda frame: frame.clear(), "no state rule"),
        ("hierarchies_complete", "hierarchy_splits", lambda frame: frame.clear(), "no product"),
        ("hierarchies_complete", "split_distributions", doubled, "not one distribution per participant"),
        (
            "hierarchies_complete",
            "split_distributions",
            lambda frame: frame[1:],
            "not one distribution per participant",
        ),
        (
            "policies_have_one_home",
            "policies",
            first("proposal_id", text(None)),
            "neither a proposal nor an assignment",
        ),
        ("policies_have_one_home", "policies", first("id", text("4")), "both a proposal and an assignment"),
        ("policies_have_one_home", "proposals", lambda frame: frame.clear(), "its proposal_id is not there"),
        ("structures_kept", "hierarchy_participants", first("broker_id", pl.lit(99)), "not what its hierarchies say"),
        (
            "structures_kept",
            "hierarchy_participants",
            first("schedule_code", text("S9")),
            "not what its hierarchies say",
        ),
        ("structures_kept", "hierarchy_participants", first("split_percent", SHORT), "not what its hierarchies say"),
        ("structures_kept", "hierarchy_participants", first("level", pl.lit(7)), "not what its hierarchies say"),
        ("structures_kept", "hierarchy_participants", lambda frame: frame[1:], "not what its hierarchies say"),
        ("structures_kept", "hierarchies", lambda frame: frame[1:], "not what its hierarchies say"),
        ("structures_kept", "policies", first("proposal_id", text("P-G26-0")), "not what its hierarchies say"),
        ("proposals_dated", "proposals", first("effective_to", EARLY), "ends before it begins"),
        ("proposals_dated", "policies", first("effective_date", EARLY), "outside of its proposal"),
        (
            "proposals_dated",
            "proposals",
            lambda frame: frame.with_columns(effective_to=LATE),
            "shares days with the next of its product and plan",
        ),
        (
            "proposals_dated",
            "proposals",
            lambda frame: frame.with_columns(product_codes=text("*")),
            "for all products, but not the only one of its group",
        ),
        ("proposal_keys_distinct", "proposals", doubled, "not the only one with its id"),
        (
            "proposal_keys_distinct",
            "proposals",
            lambda frame: pl.concat([frame, frame.head(1).with_columns(id=text("P-G25-0"))]),
            "not the only one with its group_id, split_config_hash, effective_from, effective_to",
        ),
        (
            "proposal_keys_distinct",
            "proposal_key_mapping",
            lambda frame: frame.with_columns(effective_to=LATE),
            "shares a day with another of its key",
        ),
        ("proposal_keys_distinct", "config_lines", doubled, "not the only one with its config_hash, split, level"),
        (
            "proposal_keys_distinct",
            "config_lines",
            lambda frame: pl.concat([frame, frame.with_columns(pl.col("config_hash").str.replace("^.", "0"))]).unique(),
            "not the only one with its split, level, broker, schedule, percent",
        ),
        (
            "proposal_keys_distinct",
            "config_lines",
            first("config_hash", text("ab")),
            "not 64 upper-case hexadecimal digits",
        ),
        ("proposal_keys_distinct", "config_lines", lambda frame: frame.clear(), "its split_config_hash is not there"),
        ("identifiers_formed", "hierarchy_splits", first("id", text("SR 1")), "a blank in its id"),
        ("identifiers_formed", "policies", doubled, "not the only one with its id"),
        ("identifiers_formed", "proposals", first("group_id", text("25")), "no id of a group"),
        ("identifiers_formed", "hierarchies", first("group_id", text("G 25")), "no id of a group"),
        ("identifiers_formed", "employer_groups", first("id", text("GG1")), "no id of a group"),
    ],
)
def test_a_check_finds_what_breaks_its_rule(sound: Frames, check: str, table: str, change: Change, found: str) -> None:
    assert found in {breach for _, _, breach in breaches(sound | {table: change(sound[table])}, check)}


def test_a_breach_names_the_row_by_its_key(sound: Frames) -> None:
    lost = sound | {"policies": sound["policies"].filter(pl.col("certificate") != 3)}
    assert breaches(lost, "certificates_routed") == [("certificate_lines", "3", "not in policies")]
