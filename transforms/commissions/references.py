"""What the extracts refer to: brokers, groups, certificates and schedules."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["ActiveBrokers", "ActiveCertificates", "ActiveGroups", "ActiveSchedules"]


class ActiveBrokers(dy.Schema):
    """A broker that an active certificate or a commission names, and the first place that does.

    ``source`` is ``certificate_writing``, ``certificate_split``, ``certificate_paid``, ``commission_split`` or
    ``commission_paid``, in this order.
    """

    broker = dy.Int64(primary_key=True)
    source = dy.String(nullable=False)


class ActiveGroups(dy.Schema):
    """A group that has premiums, else one whose certificates have commissions; ``source`` says which of these."""

    group_key = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    source = dy.String(nullable=False)


class ActiveCertificates(dy.Schema):
    """A certificate that has premiums, else one that has commissions; ``source`` says which of these."""

    certificate = dy.Int64(primary_key=True)
    group_key = dy.String(nullable=True)
    source = dy.String(nullable=False)


class ActiveSchedules(dy.Schema):
    """A schedule that an active certificate names.

    ``source`` is ``commission_detail`` where the broker of the line was paid for the certificate, otherwise
    ``certificate_info``.
    """

    schedule = dy.String(primary_key=True)
    source = dy.String(nullable=False)
