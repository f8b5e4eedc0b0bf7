"""The chains of brokers: one per split of a proposal, and one per split of a certificate that stands under none."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["Hierarchies", "HierarchyParticipants", "HierarchyVersions"]


class Hierarchies(dy.Schema):
    """A chain of brokers; of a proposal's split, or private to a split of one certificate.

    Exactly one of ``proposal_id`` and ``certificate`` is there. ``split`` is the place of the split in the proposal's
    configuration, or the sequence number that it has on the certificate.
    """

    id = dy.String(primary_key=True)
    name = dy.String(nullable=False)
    type = dy.Int16(nullable=False)
    status = dy.Int16(nullable=False)
    proposal_id = dy.String(nullable=True)
    certificate = dy.Int64(nullable=True)
    split = dy.Int32(nullable=False)
    group_id = dy.String(nullable=False)
    group_name = dy.String(nullable=True)
    broker_id = dy.Int64(nullable=True)
    broker_name = dy.String(nullable=True)
    situs_state = dy.String(nullable=True)
    effective_date = dy.Date(nullable=False)
    current_version_id = dy.String(nullable=False)
    current_version_number = dy.Int32(nullable=False)


class HierarchyVersions(dy.Schema):
    """The one version of a hierarchy."""

    id = dy.String(primary_key=True)
    hierarchy_id = dy.String(nullable=False)
    version = dy.Int32(nullable=False)
    status = dy.Int16(nullable=False)
    effective_from = dy.Date(nullable=False)
    effective_to = dy.Date(nullable=True)


class HierarchyParticipants(dy.Schema):
    """A broker of a hierarchy, from level 1, who writes, upward, and the schedule that pays that level.

    ``broker_id`` is null where the extract names no broker, in private hierarchies only. ``schedule_id`` is null
    where there is no such schedule. ``sort_order`` is the level's; where the rows of a certificate name several brokers
    for one level, it numbers them all.
    """

    id = dy.String(primary_key=True)
    hierarchy_version_id = dy.String(nullable=False)
    level = dy.Int32(nullable=False)
    sort_order = dy.Int32(nullable=False, min=1)
    broker_id = dy.Int64(nullable=True)
    broker_name = dy.String(nullable=True)
    split_percent = dy.Decimal(18, 4, nullable=True)
    schedule_code = dy.String(nullable=True)
    schedule_id = dy.Int64(nullable=True)
