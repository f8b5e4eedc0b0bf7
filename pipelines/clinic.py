"""A clinic's practice database: MySQL tables, found by discovery, replicated as they are."""

from __future__ import annotations

from pipelines.replication.replication import Replication

__all__ = ["Clinic"]


class Clinic(Replication):
    """Replicates the tables that ``firn discover clinic`` found; see ``pipelines/replication``."""
