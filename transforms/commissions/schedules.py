"""Commission schedules, their versions and their rates."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ScheduleRateTiers", "ScheduleRates", "ScheduleVersions", "Schedules", "SpecialScheduleRates"]


class Schedules(dy.Schema):
    """A schedule; ``id`` is the surrogate of its code, which is ``external_id``.

    ``product_codes`` is sorted and separated by commas. An end that is not stated is null.
    """

    id = dy.Int64(primary_key=True)
    external_id = dy.String(nullable=False)
    name = dy.String(nullable=False)
    description = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)
    product_codes = dy.String(nullable=False)
    product_count = dy.Int32(nullable=False)
    current_version_id = dy.Int64(nullable=False)
    current_version_number = dy.String(nullable=False)


class ScheduleVersions(dy.Schema):
    """The one version of a schedule; its ``id`` is that of the schedule, and ``status`` 1 is active."""

    id = dy.Int64(primary_key=True)
    schedule_id = dy.Int64(nullable=False)
    version_number = dy.String(nullable=False)
    status = dy.Int32(nullable=False)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)


class ScheduleRates(dy.Schema):
    """What a version pays for a product in a state and a range of group sizes, in percent of the premium.

    ``id`` is the surrogate of schedule, product, state, size from and size to. States are never merged.
    """

    id = dy.Int64(primary_key=True)
    schedule_version_id = dy.Int64(nullable=False)
    schedule = dy.String(nullable=False)
    product_code = dy.String(nullable=False)
    state = dy.String(nullable=True)
    group_size_from = dy.Int32(nullable=True)
    group_size_to = dy.Int32(nullable=True)
    group_size = dy.String(nullable=True)
    category = dy.String(nullable=True)
    rate_value = dy.Decimal(18, 6, nullable=False)
    first_year_rate = dy.Decimal(18, 6, nullable=False)
    renewal_rate = dy.Decimal(18, 6, nullable=False)
    level = dy.Decimal(18, 6, nullable=True)
    off_group_letter_description = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)


class SpecialScheduleRates(dy.Schema):
    """What a rate is in a policy year, where its years differ.

    ``year`` names the column: 1 to 15 are that year alone, 16 is 16 to 65, 66 is 66 to 98, and 99 is 99 and later.
    ``year_to`` is the first year that it no longer holds, null after 99.
    """

    schedule_rate_id = dy.Int64(primary_key=True)
    year = dy.Int32(primary_key=True)
    year_to = dy.Int32(nullable=True)
    rate = dy.Decimal(18, 6, nullable=False)


class ScheduleRateTiers(dy.Schema):
    """The range of group sizes that a rate is for; ``tier`` numbers the ranges of a product and state from 1."""

    id = dy.Int64(primary_key=True)
    schedule_rate_id = dy.Int64(nullable=False)
    tier = dy.Int32(nullable=False)
    group_size_from = dy.Int32(nullable=True)
    group_size_to = dy.Int32(nullable=True)
    first_year_rate = dy.Decimal(18, 6, nullable=False)
    renewal_rate = dy.Decimal(18, 6, nullable=False)
