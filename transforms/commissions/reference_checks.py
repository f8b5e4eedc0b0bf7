"""What must hold before anything is published: what the master tables refer to is published with them."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy
import polars as pl

from transforms.commissions.broker_eo_insurances import BrokerEoInsurances
from transforms.commissions.broker_licenses import BrokerAppointments, BrokerLicenses
from transforms.commissions.brokers import Brokers
from transforms.commissions.commission_assignments import CommissionAssignmentRecipients, CommissionAssignmentVersions
from transforms.commissions.fees import FeeScheduleItems, FeeSchedules, FeeScheduleVersions
from transforms.commissions.groups import EmployerGroups
from transforms.commissions.hierarchies import HierarchyParticipants
from transforms.commissions.hierarchy_participant_product_rates import HierarchyParticipantProductRates
from transforms.commissions.products import Plans, ProductCodes, Products
from transforms.commissions.proposal_keys import Proposals
from transforms.commissions.schedule_rates import ScheduleRates, ScheduleRateTiers, SpecialScheduleRates
from transforms.commissions.schedules import Schedules, ScheduleVersions
from transforms.commissions.state_rules import SplitDistributions

__all__ = ["Unmet", "brokers_referred_to", "products_referred_to", "proposals_charged", "rates_paid", "schedules_whole"]


class Unmet(dy.Schema):
    """A column whose values are not all keys of the table that it refers to; a check returns none."""

    column = dy.String(nullable=False)
    rows = dy.Int64(nullable=False, min=1)
    first = dy.String(nullable=False)


def brokers_referred_to(  # noqa: PLR0917 (the tables that it reads)
    brokers: dy.DataFrame[Brokers],
    broker_licenses: dy.DataFrame[BrokerLicenses],
    broker_appointments: dy.DataFrame[BrokerAppointments],
    broker_eo_insurances: dy.DataFrame[BrokerEoInsurances],
    employer_groups: dy.DataFrame[EmployerGroups],
    fee_schedule_items: dy.DataFrame[FeeScheduleItems],
    commission_assignment_versions: dy.DataFrame[CommissionAssignmentVersions],
    commission_assignment_recipients: dy.DataFrame[CommissionAssignmentRecipients],
) -> dy.DataFrame[Unmet]:
    """Check that every broker of the master tables is published."""
    return unmet(
        brokers["id"],
        broker_licenses=broker_licenses["broker_id"],
        broker_appointments=broker_appointments["broker_id"],
        broker_eo_insurances=broker_eo_insurances["broker_id"],
        employer_groups=employer_groups["primary_broker_id"],
        fee_schedule_items=fee_schedule_items["recipient_broker_id"],
        commission_assignment_versions=commission_assignment_versions["broker_id"],
        commission_assignment_recipients=commission_assignment_recipients["recipient_broker_id"],
    )


def products_referred_to(
    products: dy.DataFrame[Products],
    product_codes: dy.DataFrame[ProductCodes],
    plans: dy.DataFrame[Plans],
    schedule_rates: dy.DataFrame[ScheduleRates],
) -> dy.DataFrame[Unmet]:
    """Check that every product of a code, a plan and a rate is published."""
    return unmet(
        products["id"],
        product_codes=product_codes["code"],
        plans=plans["product_code"],
        schedule_rates=schedule_rates["product_code"],
    )


def schedules_whole(
    schedules: dy.DataFrame[Schedules],
    schedule_versions: dy.DataFrame[ScheduleVersions],
    schedule_rates: dy.DataFrame[ScheduleRates],
    special_schedule_rates: dy.DataFrame[SpecialScheduleRates],
    schedule_rate_tiers: dy.DataFrame[ScheduleRateTiers],
) -> dy.DataFrame[Unmet]:
    """Check that schedules and their versions have one another, and that rates, years and tiers have theirs."""
    rates = schedule_rates["id"]
    found = (
        unmet(schedule_versions["schedule_id"], schedules=schedules["id"]),
        unmet(schedules["id"], schedule_versions=schedule_versions["schedule_id"]),
        unmet(schedule_versions["id"], schedule_rates=schedule_rates["schedule_version_id"]),
        unmet(rates, special_schedule_rates=special_schedule_rates["schedule_rate_id"]),
        unmet(rates, schedule_rate_tiers=schedule_rate_tiers["schedule_rate_id"]),
    )
    return Unmet.cast(pl.concat(found))


def proposals_charged(
    proposals: dy.DataFrame[Proposals],
    fee_schedules: dy.DataFrame[FeeSchedules],
    fee_schedule_versions: dy.DataFrame[FeeScheduleVersions],
    fee_schedule_items: dy.DataFrame[FeeScheduleItems],
) -> dy.DataFrame[Unmet]:
    """Check that fee schedules have their proposal and a version, and that each version has items."""
    versions, items = fee_schedule_versions, fee_schedule_items["fee_schedule_version_id"]
    found = (
        unmet(proposals["id"], fee_schedules=fee_schedules["proposal_id"]),
        unmet(versions["fee_schedule_id"], fee_schedules=fee_schedules["id"]),
        unmet(fee_schedules["id"], fee_schedule_versions=versions["fee_schedule_id"]),
        unmet(items, fee_schedule_versions=versions["id"]),
        unmet(versions["id"], fee_schedule_items=items),
    )
    return Unmet.cast(pl.concat(found))


def rates_paid(
    split_distributions: dy.DataFrame[SplitDistributions],
    hierarchy_participants: dy.DataFrame[HierarchyParticipants],
    schedule_rates: dy.DataFrame[ScheduleRates],
    hierarchy_participant_product_rates: dy.DataFrame[HierarchyParticipantProductRates],
) -> dy.DataFrame[Unmet]:
    """Check that the rates of participants have their distribution, participant and schedule rate."""
    rates = hierarchy_participant_product_rates
    found = (
        unmet(split_distributions["id"], hierarchy_participant_product_rates=rates["id"]),
        unmet(hierarchy_participants["id"], hierarchy_participant_product_rates=rates["hierarchy_participant_id"]),
        unmet(schedule_rates["id"], hierarchy_participant_product_rates=rates["schedule_rate_id"]),
    )
    return Unmet.cast(pl.concat(found))


def unmet(keys: pl.Series, **referring: pl.Series) -> dy.DataFrame[Unmet]:
    """Find the columns that refer to what is not among some keys; null refers to nothing."""
    known = keys.implode()
    lost = {f"{table}.{column.name}": column.filter(~column.is_in(known)).sort() for table, column in referring.items()}
    rows = [(name, len(values), str(values[0])) for name, values in lost.items() if len(values)]
    schema = {"column": pl.String, "rows": pl.Int64, "first": pl.String}
    return Unmet.cast(pl.DataFrame(rows, schema=schema, orient="row"))
