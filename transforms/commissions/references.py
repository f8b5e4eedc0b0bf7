"""What the extracts refer to: brokers, groups, certificates and schedules."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Sequence
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.choices import first_of_each, latest
from transforms.commissions.identifiers import is_invalid_group
from transforms.commissions.keys import keyed
from transforms.commissions.lines import CertificateLines, CommissionLines, PremiumLines

__all__ = ["ActiveBrokers", "ActiveCertificates", "ActiveGroups", "ActiveSchedules", "References", "references"]


class ActiveBrokers(dy.Schema):
    """A broker that an active certificate or a commission names, and the first place that does.

    ``source`` is ``certificate_writing``, ``certificate_split``, ``certificate_paid``, ``commission_split`` or
    ``commission_paid``, in this order.
    """

    broker = dy.Int64(primary_key=True)
    source = dy.String(nullable=False)


class ActiveGroups(dy.Schema):
    """A group that has premiums, else one whose certificates have commissions; ``source`` says which of these."""

    group_key = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    source = dy.String(nullable=False)


class ActiveCertificates(dy.Schema):
    """A certificate that has premiums, else one that has commissions; ``source`` says which of these."""

    certificate = dy.Int64(primary_key=True)
    group_key = dy.String(nullable=True)
    source = dy.String(nullable=False)


class ActiveSchedules(dy.Schema):
    """A schedule that an active certificate names.

    ``source`` is ``commission_detail`` where the broker of the line was paid for the certificate, otherwise
    ``certificate_info``.
    """

    schedule = dy.String(primary_key=True)
    source = dy.String(nullable=False)


class References(NamedTuple):
    """The tables that ``references`` makes.

    Attributes:
        active_brokers: Brokers that certificates and commissions name.
        active_groups: Groups that have premiums or commissions.
        active_certificates: Certificates that have premiums or commissions.
        active_schedules: Schedules that certificates name.
    """

    active_brokers: dy.DataFrame[ActiveBrokers]
    active_groups: dy.DataFrame[ActiveGroups]
    active_certificates: dy.DataFrame[ActiveCertificates]
    active_schedules: dy.DataFrame[ActiveSchedules]


def references(
    certificate_lines: dy.DataFrame[CertificateLines],
    premium_lines: dy.DataFrame[PremiumLines],
    commission_lines: dy.DataFrame[CommissionLines],
) -> References:
    """List what the extracts refer to; each thing once, with the first place that names it.

    Groups without a valid number are none. A certificate whose premiums name several groups has that of the latest
    posting, of equals the first by number.

    Args:
        certificate_lines: The active lines of certificates.
        premium_lines: Premium postings.
        commission_lines: Commission payments.

    Returns:
        Four lists, sorted by their keys.
    """
    held = certificate_lines.select("certificate", "group_key").unique()
    return References(
        _brokers(certificate_lines, commission_lines),
        _groups(held, premium_lines, commission_lines),
        _certificates(held, premium_lines, commission_lines),
        _schedules(certificate_lines, commission_lines),
    )


def _brokers(certificates: pl.DataFrame, commissions: pl.DataFrame) -> dy.DataFrame[ActiveBrokers]:
    places = (
        _named(certificates, "writing_broker", "certificate_writing"),
        _named(certificates, "broker", "certificate_split"),
        _named(certificates, "paid_broker", "certificate_paid"),
        _named(commissions, "broker", "commission_split"),
        _named(commissions, "paid_broker", "commission_paid"),
    )
    return keyed("active_brokers", _first_place("broker", places), ActiveBrokers)


def _named(lines: pl.DataFrame, column: str, source: str) -> pl.DataFrame:
    return lines.select(broker=column).drop_nulls().unique().with_columns(source=pl.lit(source))


def _first_place(key: str, places: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Keep what earlier places name, and add what only later ones do."""
    return pl.concat(places).unique(key, keep="first", maintain_order=True)


def _groups(held: pl.DataFrame, premiums: pl.DataFrame, commissions: pl.DataFrame) -> dy.DataFrame[ActiveGroups]:
    generic = "Group " + pl.col("group_key")
    valid = ~is_invalid_group(pl.col("group_key"))
    paid = held.join(commissions, on="certificate", how="semi").select("group_key").unique()
    places = (
        premiums.group_by("group_key").agg(name=pl.col("group_name").min()).with_columns(source=pl.lit("premiums")),
        paid.with_columns(name=pl.lit(None, pl.String), source=pl.lit("commissions")),
    )
    found = _first_place("group_key", places).filter(valid).with_columns(pl.col("name").fill_null(generic))
    return keyed("active_groups", found, ActiveGroups)


def _certificates(
    held: pl.DataFrame, premiums: pl.DataFrame, commissions: pl.DataFrame
) -> dy.DataFrame[ActiveCertificates]:
    posted = premiums.group_by("certificate", "group_key").agg(pl.col("posted_date").max())
    latest_group = first_of_each(posted, ["certificate"], latest("posted_date")).drop("posted_date")
    groups = held.group_by("certificate").agg(pl.col("group_key").min())
    paid = commissions.select("certificate").unique().filter(pl.col("certificate") > 0)
    places = (
        latest_group.with_columns(source=pl.lit("premiums")),
        paid.join(groups, on="certificate", how="left").with_columns(source=pl.lit("commissions")),
    )
    return keyed("active_certificates", _first_place("certificate", places), ActiveCertificates)


def _schedules(certificates: pl.DataFrame, commissions: pl.DataFrame) -> dy.DataFrame[ActiveSchedules]:
    named = certificates.select("schedule", "certificate", "broker").drop_nulls("schedule")
    paid = named.join(commissions, on=["certificate", "broker"], how="semi")
    places = (
        paid.select("schedule").unique().with_columns(source=pl.lit("commission_detail")),
        named.select("schedule").unique().with_columns(source=pl.lit("certificate_info")),
    )
    return keyed("active_schedules", _first_place("schedule", places), ActiveSchedules)
