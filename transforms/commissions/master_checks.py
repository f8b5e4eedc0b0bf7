"""What must hold before anything is published: every line is in its table, or was set aside for a reason.

The lines are counted and summed again here, with none of the code that chose among them.
"""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.broker_eo_insurances import BrokerEoInsurances
from transforms.commissions.broker_licenses import BrokerLicenses
from transforms.commissions.brokers import Brokers
from transforms.commissions.fees import FeeScheduleItems
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.identifiers import DIRECT_GROUP, group_id
from transforms.commissions.lines import (
    CertificateLines,
    EoLines,
    FeeLines,
    IndividualLines,
    LicenseLines,
    OrganizationLines,
    PremiumLines,
    ScheduleLines,
)
from transforms.commissions.premium_transactions import PremiumTransactions, TransactionSource
from transforms.commissions.schedule_rates import ScheduleRates
from transforms.commissions.set_aside import SetAside

__all__ = [
    "Unbalanced",
    "brokers_accounted",
    "eo_accounted",
    "fees_accounted",
    "groups_accounted",
    "licenses_accounted",
    "premiums_accounted",
    "rates_accounted",
]


class Unbalanced(dy.Schema):
    """A figure that does not close; a check returns none."""

    figure = dy.String(nullable=False)
    expected = dy.Decimal(38, 2, nullable=False)
    found = dy.Decimal(38, 2, nullable=False)


def brokers_accounted(  # noqa: PLR0917 (the tables that it reads)
    individual_lines: dy.DataFrame[IndividualLines],
    organization_lines: dy.DataFrame[OrganizationLines],
    legacy_individual_lines: dy.DataFrame[IndividualLines],
    legacy_organization_lines: dy.DataFrame[OrganizationLines],
    brokers: dy.DataFrame[Brokers],
    brokers_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[Unbalanced]:
    """Check that each line of the rosters is a broker or was set aside, and that no broker comes from nowhere."""
    rosters = (individual_lines, organization_lines, legacy_individual_lines, legacy_organization_lines)
    listed = pl.concat(lines.select("broker") for lines in rosters)
    published = brokers.filter(~pl.col("is_placeholder"))
    strangers = published.join(listed, left_on="id", right_on="broker", how="anti")
    return unbalanced(
        ("lines of rosters", listed.height, published.height + brokers_set_aside.height),
        ("brokers of no roster", 0, strangers.height),
    )


def licenses_accounted(
    license_lines: dy.DataFrame[LicenseLines],
    broker_licenses: dy.DataFrame[BrokerLicenses],
    licenses_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[Unbalanced]:
    """Check that each licence is published or was set aside."""
    return unbalanced(("licences", license_lines.height, broker_licenses.height + licenses_set_aside.height))


def eo_accounted(
    eo_lines: dy.DataFrame[EoLines],
    broker_eo_insurances: dy.DataFrame[BrokerEoInsurances],
    eo_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[Unbalanced]:
    """Check that each insurance is published or was set aside, and that each insured broker has one latest."""
    return unbalanced(
        ("insurances", eo_lines.height, broker_eo_insurances.height + eo_set_aside.height),
        ("latest insurances", eo_lines["broker"].n_unique(), int(broker_eo_insurances["is_latest"].sum())),
    )


def groups_accounted(
    certificate_lines: dy.DataFrame[CertificateLines], employer_groups: dy.DataFrame[EmployerGroups]
) -> dy.DataFrame[Unbalanced]:
    """Check that every certificate has its group, and that every group but ``G00000`` has a certificate."""
    ids = certificate_lines.select("group_key").unique().select(id=group_id(pl.col("group_key"))).unique()
    others = employer_groups.filter(pl.col("id") != DIRECT_GROUP)
    return unbalanced(
        ("groups of certificates that are missing", 0, ids.join(employer_groups, on="id", how="anti").height),
        ("groups without certificates", 0, others.join(ids, on="id", how="anti").height),
    )


def rates_accounted(
    published_schedule_lines: dy.DataFrame[ScheduleLines],
    schedule_rates: dy.DataFrame[ScheduleRates],
    rates_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[Unbalanced]:
    """Check that each line of a published schedule is a rate or was set aside."""
    found = schedule_rates.height + rates_set_aside.height
    return unbalanced(("lines of schedules", published_schedule_lines.height, found))


def fees_accounted(
    fee_lines: dy.DataFrame[FeeLines],
    fee_schedule_items: dy.DataFrame[FeeScheduleItems],
    fees_set_aside: dy.DataFrame[SetAside],
) -> dy.DataFrame[Unbalanced]:
    """Check that each fee is in a fee schedule or was set aside."""
    found = fee_schedule_items["fee_id"].n_unique() + fees_set_aside.height
    return unbalanced(("fees", fee_lines.height, found))


def premiums_accounted(
    premium_lines: dy.DataFrame[PremiumLines], premium_transactions: dy.DataFrame[PremiumTransactions]
) -> dy.DataFrame[Unbalanced]:
    """Check that each posting is a transaction, and that their sums are equal to the cent."""
    posted = premium_transactions.filter(pl.col("source") == TransactionSource.PREMIUM.value)
    cents = pl.Decimal(38, 2)
    return unbalanced(
        ("postings", premium_lines.height, posted.height),
        ("sum of postings", premium_lines["amount"].cast(cents).sum(), posted["premium_amount"].cast(cents).sum()),
    )


def unbalanced(*figures: tuple[str, object, object]) -> dy.DataFrame[Unbalanced]:
    """Keep the figures whose two sides differ."""
    rows = [(name, str(expected), str(found)) for name, expected, found in figures if expected != found]
    text = {"figure": pl.String, "expected": pl.String, "found": pl.String}
    return Unbalanced.cast(pl.DataFrame(rows, schema=text, orient="row"))
