"""Proposals, hierarchies and policies are what the slow oracle says, for any certificates in any order."""

import datetime as dt
import random
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import pairwise

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.property.commission_cases import Spoiled, Tables, drawn_lines, drawn_rules, made, read, said, spoiled_files
from tests.property.commissions_oracle import DIRECT, Line, Outcome, Rules, outcome, state_rules, type_certificates
from tests.unit.commission_references import REFERENCES, lost
from transforms.commissions.conformance_routing import EntropyThresholds

Drawn = list[Line]
SOME = settings(deadline=None, max_examples=20)
FEW = settings(deadline=None, max_examples=8)


def pairs(frame: pl.DataFrame, key: str, value: str) -> dict[object, object]:
    return dict(frame.select(key, value).iter_rows())


@SOME
@given(drawn_lines())
def test_certificates_become_what_the_oracle_says_and_each_has_one_home_that_pays_what_its_rows_say(
    lines: Drawn,
) -> None:
    assert_all(made(lines), outcome(lines), lines)


@SOME
@given(spoiled_files())
def test_certificates_of_which_records_were_rejected_become_what_the_oracle_says_and_no_agreement(
    file: Spoiled,
) -> None:
    records, expected = read(file.text.encode()), type_certificates(file.text)
    lines, lacking = list(said(records).values()), [one for _, one in records.incomplete_certificates.iter_rows()]
    assume(lines)
    tables = made(lines, lacking)
    rules = Rules(incomplete=frozenset(one for _, one in expected.incomplete))
    assert_all(tables, outcome(list(expected.lines.values()), rules), lines)
    assert set(tables.routed_proposal["certificate"]).isdisjoint(file.certificates)
    active = tables.hierarchies.filter(pl.col("status") == 1)
    assert set(active["certificate"].drop_nulls()).isdisjoint(file.certificates)


@SOME
@given(drawn_lines(), drawn_rules())
def test_every_setting_does_what_the_oracle_says(lines: Drawn, rules: Rules) -> None:
    settings = rules._asdict() | {"entropy": rules.entropy and EntropyThresholds(*rules.entropy)}
    assert_all(made(lines, **settings), outcome(lines, rules), lines)


def assert_all(tables: Tables, expected: Outcome, lines: Drawn) -> None:
    assert_configurations_and_routes(tables, expected)
    assert_proposals_with_their_ids_days_and_members(tables, expected)
    assert_hierarchies_rules_and_assignments(tables, expected)
    assert_no_day_of_a_product_and_plan_has_two_proposals(tables)
    assert_each_policy_has_a_proposal_in_force_on_its_day_or_else_assignments(tables, lines)
    assert_a_policy_is_paid_as_its_rows_say(tables, lines)
    assert_every_reference_leads_to_a_row(tables)
    assert_splits_are_one_hundred_and_certificates_are_conserved(tables, lines)


def assert_configurations_and_routes(tables: Tables, expected: Outcome) -> None:
    hashes = {number: one.config for number, one in expected.certificates.items()}
    assert pairs(tables.cert_configs, "certificate", "config_hash") == hashes
    groups = {number: one.group_id for number, one in expected.certificates.items()}
    assert pairs(tables.cert_configs, "certificate", "group_id") == groups
    said = {
        (digest, number, level, broker, schedule, split.percent)
        for digest, splits in expected.configs.items()
        for number, split in enumerate(splits, 1)
        for level, broker, schedule in split.levels
    }
    columns = ("config_hash", "split", "level", "broker", "schedule", "percent")
    had = tables.config_lines.filter(pl.col("config_hash").is_in(list(expected.configs)))
    assert set(had.select(columns).iter_rows()) == said
    reasons = {number: reason for number, reason in expected.reasons.items() if reason is not None}
    assert pairs(tables.routed_pha, "certificate", "reason") == reasons
    assert set(tables.routed_proposal["certificate"]) == expected.reasons.keys() - reasons.keys()


def assert_proposals_with_their_ids_days_and_members(tables: Tables, expected: Outcome) -> None:
    columns = ("id", "group_id", "split_config_hash", "effective_from", "effective_to")
    told = {(proposal, *one.run) for proposal, one in expected.proposals.items()}
    assert set(tables.proposals.select(columns).iter_rows()) == told
    members = {number: one.id for one in expected.proposals.values() for number in one.members}
    assert pairs(tables.proposal_members, "certificate", "proposal_id") == members
    assert pairs(tables.policies.drop_nulls("proposal_id"), "certificate", "proposal_id") == members
    sold = {
        (one.id, expected.certificates[number].product, expected.certificates[number].plan)
        for one in expected.proposals.values()
        for number in one.members
    }
    assert set(tables.proposal_products.select("proposal_id", "product_code", "plan_code").iter_rows()) == sold


