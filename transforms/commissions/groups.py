"""Employer groups, of which every active certificate has one."""

# No future import: the engine reads the annotations, which are the contract.
from typing import NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import first_of_each, latest
from transforms.commissions.columns import PERF_GROUPS
from transforms.commissions.identifiers import DIRECT_GROUP, group_id
from transforms.commissions.keys import keyed
from transforms.commissions.lines import CertificateLines, PerfGroupLines, PremiumLines

__all__ = ["EmployerGroups", "GroupTables", "employer_groups"]


class EmployerGroups(dy.Schema):
    """A group of certificates; ``G00000`` is that of the certificates without one.

    ``group_size`` is the size that its roster states, ``lives`` the number of its distinct customers. ``name_source``
    is ``perf_groups`` or ``premiums``, ``generic`` for the name ``Group <number>``, and ``rule`` for ``G00000``.
    """

    id = dy.String(primary_key=True)
    group_number = dy.String(nullable=False)
    group_name = dy.String(nullable=False)
    name_source = dy.String(nullable=False)
    situs_state = dy.String(nullable=True)
    group_size = dy.String(nullable=True)
    lives = dy.Int32(nullable=False)
    primary_broker_id = dy.Int64(nullable=True)


class GroupTables(NamedTuple):
    """The tables that ``employer_groups`` makes.

    Attributes:
        employer_groups: One row per group.
        groups_changed: How many of them have a primary broker whom no table has.
    """

    employer_groups: dy.DataFrame[EmployerGroups]
    groups_changed: dy.DataFrame[Changed]


def employer_groups(
    certificate_lines: dy.DataFrame[CertificateLines],
    perf_group_lines: dy.DataFrame[PerfGroupLines],
    premium_lines: dy.DataFrame[PremiumLines],
    brokers: dy.DataFrame[Brokers],
) -> GroupTables:
    """List the groups of all active certificates, and the one of those that have none.

    Of several lines of ``perf_groups`` the one effective last that has a name stands for the group, of equals the first
    by content: name, state, size and broker are of this one line. What it does not have is not looked for in the
    others. Without a name there, the name and state are those of the latest premium posting that names the group; a
    state that is missing in both is that of the certificate effective last. A primary broker whom no table has is left
    out.

    Args:
        certificate_lines: The active lines of certificates.
        perf_group_lines: What is known of groups.
        premium_lines: Premium postings, which name their group.
        brokers: All brokers.

    Returns:
        One row per group, ``G00000`` among them whether it has certificates or not, and how many values a rule changed.
    """
    found = (
        _lives(certificate_lines)
        .join(_described(perf_group_lines, brokers), on="id", how="left")
        .join(_billed(premium_lines), on="id", how="left")
        .join(_issued(certificate_lines), on="id", how="left")
        .with_columns(group_number=pl.col("id").str.slice(1))
    )
    rows = found.with_columns(*_names(), situs_state=_state())
    unknown = rows.filter(pl.col("perf_broker").is_not_null() & pl.col("primary_broker_id").is_null()).height
    return GroupTables(
        keyed("employer_groups", rows, EmployerGroups),
        changed(("unknown_primary_broker", PERF_GROUPS, "broker", unknown)),
    )


def _lives(certificates: pl.DataFrame) -> pl.DataFrame:
    customers = _of_groups(certificates.select("group_key", "customer").unique())
    lives = customers.group_by("id").agg(lives=pl.col("customer").drop_nulls().n_unique().cast(pl.Int32))
    direct = pl.DataFrame({"id": [DIRECT_GROUP], "lives": [0]}, schema_overrides={"lives": pl.Int32})
    return pl.concat([lives, direct]).unique("id", keep="first", maintain_order=True)


def _of_groups(lines: pl.DataFrame) -> pl.DataFrame:
    """Give lines the id of their group, which is made once for each number."""
    ids = lines.select("group_key").unique().with_columns(id=group_id(pl.col("group_key")))
    return lines.join(ids, on="group_key", how="left", nulls_equal=True)


def _described(lines: pl.DataFrame, brokers: pl.DataFrame) -> pl.DataFrame:
    known = _of_groups(lines).filter(pl.col("id") != DIRECT_GROUP)
    first = first_of_each(known, ["id"], pl.col("name").is_null(), latest("effective_date"))
    exists = pl.col("broker").is_in(brokers["id"].implode())
    broker = pl.when(exists).then("broker").alias("primary_broker_id")
    return first.select("id", broker, perf_broker="broker", perf_name="name", perf_state="state", group_size="size")


def _billed(lines: pl.DataFrame) -> pl.DataFrame:
    names = lines.drop_nulls("group_name").group_by("group_key", "group_name", "state")
    last = _of_groups(names.agg(pl.col("posted_date").max())).filter(pl.col("id") != DIRECT_GROUP)
    return first_of_each(last, ["id"], latest("posted_date")).select(
        "id", billed_name="group_name", billed_state="state"
    )


def _issued(certificates: pl.DataFrame) -> pl.DataFrame:
    states = certificates.drop_nulls("state").group_by("group_key", "state")
    last = _of_groups(states.agg(pl.col("effective_date").max())).filter(pl.col("id") != DIRECT_GROUP)
    return first_of_each(last, ["id"], latest("effective_date")).select("id", issued_state="state")


def _names() -> tuple[pl.Expr, pl.Expr]:
    """Say how a group is called, and where this was found."""
    is_direct = pl.col("id") == DIRECT_GROUP
    name = pl.coalesce("perf_name", "billed_name", "Group " + pl.col("group_number"))
    source = (
        pl.when(is_direct)
        .then(pl.lit("rule"))
        .when(pl.col("perf_name").is_not_null())
        .then(pl.lit("perf_groups"))
        .when(pl.col("billed_name").is_not_null())
        .then(pl.lit("premiums"))
        .otherwise(pl.lit("generic"))
    )
    direct = pl.when(is_direct).then(pl.lit("Direct to Consumer")).otherwise(name)
    return direct.alias("group_name"), source.alias("name_source")


def _state() -> pl.Expr:
    return pl.coalesce("perf_state", "billed_state", "issued_state")
