"""Every published table of the commissions is of one kind, and settings say otherwise only as far as that can hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from firn import ConfigError
from pipelines.commissions import Commissions
from pipelines.engine import settings
from transforms.commissions.exports import ADDED, EXPORTS
from transforms.commissions.kinds import KINDS, stranded
from transforms.commissions.legacy import LEGACY
from transforms.commissions.relations import RELATIONS

MASTERS = {"brokers", "employer_groups", "products", "product_codes", "plans"}


def test_every_published_table_is_of_one_kind() -> None:
    assert sorted(table for kind in KINDS for table in kind.tables) == sorted(Commissions.publishes)


def test_rows_of_master_data_stay_and_all_others_are_replaced() -> None:
    pipeline = Commissions(folder=Path())
    assert {name for name, policy in pipeline.stated_policies().items() if policy == "keep_missing"} == MASTERS
    assert {policy for name, policy in pipeline.stated_policies().items() if name not in MASTERS} == {"replace"}
    assert stranded(pipeline.stated_policies()) is None


def test_a_reference_names_the_whole_key_so_that_rows_that_stay_find_theirs() -> None:
    assert {tuple(Commissions.publishes[one.to].primary_key()) for one in RELATIONS} == {("id",)}
    assert {one.key for one in RELATIONS} == {"id"}


def test_every_table_that_an_export_wrote_has_the_name_that_it_had_and_names_of_columns_that_exist() -> None:
    exported = {table for tables in EXPORTS.values() for table in tables}
    assert set(LEGACY) == exported | {"group_conformance"}
    assert {*exported, *ADDED} == set(Commissions.publishes)
    for name, one in LEGACY.items():
        known = set(Commissions.publishes[name].column_names())
        assert {*one.columns, *one.key} <= known, name
        called = [one.called(column) for column in known if one.called(column)]
        assert len(set(called)) == len(called) > 0, name


def test_settings_state_the_policy_of_a_table_or_of_all_that_are_not_named() -> None:
    stated = Commissions(folder=Path(), table_policies={"*": "insert_only", "brokers": "keep_missing"})
    found = stated.publication("commissions")
    assert found.policies == dict.fromkeys(Commissions.publishes, "insert_only") | {"brokers": "keep_missing"}
    assert Commissions(folder=Path(), table_policies={"plans": "replace"}).stated_policies()["plans"] == "replace"


@pytest.mark.parametrize(
    ("stated", "said", "hint"),
    [
        ('broker = "replace"', "There is no published table broker.", "Did you mean brokers?"),
        ('brokers = "keep"', "line 4: [commissions.table_policies] brokers must be 'replace', 'keep_missing' or", ""),
        (
            'products = "replace"',
            "Rows of plans would stay while those of products, to which product_code refers, would not",
            'Set products = "keep_missing" or "insert_only", too, or plans = "replace".',
        ),
        ('"*" = "insert_only"\nproposals = "replace"', "while those of proposals, to which proposal_id refers", ""),
    ],
)
def test_a_wrong_table_or_policy_and_one_that_would_strand_rows_are_refused(
    stated: str, said: str, hint: str, tmp_path: Path
) -> None:
    config = tmp_path / "firn.toml"
    config.write_text(f'[commissions]\nfolder = "."\n[commissions.table_policies]\n{stated}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        settings.load("commissions", config)
    assert said in caught.value.message
    assert "Nothing was read or written." in caught.value.message
    assert hint in caught.value.hint
