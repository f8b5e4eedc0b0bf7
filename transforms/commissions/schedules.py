"""Commission schedules and their versions."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ScheduleVersions", "Schedules"]


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
