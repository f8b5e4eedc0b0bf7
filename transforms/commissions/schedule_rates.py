"""The rates of schedules: by product, state and group size, and by year where years differ."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ScheduleRateTiers", "ScheduleRates", "SpecialScheduleRates"]


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
