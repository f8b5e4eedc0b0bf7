"""Fees that groups pay, as one fee schedule of each of their proposals."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["FeeScheduleItems", "FeeScheduleVersions", "FeeSchedules"]


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
    amount = dy.Decimal(18, 4, nullable=True)
    percent = dy.Decimal(18, 4, nullable=True)
    effective_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)
    recipient_broker_id = dy.Int64(nullable=True)
