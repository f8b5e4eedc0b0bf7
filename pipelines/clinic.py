"""A clinic's practice database: MySQL tables, found by discovery, replicated as they are."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 (pydantic reads the annotation when the class is made)
from typing import ClassVar

from pipelines.replication.replication import Replication

__all__ = ["Clinic"]


class Clinic(Replication):
    """Replicates the tables that ``firn discover clinic`` found; see ``pipelines/replication``."""

    business_dates: ClassVar[Mapping[str, str]] = {
        "adjustment": "AdjDate",
        "claim": "DateService",
        "claimproc": "DateCP",
        "payment": "PayDate",
        "paysplit": "DatePay",
        "procedurelog": "DateComplete",
    }
