"""Brokers whose commissions are paid to another."""

# No future import: the engine reads the annotations, which are the contract.
from enum import IntEnum
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.choices import choose, first_of_each, latest, set_aside
from transforms.commissions.columns import CERTIFICATES
from transforms.commissions.keys import keyed
from transforms.commissions.lines import CertificateLines
from transforms.commissions.set_aside import SetAside

__all__ = [
    "AssignmentStatus",
    "AssignmentTables",
    "AssignmentType",
    "CommissionAssignmentRecipients",
    "CommissionAssignmentVersions",
    "RecipientType",
    "commission_assignments",
]


class AssignmentStatus(IntEnum):
    """Whether an assignment is in force."""

    ACTIVE = 1


class AssignmentType(IntEnum):
    """What is assigned: all commissions of a broker, whatever the proposal."""

    BROKER = 1


class RecipientType(IntEnum):
    """Who is paid."""

    BROKER = 1


class CommissionAssignmentVersions(dy.Schema):
    """That a broker has assigned all commissions; ``id`` is ``CA-<broker>-<recipient>``.

    ``status`` is an `AssignmentStatus`, ``type`` an `AssignmentType`.
    """

    id = dy.String(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    broker_name = dy.String(nullable=False)
    version_number = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    status = dy.Int16(nullable=False, metadata={"numbers": AssignmentStatus})
    type = dy.Int16(nullable=False, metadata={"numbers": AssignmentType})
    total_assigned_percent = dy.Decimal(18, 4, nullable=False)


class CommissionAssignmentRecipients(dy.Schema):
    """Who is paid under an assignment; ``id`` is ``<assignment>-R1``, and ``recipient_type`` a `RecipientType`."""

    id = dy.String(primary_key=True)
    assignment_version_id = dy.String(nullable=False)
    recipient_broker_id = dy.Int64(nullable=False)
    recipient_broker_name = dy.String(nullable=False)
    percent = dy.Decimal(18, 4, nullable=False)
    recipient_type = dy.Int16(nullable=False, metadata={"numbers": RecipientType})


class AssignmentTables(NamedTuple):
    """The tables that ``commission_assignments`` makes.

    Attributes:
        commission_assignment_versions: One row per broker who is not paid himself.
        commission_assignment_recipients: Who is paid in his place.
        assignments_set_aside: The recipients whom a broker had before, or beside the newest.
    """

    commission_assignment_versions: dy.DataFrame[CommissionAssignmentVersions]
    commission_assignment_recipients: dy.DataFrame[CommissionAssignmentRecipients]
    assignments_set_aside: dy.DataFrame[SetAside]


def commission_assignments(
    certificate_lines: dy.DataFrame[CertificateLines], brokers: dy.DataFrame[Brokers]
) -> AssignmentTables:
    """Find who assigned his commissions to whom: the newest pair of each broker who earns and is not paid himself.

    The newest pair is the one on the certificate effective last, of several the one with the recipient whose number is
    lowest. It is in force since the first certificate that has it, and all that the broker earns goes to the recipient.

    Args:
        certificate_lines: The active lines of certificates.
        brokers: All brokers, for their names.

    Returns:
        One assignment per broker, its recipient, and the first line of the newest certificate of each other pair.
    """
    pairs = certificate_lines.filter(pl.col("broker") != pl.col("paid_broker"))
    dates = pairs.group_by("broker", "paid_broker").agg(
        first=pl.col("effective_date").min(), last=pl.col("effective_date").max()
    )
    newest, older = choose(dates, ["broker"], latest("last"))
    names = brokers.select("id", "name")
    rows = (
        newest.join(names.rename({"name": "broker_name"}), left_on="broker", right_on="id")
        .join(names.rename({"name": "recipient_broker_name"}), left_on="paid_broker", right_on="id")
        .with_columns(version=pl.format("CA-{}-{}", "broker", "paid_broker"), all=pl.lit(100, pl.Decimal(18, 4)))
    )
    return AssignmentTables(
        keyed("commission_assignment_versions", _versions(rows), CommissionAssignmentVersions),
        keyed("commission_assignment_recipients", _recipients(rows), CommissionAssignmentRecipients),
        set_aside(CERTIFICATES, _last_lines(older, pairs), "older_assignment", "paid_broker"),
    )


def _last_lines(pairs: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Find where the certificate effective last that has a pair is written; of several lines the first."""
    dated = pairs.select("broker", "paid_broker", effective_date="last")
    last = lines.join(dated, on=["broker", "paid_broker", "effective_date"], how="semi")
    return first_of_each(last.select("broker", "paid_broker", "certificate", "file", "line"), ["broker", "paid_broker"])


def _versions(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "broker_name",
        id="version",
        broker_id="broker",
        version_number=pl.lit("1.0"),
        effective_from="first",
        effective_to=pl.lit(None, pl.Date),
        status=pl.lit(AssignmentStatus.ACTIVE.value, pl.Int16),
        type=pl.lit(AssignmentType.BROKER.value, pl.Int16),
        total_assigned_percent="all",
    )


def _recipients(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "recipient_broker_name",
        id=pl.format("{}-R1", "version"),
        assignment_version_id="version",
        recipient_broker_id="paid_broker",
        percent="all",
        recipient_type=pl.lit(RecipientType.BROKER.value, pl.Int16),
    )
