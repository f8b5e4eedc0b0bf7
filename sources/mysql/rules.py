"""Values that MySQL holds and PostgreSQL does not: what is done with each kind of them, for all columns or for one."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 (pydantic reads the annotation when the class is made)
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

Policy: TypeAlias = Literal["keep", "null", "clamp", "quarantine", "fail"]
Remedy: TypeAlias = Literal["null", "clamp", "quarantine", "fail"]
EMPTYING: tuple[Policy, ...] = ("null", "quarantine")
"""The policies that leave null where a value was."""


class Rules(BaseModel):
    """What is done with each kind of value; every application is counted by column.

    ``null`` leaves null, ``clamp`` the nearest value that there is, ``quarantine`` leaves null and lists the value with
    its row's key, ``fail`` reads nothing of the table, ``keep`` only counts.

    Attributes:
        tinyint1: What ``tinyint(1)`` is: a number, or a truth. The declaration decides, never the values of the day.
        zero_date: Days that no calendar has: ``0000-00-00``, ``2024-00-10``, ``2024-02-30``, any of the year 0. The
            nearest day is that of the same month and year where there is one.
        sentinel: The days of ``sentinels``, which mean that there is none.
        sentinels: Days, without a time.
        not_boolean: Values of a column that is a truth other than 0 and 1. The nearest is true.
        nul: Texts with a NUL character, which PostgreSQL's texts cannot hold. The nearest is the text without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tinyint1: Literal["smallint", "boolean"] = "smallint"
    zero_date: Remedy = "null"
    sentinel: Literal["keep", "null", "quarantine", "fail"] = "keep"
    sentinels: tuple[dt.date, ...] = ()
    not_boolean: Remedy = "fail"
    nul: Remedy = "clamp"

    def policy(self, rule: str) -> Policy:
        """Return the policy of a rule by name."""
        found: Policy = getattr(self, rule)
        return found

    def overridden_by(self, others: Rules | None) -> Rules:
        """Return these rules with those that others state."""
        return self.model_copy(update=others.model_dump(exclude_unset=True)) if others else self
