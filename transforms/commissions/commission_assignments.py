"""Brokers whose commissions are paid to another."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["CommissionAssignmentRecipients", "CommissionAssignmentVersions"]


class CommissionAssignmentVersions(dy.Schema):
    """That a broker has assigned all commissions; ``id`` is ``CA-<broker>-<recipient>``, ``status`` 1 is active.

    ``type`` 1 is an assignment of the broker as a whole, whatever the proposal.
    """

    id = dy.String(primary_key=True)
    broker_id = dy.Int64(nullable=False)
    broker_name = dy.String(nullable=False)
    version_number = dy.String(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)
    status = dy.Int32(nullable=False)
    type = dy.Int32(nullable=False)
    total_assigned_percent = dy.Decimal(18, 4, nullable=False)


class CommissionAssignmentRecipients(dy.Schema):
    """Who is paid under an assignment; ``id`` is ``<assignment>-R1``, and ``recipient_type`` 1 is a broker."""

    id = dy.String(primary_key=True)
    assignment_version_id = dy.String(nullable=False)
    recipient_broker_id = dy.Int64(nullable=False)
    recipient_broker_name = dy.String(nullable=False)
    percent = dy.Decimal(18, 4, nullable=False)
    recipient_type = dy.Int32(nullable=False)
