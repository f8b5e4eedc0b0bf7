"""Brokers: those of the rosters, and those that others refer to."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.changes import Changed, changed
from transforms.commissions.choices import choose, latest, set_aside
from transforms.commissions.columns import INDIVIDUALS, LEGACY_INDIVIDUALS, LEGACY_ORGANIZATIONS, ORGANIZATIONS, Records
from transforms.commissions.keys import keyed
from transforms.commissions.lines import EoLines, IndividualLines, LicenseLines, OrganizationLines
from transforms.commissions.references import ActiveBrokers
from transforms.commissions.set_aside import SetAside

__all__ = [
    "AccountType",
    "BrokerBankingInfos",
    "BrokerStatus",
    "BrokerTables",
    "BrokerType",
    "Brokers",
    "PaymentPreference",
    "brokers",
]


class BrokerType(IntEnum):
    """The roster that a broker stands in."""

    INDIVIDUAL = 0
    ORGANIZATION = 1


class BrokerStatus(IntEnum):
    """What a roster says of a broker."""

    ACTIVE = 0
    PENDING_REVIEW = 1
    PENDING_ONBOARDING = 2
    INACTIVE = 3
    COMPLIANCE_ISSUES = 4
    SUSPENDED = 5
    TERMINATED = 6
    TERMINATED_RESIDUALS = 7


class PaymentPreference(IntEnum):
    """How a broker is paid."""

    ACH = 1


class AccountType(IntEnum):
    """What kind of bank account it is: checking where the roster's word begins with C."""

    CHECKING = 0
    SAVINGS = 1


class Brokers(dy.Schema):
    """A broker of a roster, or a placeholder for one that others refer to.

    ``type`` is a `BrokerType` and ``status`` a `BrokerStatus`, null where the roster says none of them; both are null
    for a placeholder, of which nothing is known but its number. ``external_party_id`` is what the roster has, and ``P``
    and the number of a placeholder.
    """

    id = dy.Int64(primary_key=True)
    external_party_id = dy.String(nullable=False)
    name = dy.String(nullable=False)
    first_name = dy.String(nullable=True)
    last_name = dy.String(nullable=True)
    type = dy.Int16(nullable=True, metadata={"numbers": BrokerType})
    status = dy.Int16(nullable=True, metadata={"numbers": BrokerStatus})
    email = dy.String(nullable=True)
    hire_date = dy.Date(nullable=True)
    broker_classification = dy.String(nullable=True)
    is_placeholder = dy.Bool(nullable=False)


class BrokerBankingInfos(dy.Schema):
    """The bank account of a broker; no row is here unless the setting ``banking`` asks for bank accounts.

    ``payment_preference`` is a `PaymentPreference`, ``account_type`` an `AccountType`.
    """

    broker_id = dy.Int64(primary_key=True)
    payment_preference = dy.Int16(nullable=False, metadata={"numbers": PaymentPreference})
    routing_number = dy.String(nullable=False)
    account_number = dy.String(nullable=False)
    account_type = dy.Int16(nullable=False, metadata={"numbers": AccountType})


class BrokerTables(NamedTuple):
    """The tables that ``brokers`` makes.

    Attributes:
        brokers: One row per broker.
        broker_banking_infos: The bank accounts that the rosters state as a whole.
        brokers_set_aside: The lines of the rosters for which another stands.
        brokers_changed: How many statuses are none.
    """

    brokers: dy.DataFrame[Brokers]
    broker_banking_infos: dy.DataFrame[BrokerBankingInfos]
    brokers_set_aside: dy.DataFrame[SetAside]
    brokers_changed: dy.DataFrame[Changed]


_ROSTERS: Final[tuple[Records[Any], ...]] = (INDIVIDUALS, ORGANIZATIONS, LEGACY_INDIVIDUALS, LEGACY_ORGANIZATIONS)
"""From the roster that counts most: its place here is the number of a line's roster."""

_BANKING: Final = ("bank_routing", "bank_account", "bank_account_type")
_STATUSES: Final = {status.name.replace("_", ""): status.value for status in BrokerStatus}


