"""Runs that say the same become one proposal, whose id is made of what it says."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.conformance_routing import RoutedProposal
from transforms.commissions.digests import sha256
from transforms.commissions.proposals_differentiated import LABELS, DifferentiatedRuns
from transforms.commissions.proposals_simple import SimpleRuns

__all__ = ["ConsolidatedProposals", "ConsolidationTables", "ProposalMembers", "proposals_consolidated"]

_ANY: Final = "*\t*"
_AGREEMENT: Final = ("group_id", "config_hash", "effective_from", "effective_to")
_TERMS: Final = ("group_id", "config_hash", "effective_to")


class ConsolidatedProposals(dy.Schema):
    """An agreement of a group: one configuration for some products and plans, from one date until another."""

    id = dy.String(primary_key=True)
    group_id = dy.String(nullable=False)
    config_hash = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    label = dy.Enum(LABELS, nullable=False)


class ProposalMembers(dy.Schema):
    """The proposal under which a certificate stands."""

    certificate = dy.Int64(primary_key=True)
    proposal_id = dy.String(nullable=False)


class ConsolidationTables(NamedTuple):
    """The tables that ``proposals_consolidated`` makes.

    Attributes:
        consolidated_proposals: The proposals.
        proposal_members: Their certificates.
    """

    consolidated_proposals: dy.DataFrame[ConsolidatedProposals]
    proposal_members: dy.DataFrame[ProposalMembers]


def proposals_consolidated(
    routed_proposal: dy.DataFrame[RoutedProposal],
    simple_runs: dy.DataFrame[SimpleRuns],
    differentiated_runs: dy.DataFrame[DifferentiatedRuns],
    *,
    bridge_gaps: bool = False,
) -> ConsolidationTables:
    r"""Make one proposal of the runs of a group that have the same configuration and the same dates.

    It holds for the pairs of product and plan of those runs, not for every product with every plan; that of a simple
    run holds for all. Its id is ``P-``, the id of the group, ``-`` and the first 16 digits, in upper-case hexadecimal,
    of the SHA-256 of these lines with ``\n`` between them: the hash of the configuration, the first day (YYYY-MM-DD),
    the day after the last or nothing, and the pairs, ``<product>\t<plan>``, sorted by code points; a simple run has the
    one pair ``*\t*``.

    Where ``bridge_gaps`` is set, the first run of a pair begins on the earliest day on which any run of the group with
    its configuration and end begins: nothing else of the pair lies in between, so what was sold in 2020 and something
    else that was sold in 2022 on the same terms are one proposal.

    Args:
        routed_proposal: The certificates that stand under proposals.
        simple_runs: The runs of groups that have one configuration.
        differentiated_runs: The runs of all others.
        bridge_gaps: Whether first runs begin together.

    Returns:
        The proposals in the order of their ids, and the certificates of each.
    """
    bridged = _bridged(differentiated_runs) if bridge_gaps else differentiated_runs
    runs = bridged.with_columns(pair=pl.concat_str("product", "plan", separator="\t"))
    agreements = pl.concat([_agreements(runs), _open(simple_runs)])
    proposals = agreements.with_columns(id=_ids(agreements))
    return ConsolidationTables(
        ConsolidatedProposals.cast(proposals.sort("id")),
        ProposalMembers.cast(_members(routed_proposal, runs, proposals).sort("certificate")),
    )


def _bridged(runs: pl.DataFrame) -> pl.DataFrame:
    """Let the first run of each pair begin with the others that have its configuration and end."""
    begin = pl.col("effective_from")
    is_first = begin == begin.min().over("group_id", "product", "plan")
    return runs.with_columns(effective_from=pl.when(is_first).then(begin.min().over(_TERMS)).otherwise(begin))


def _agreements(runs: pl.DataFrame) -> pl.DataFrame:
    """Gather the pairs of the runs that agree; of their labels the first counts."""
    return runs.group_by(_AGREEMENT).agg(pl.col("label").min(), pairs=pl.col("pair").sort().str.join("\n"))


def _open(simple_runs: pl.DataFrame) -> pl.DataFrame:
    """Describe simple runs as agreements that never end, for every pair."""
    return simple_runs.select(
        *_AGREEMENT[:-1],
        effective_to=pl.lit(None, pl.Date),
        label=pl.lit("simple", pl.Enum(LABELS)),
        pairs=pl.lit(_ANY),
    )


def _ids(agreements: pl.DataFrame) -> pl.Series:
    """Make the id of each agreement of what it says."""
    days = pl.col("effective_from", "effective_to").dt.to_string("%Y-%m-%d").fill_null("")
    said = agreements.select(pl.concat_str("config_hash", days, "pairs", separator="\n")).to_series()
    return agreements.select(pl.format("P-{}-{}", "group_id", sha256(said).str.slice(0, 16))).to_series()


def _members(routed_proposal: pl.DataFrame, runs: pl.DataFrame, proposals: pl.DataFrame) -> pl.DataFrame:
    """Find the proposal of each certificate: that of its group, or that of the run in which its date lies."""
    simple = proposals.filter(pl.col("label") == "simple").select("group_id", proposal_id="id")
    named = runs.join(proposals.select(*_AGREEMENT, proposal_id="id"), on=_AGREEMENT, nulls_equal=True)
    terms = ["group_id", "product", "plan", "config_hash"]
    date, end = pl.col("effective_date"), pl.col("effective_to")
    found = routed_proposal.join(named.select(*terms, *_AGREEMENT[2:], "proposal_id"), on=terms)
    within = found.filter((date >= pl.col("effective_from")) & ((date < end) | end.is_null()))
    members = [routed_proposal.join(simple, on="group_id"), within]
    return pl.concat([frame.select("certificate", "proposal_id") for frame in members])
