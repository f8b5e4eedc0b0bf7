"""Fees that groups pay, as one fee schedule of each of their proposals."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.brokers import Brokers
from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import choose, set_aside
from transforms.commissions.columns import FEES
from transforms.commissions.identifiers import group_id, surrogate
from transforms.commissions.keys import keyed, natural_key
from transforms.commissions.lines import FeeLines
from transforms.commissions.proposal_keys import Proposals
from transforms.commissions.set_aside import SetAside

__all__ = ["FeeScheduleItems", "FeeScheduleVersions", "FeeSchedules", "FeeTables", "fee_schedules"]


class FeeSchedules(dy.Schema):
    """The fees of a proposal; ``id`` is ``FS-<proposal>``."""

    id = dy.String(primary_key=True)
    proposal_id = dy.String(nullable=False)
    group_id = dy.String(nullable=False)


class FeeScheduleVersions(dy.Schema):
    """The one version of a fee schedule, in force while any of its items is: ``[effective_from, effective_to)``."""

    id = dy.String(primary_key=True)
    fee_schedule_id = dy.String(nullable=False)
    version_number = dy.String(nullable=False)
    effective_from = dy.Date(nullable=True)
    effective_to = dy.Date(nullable=True)


class FeeScheduleItems(dy.Schema):
    """A fee of a fee schedule; ``id`` is ``<fee>-P-<proposal>``.

    ``amount`` is dollars and null where the basis is a percentage, ``percent`` is null where it is not.
    ``frequency`` is ``monthly``, ``annual`` or ``one_time``; ``basis`` is ``certificates``, ``fixed`` or ``percent``.
    """

    id = dy.String(primary_key=True)
    fee_schedule_version_id = dy.String(nullable=False)
    fee_id = dy.String(nullable=False)
    code = dy.String(nullable=False)
    name = dy.String(nullable=True)
    product_category = dy.String(nullable=True)
    frequency = dy.String(nullable=False)
    basis = dy.String(nullable=False)
    amount = dy.Decimal(18, 6, nullable=True)
    percent = dy.Decimal(18, 4, nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)
    recipient_broker_id = dy.Int64(nullable=True)


class FeeTables(NamedTuple):
    """The tables that ``fee_schedules`` makes.

    Attributes:
        fee_schedules: One row per proposal of a group that has fees.
        fee_schedule_versions: One row per fee schedule.
        fee_schedule_items: One row per fee and proposal.
        fees_set_aside: The fees that are in no schedule.
        fees_changed: How many methods are none that is known, contradict the kind, or name an unknown recipient.
    """

    fee_schedules: dy.DataFrame[FeeSchedules]
    fee_schedule_versions: dy.DataFrame[FeeScheduleVersions]
    fee_schedule_items: dy.DataFrame[FeeScheduleItems]
    fees_set_aside: dy.DataFrame[SetAside]
    fees_changed: dy.DataFrame[Changed]


_METHODS: Final = pl.DataFrame(
    [
        ("fee per certificate $ per month", "CERT_FEE", "monthly", "certificates"),
        ("flat fee $ per month", "FLAT_FEE", "monthly", "fixed"),
        ("new annual production fee per month", "PROD_FEE", "monthly", "percent"),
        ("one time flat fee $", "ONETIME_FEE", "one_time", "fixed"),
        ("percent of collected premium per month", "PREM_FEE_M", "monthly", "percent"),
        ("percent of collected premium per year", "PREM_FEE_A", "annual", "percent"),
    ],
    schema=["method_key", "code", "fee_frequency", "basis"],
    orient="row",
)
_OTHER: Final = {"code": "OTHER_FEE", "fee_frequency": "monthly"}
_SHARE: Final = "PCT"
_VERSION: Final = "1.0"


def fee_schedules(
    fee_lines: dy.DataFrame[FeeLines], proposals: dy.DataFrame[Proposals], brokers: dy.DataFrame[Brokers]
) -> FeeTables:
    """Give each proposal the fees of its group.

    The code, frequency and basis of a fee follow from its calculation method; any other method is ``OTHER_FEE``,
    monthly, and a percentage where the kind of its amount is ``PCT``, else fixed. A percentage is the formatted amount
    times 100, exactly; an amount is the formatted amount, else the amount. The recipient is left out where no table has
    that broker.

    A line that equals another in all but its place is the same fee, and one whose group has no proposal is in no
    schedule; both are set aside. The dates of a fee are those of its line, the last day included; those of a version
    span its fees, until the day before ``effective_to``, and are open while one of them is.

    Args:
        fee_lines: The fees of groups.
        proposals: All proposals.
        brokers: All brokers.

    Returns:
        One fee schedule per proposal of a group that has fees, its version and items, the lines in none, and how many
        values a rule changed.
    """
    content = [name for name in fee_lines.columns if name not in {"file", "line"}]
    chosen = choose(fee_lines, content)
    fees = _fees(chosen.kept, content, brokers)
    items = fees.join(proposals.select("group_id", proposal_id="id"), on="group_id").with_columns(*_item_keys())
    lone = fees.join(proposals, on="group_id", how="anti")
    return FeeTables(
        keyed("fee_schedules", _schedules(items), FeeSchedules),
        keyed("fee_schedule_versions", _versions(items), FeeScheduleVersions),
        keyed("fee_schedule_items", items, FeeScheduleItems),
        _set_aside(chosen.others, lone),
        _changed(fees),
    )


def _fees(lines: pl.DataFrame, content: list[str], brokers: pl.DataFrame) -> pl.DataFrame:
    method = pl.col("formatted_method").str.to_lowercase().str.replace_all(r"\s+", " ").alias("method_key")
    exists = pl.col("broker").is_in(brokers["id"].implode())
    coded = lines.with_columns(method).join(_METHODS, on="method_key", how="left")
    basis = pl.when(_is_share()).then(pl.lit("percent")).otherwise(pl.lit("fixed"))
    return coded.with_columns(
        *(pl.col(name).fill_null(other) for name, other in _OTHER.items()),
        pl.col("basis").fill_null(basis),
        content=surrogate(natural_key(*content)),
        group_id=group_id(pl.col("group_key")),
        product_category="category",
        effective_date="start_date",
        recipient_broker_id=pl.when(exists).then("broker"),
    ).with_columns(*_amounts(), fee_id=_fee_id(), name="formatted_method", frequency="fee_frequency")


def _amounts() -> tuple[pl.Expr, pl.Expr]:
    is_share = pl.col("basis") == "percent"
    percent = (pl.col("formatted_amount") * 100).cast(pl.Decimal(18, 4))
    amount = pl.coalesce("formatted_amount", pl.col("amount").cast(pl.Decimal(18, 6)))
    return pl.when(~is_share).then(amount).alias("amount"), pl.when(is_share).then(percent).alias("percent")


def _is_share() -> pl.Expr:
    """Tell whether the kind of an amount is a percentage; null where no kind is stated."""
    return pl.col("kind").str.to_uppercase() == _SHARE


def _changed(fees: pl.DataFrame) -> dy.DataFrame[Changed]:
    """Count the fees whose method, kind or recipient is not taken over as it is."""
    is_other = pl.col("code") == _OTHER["code"]
    rules = (
        ("other_fee_method", "formatted_method", is_other),
        ("contradicting_fee_kind", "kind", ~is_other & (_is_share() != (pl.col("basis") == "percent"))),
        ("unknown_recipient", "broker", pl.col("broker").is_not_null() & pl.col("recipient_broker_id").is_null()),
    )
    return changed(*((rule, FEES, name, fees.filter(where).height) for rule, name, where in rules))


def _fee_id() -> pl.Expr:
    broker = pl.col("broker").cast(pl.String).fill_null("")
    date = pl.col("start_date").dt.strftime("%Y%m%d").fill_null("")
    return pl.format("FEE-{}-{}-{}-{}-{}", "group_id", broker, "code", date, "content")


def _item_keys() -> tuple[pl.Expr, ...]:
    proposal = pl.col("proposal_id")
    return (
        pl.format("{}-P-{}", "fee_id", proposal).alias("id"),
        pl.format("FS-{}", proposal).alias("fee_schedule_id"),
        pl.format("FSV-{}-{}", proposal, pl.lit(_VERSION)).alias("fee_schedule_version_id"),
    )


def _schedules(items: pl.DataFrame) -> pl.DataFrame:
    return items.select("proposal_id", "group_id", id="fee_schedule_id").unique()


def _versions(items: pl.DataFrame) -> pl.DataFrame:
    first, last = pl.col("effective_date"), pl.col("end_date")
    return items.group_by("fee_schedule_id", id="fee_schedule_version_id").agg(
        version_number=pl.lit(_VERSION),
        effective_from=pl.when(first.is_not_null().all()).then(first.min()),
        effective_to=pl.when(last.is_not_null().all()).then(last.max().dt.offset_by("1d")),
    )


def _set_aside(repeated: pl.DataFrame, lone: pl.DataFrame) -> dy.DataFrame[SetAside]:
    entries = [
        set_aside(FEES, repeated, "repeated_fee"),
        set_aside(FEES, lone, "group_without_proposal", "group_key"),
    ]
    return SetAside.cast(pl.concat(entries))