def brokers(  # noqa: PLR0917 (the tables that it reads)
    individual_lines: dy.DataFrame[IndividualLines],
    organization_lines: dy.DataFrame[OrganizationLines],
    legacy_individual_lines: dy.DataFrame[IndividualLines],
    legacy_organization_lines: dy.DataFrame[OrganizationLines],
    active_brokers: dy.DataFrame[ActiveBrokers],
    license_lines: dy.DataFrame[LicenseLines],
    eo_lines: dy.DataFrame[EoLines],
    *,
    banking: bool = False,
) -> BrokerTables:
    """List every broker once.

    A broker of several rosters is as the first of these says: persons, organizations, persons of the older roster,
    organizations of the older roster. Of several lines in one roster the one hired last stands for all, then the first
    by status and content; it is taken whole. Whoever is in no roster but earns, writes, is paid, or has a licence or an
    insurance, is a placeholder. A status that is not a `BrokerStatus` is counted and null.

    A bank account is published where the line states all of it: nine digits, an account of at most 17 characters, and
    its type. One that is stated otherwise is counted.

    Args:
        individual_lines: The roster of persons.
        organization_lines: The roster of organizations.
        legacy_individual_lines: The older roster of persons.
        legacy_organization_lines: The older roster of organizations.
        active_brokers: Brokers that certificates and commissions name.
        license_lines: Licences.
        eo_lines: Liability insurances.
        banking: Whether bank accounts are published.

    Returns:
        The brokers, their bank accounts, the lines of the rosters that are not published, and how many values a rule
        changed.
    """
    rosters = (individual_lines, organization_lines, legacy_individual_lines, legacy_organization_lines)
    listed = pl.concat((_listed(lines, at) for at, lines in enumerate(rosters)), how="diagonal")
    chosen = choose(listed, ["id"], pl.col("roster"), latest("hire_date"), pl.col("status"))
    referred = pl.concat([lines.select(id="broker") for lines in (active_brokers, license_lines, eo_lines)])
    absent = referred.unique().join(chosen.kept, on="id", how="anti")
    rows = pl.concat([chosen.kept.with_columns(is_placeholder=False), _placeholders(absent)], how="diagonal")
    stating = chosen.kept.filter(pl.any_horizontal(pl.col(_BANKING).is_not_null()), pl.lit(banking))
    return BrokerTables(
        keyed("brokers", rows, Brokers),
        keyed("broker_banking_infos", _accounts(stating.filter(_is_account())), BrokerBankingInfos),
        _others(chosen.others),
        _changed(rosters, stating.filter(~_is_account())),
    )


def _listed(lines: pl.DataFrame, roster: int) -> pl.DataFrame:
    """Read a roster."""
    is_person = "last_name" in lines.columns
    type_ = BrokerType.INDIVIDUAL if is_person else BrokerType.ORGANIZATION
    person = {"first_name": "first_name", "last_name": "last_name", "broker_classification": "broker_type"}
    full = pl.concat_str("last_name", "first_name", separator=", ", ignore_nulls=True) if is_person else pl.col("name")
    return lines.select(
        "hire_date",
        "email",
        *_BANKING,
        "file",
        "line",
        _status(),
        _named(full),
        id="broker",
        external_party_id="party",
        type=pl.lit(type_.value, pl.Int16),
        roster=pl.lit(roster),
        **(person if is_person else {}),
    )


def _status() -> pl.Expr:
    letters = pl.col("status").str.to_uppercase().str.replace_all(r"\s", "")
    return letters.replace_strict(_STATUSES, default=None, return_dtype=pl.Int16)


def _is_account() -> pl.Expr:
    """Tell whether a line states a whole bank account."""
    routing, account = pl.col("bank_routing").str.contains("^[0-9]{9}$"), pl.col("bank_account").str.len_chars() <= 17  # noqa: PLR2004 (as banks have it)
    return (routing & account & pl.col("bank_account_type").is_not_null()).fill_null(value=False)


def _accounts(lines: pl.DataFrame) -> pl.DataFrame:
    is_checking = pl.col("bank_account_type").str.to_uppercase().str.starts_with("C")
    type_ = pl.when(is_checking).then(AccountType.CHECKING.value).otherwise(AccountType.SAVINGS.value)
    return lines.select(
        broker_id="id",
        payment_preference=pl.lit(PaymentPreference.ACH.value, pl.Int16),
        routing_number="bank_routing",
        account_number="bank_account",
        account_type=type_.cast(pl.Int16),
    )


def _changed(rosters: Sequence[pl.DataFrame], partly: pl.DataFrame) -> dy.DataFrame[Changed]:
    """Count the statuses that are none, and the accounts that are not whole."""
    unknown = pl.col("status").is_not_null() & _status().is_null()
    return changed(
        *(
            ("unknown_status", of, "status", lines.filter(unknown).height)
            for of, lines in zip(_ROSTERS, rosters, strict=True)
        ),
        *(
            ("partial_bank_account", of, "bank_account", partly.filter(roster=at).height)
            for at, of in enumerate(_ROSTERS)
        ),
    )


def _named(name: pl.Expr) -> pl.Expr:
    generic = "Broker " + pl.col("broker").cast(pl.String)
    return pl.when(name != "").then(name).otherwise(generic).alias("name")


def _placeholders(absent: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("id").cast(pl.String)
    return absent.with_columns(name="Broker " + number, external_party_id="P" + number, is_placeholder=True)


def _others(lines: pl.DataFrame) -> dy.DataFrame[SetAside]:
    """List the lines of the rosters for which another stands."""
    parts = ((of, lines.filter(roster=at)) for at, of in enumerate(_ROSTERS))
    return SetAside.cast(
        pl.concat(set_aside(of, part, "repeated_broker", "party", "external_party_id") for of, part in parts)
    )