def assert_hierarchies_rules_and_assignments(tables: Tables, expected: Outcome) -> None:
    rows = ("level", "broker_id", "schedule_code", "split_percent")
    found = defaultdict(set)
    for version, *row in tables.hierarchy_participants.select("hierarchy_version_id", *rows).iter_rows():
        found[version].add(tuple(row))
    assert found == {f"{name}-V1": chain.rows for name, chain in expected.chains.items()}
    suspended = {f"{name}-V1" for name, chain in expected.chains.items() if chain.suspended}
    assert set(tables.hierarchies.filter(status=2)["current_version_id"]) == suspended
    assert set(tables.hierarchy_versions.filter(status=2)["id"]) == suspended
    rules, splits, distributions = state_rules(
        expected.chains.values(), expected.certificates, collapse=expected.rules.collapse_single_state
    )
    assert set(tables.state_rules["id"]) == rules
    assert set(tables.hierarchy_splits["id"]) == splits
    assert Counter(tables.split_distributions["hierarchy_split_id"]) == distributions
    columns = ("id", "hierarchy_id", "non_conformant_reason", "split_percent", "writing_broker_id")
    assert set(tables.policy_hierarchy_assignments.select(columns).iter_rows()) == expected.assignments


@FEW
@given(drawn_lines(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_changes_nothing(lines: Drawn, chance: random.Random) -> None:
    shuffled = chance.sample(lines, len(lines))
    for name, before, after in zip(Tables._fields, made(lines), made(shuffled), strict=True):
        assert before.equals(after), name


@FEW
@given(drawn_lines(), drawn_lines(groups=("NEW1", "NEW2"), first=1001))
def test_what_is_made_of_groups_is_what_is_made_of_each(lines: Drawn, others: Drawn) -> None:
    for name, one, other, both in zip(Tables._fields, made(lines), made(others), made(lines + others), strict=True):
        apart = pl.concat([one, other]).unique()
        assert apart.height == both.height, name
        assert apart.join(both, on=both.columns, how="anti", nulls_equal=True).is_empty(), name


def assert_no_day_of_a_product_and_plan_has_two_proposals(tables: Tables) -> None:
    agreed = tables.proposals.join(tables.proposal_products, left_on="id", right_on="proposal_id")
    held = defaultdict(list)
    for group, product, plan, start, until in agreed.select(
        "group_id", "product_code", "plan_code", "effective_from", "effective_to"
    ).iter_rows():
        held[group, product, plan].append((start, until or dt.date.max))
    for ranges in held.values():
        ranges.sort()
        assert all(start < until for start, until in ranges)
        assert all(before[1] <= after[0] for before, after in pairwise(ranges))


def assert_each_policy_has_a_proposal_in_force_on_its_day_or_else_assignments(tables: Tables, lines: Drawn) -> None:
    assigned = set(tables.policy_hierarchy_assignments["policy_id"])
    under = {policy for policy, proposal in pairs(tables.policies, "id", "proposal_id").items() if proposal}
    policies = {str(line.certificate) for line in lines}
    assert (assigned | under, assigned & under) == (policies, set())
    dated = tables.policies.join(tables.proposals, left_on="proposal_id", right_on="id")
    for day, start, until in dated.select("effective_date", "effective_from", "effective_to").iter_rows():
        assert start <= day
        assert until is None or day < until
    directly = {str(line.certificate) for line in lines if line.group_key in {None, "00000"}}
    assert all(policy in assigned for policy in directly if policy not in _named(lines))
    assert DIRECT not in set(tables.proposals["group_id"])


def assert_a_policy_is_paid_as_its_rows_say(tables: Tables, lines: Drawn) -> None:
    chains = defaultdict(list)
    for proposal, certificate, version in tables.hierarchies.select(
        "proposal_id", "certificate", "current_version_id"
    ).iter_rows():
        chains[proposal or certificate].append(version)
    people = defaultdict(set)
    columns = ("hierarchy_version_id", "level", "broker_id", "split_percent", "schedule_code")
    for version, *person in tables.hierarchy_participants.select(columns).iter_rows():
        people[version].add(tuple(person))
    written = defaultdict(set)
    for line in lines:
        row = (line.level, line.broker, line.split_percent, line.schedule)
        written[line.certificate, line.split_seq].add(row)
    for certificate, proposal in pairs(tables.policies, "certificate", "proposal_id").items():
        paid = Counter(frozenset(people[version]) for version in chains[proposal or certificate])
        said = Counter(frozenset(rows) for (number, _), rows in written.items() if number == certificate)
        assert paid == said


def assert_every_reference_leads_to_a_row(tables: Tables) -> None:
    frames = tables._asdict()
    assert all(frame["id"].is_unique().all() for frame in frames.values() if "id" in frame.columns)
    known = [one for one in REFERENCES if {one.table, one.to} <= frames.keys()]
    assert len(known) > 40
    assert {one: gone for one in known if (gone := lost(one, frames))} == {}


def assert_splits_are_one_hundred_and_certificates_are_conserved(tables: Tables, lines: Drawn) -> None:
    assert set(tables.premium_split_versions["total_split_percent"]) <= {Decimal(100)}
    shares = tables.premium_split_participants.group_by("version_id").agg(pl.col("split_percent").sum())
    assert pairs(shares, "version_id", "split_percent") == pairs(
        tables.premium_split_versions, "id", "total_split_percent"
    )
    numbers = {line.certificate for line in lines}
    assert set(tables.routed_proposal["certificate"]) | set(tables.routed_pha["certificate"]) == numbers
    assert tables.routed_proposal.height + tables.routed_pha.height == len(numbers) == tables.policies.height


def _named(lines: Drawn) -> set[str]:
    return {str(line.certificate) for line in lines if line.group_key not in {None, "00000"}}
