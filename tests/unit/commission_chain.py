"""Runs the steps from certificates to policies on a few splits, and every check on what they make."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelines.engine.pipeline import step_of
from tests.unit.commission_tables import (
    Row,
    certificates,
    commissions,
    individuals,
    insurances,
    licenses,
    organizations,
    perf_groups,
    premiums,
    schedule_lines,
    table,
)
from transforms.commissions import proposal_checks
from transforms.commissions.brokers import brokers
from transforms.commissions.conformance_routing import conformance_routing
from transforms.commissions.groups import employer_groups
from transforms.commissions.hierarchies import hierarchies
from transforms.commissions.incomplete_certificates import IncompleteCertificates
from transforms.commissions.policies import policies
from transforms.commissions.policy_hierarchy_assignments import policy_hierarchy_assignments
from transforms.commissions.premium_splits import premium_splits
from transforms.commissions.products import products
from transforms.commissions.proposal_date_ranges import proposal_date_ranges
from transforms.commissions.proposal_keys import proposal_keys
from transforms.commissions.proposals_consolidated import proposals_consolidated
from transforms.commissions.proposals_differentiated import proposals_differentiated
from transforms.commissions.proposals_simple import proposals_simple
from transforms.commissions.references import references
from transforms.commissions.schedules import schedules
from transforms.commissions.split_configs import split_configs
from transforms.commissions.state_rules import state_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl

# ruff: noqa: ANN401 (a row and the settings say anything)

Frames = dict[str, "pl.DataFrame"]

STEPS: tuple[Callable[..., Any], ...] = (
    references,
    brokers,
    employer_groups,
    products,
    schedules,
    split_configs,
    conformance_routing,
    proposals_simple,
    proposals_differentiated,
    proposals_consolidated,
    proposal_date_ranges,
    proposal_keys,
    premium_splits,
    hierarchies,
    state_rules,
    policies,
    policy_hierarchy_assignments,
)
CHECKS: dict[str, Callable[..., Any]] = {
    name: function for name, function in vars(proposal_checks).items() if name in proposal_checks.__all__[1:]
}


def split(certificate: int, seq: int, percent: str, *by_level: int, **said: Any) -> list[Row]:
    """The rows of a split: one per level, the writing broker's first; schedules are named for their levels."""
    terms = {"certificate": certificate, "split_seq": seq, "split_percent": Decimal(percent), "state": "TX"}
    people = [{"level": level, "broker": broker, "schedule": f"S{level}"} for level, broker in enumerate(by_level, 1)]
    return [{**terms, "writing_broker": by_level[0], **person, **said} for person in people]


def whole(certificate: int, broker: int = 11, **said: Any) -> list[Row]:
    """The row of a certificate of which one broker has everything."""
    return split(certificate, 1, "100", broker, **said)


def apart(cases: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """Number the certificates from 1 and put each in a group of its own, if it has one: many cases, one run."""
    for number, rows in enumerate(cases, 1):
        yield [{"group_key": f"{number}00", **row, "certificate": number} for row in rows]


def extracts(rows: Iterable[Row], payments: Iterable[Row] = (), incomplete: Iterable[int | None] = ()) -> Frames:
    """The typed lines of certificates and payments, with a rate for every schedule but ``WH01``.

    ``incomplete`` are the certificates of which a record was rejected.
    """
    lines = certificates(*rows)
    codes = lines["schedule"].drop_nulls().unique().sort()
    rates = [{"schedule": code, "product": "DEN"} for code in codes if code != "WH01"]
    return {
        "certificate_lines": lines,
        "commission_lines": commissions(*payments),
        "premium_lines": premiums(),
        "individual_lines": individuals(),
        "organization_lines": organizations(),
        "license_lines": licenses(),
        "eo_lines": insurances(),
        "perf_group_lines": perf_groups(),
        "schedule_lines": schedule_lines(*rates),
        "incomplete_certificates": table(IncompleteCertificates, [{"certificate": one} for one in incomplete]),
    }


def made(
    *splits: list[Row], payments: Iterable[Row] = (), incomplete: Iterable[int | None] = (), **settings: Any
) -> Frames:
    """Every table from the rows of some splits; no check finds anything."""
    return run(extracts(chain(*splits), payments, incomplete), **settings)


def run(frames: Frames, **settings: Any) -> Frames:
    """Every table from typed lines, each step given just the columns that its contracts name."""
    older = {"legacy_individual_lines": individuals(), "legacy_organization_lines": organizations()}
    frames = older | frames
    for function in STEPS:
        step = step_of(function, is_check=False)
        known = {name: value for name, value in settings.items() if name in step.settings}
        result = function(*(frames[name].select(step.columns(name) or []) for name in step.reads), **known)
        frames |= zip(step.makes, result if isinstance(result, tuple) else (result,), strict=True)
    assert breaches(frames, **settings) == []
    return frames


def breaches(frames: Frames, *names: str, **settings: Any) -> list[tuple[str, str, str]]:
    """What the checks, or those named, find: table, key, breach."""
    found: list[tuple[str, str, str]] = []
    for name in names or CHECKS:
        step = step_of(CHECKS[name], is_check=True)
        known = {setting: settings[setting] for setting in step.settings if setting in settings}
        tables = (frames[table].select(step.columns(table) or []) for table in step.reads)
        found += CHECKS[name](*tables, **known).rows()
    return found


def reasons(frames: Frames) -> dict[int, str]:
    """Why each certificate stands under no proposal."""
    return dict(frames["routed_pha"].select("certificate", "reason").iter_rows())
