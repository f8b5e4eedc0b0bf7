"""What people decide otherwise than discovery: per tier and per table, in firn.toml, which no discovery touches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from firn import ConfigError
from pipelines.engine.suggestions import likely
from pipelines.replication.catalogue import Strategy, Tier, moved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelines.replication.catalogue import Catalogue, Entry

__all__ = ["POLICIES", "Effective", "Override", "Policy", "TierPolicy", "effective", "gone", "is_whole"]

_WHOLE = re.compile(r"(tiny|small|medium|big)?int\b")


class TierPolicy(BaseModel):
    """What is done with the tables of a tier; what is not stated is as in ``POLICIES``.

    Attributes:
        on_failure: A table that fails: ``fail`` publishes nothing, ``keep`` the others, and its rows stay as they are.
        on_overrun: One that takes longer than ``max_minutes``: ``warn`` and go on, ``cancel`` it, or ``fail`` the run.
        on_drift: Its columns changed at the source: ``evolve`` follows where nothing is lost, ``freeze`` reads the
            columns known, ``fail`` refuses.
        owner: Who writes its target; firn writes nothing that ``legacy`` owns.
        quality_threshold: In place of the catalogue's.
        max_minutes: In place of the catalogue's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_failure: Literal["fail", "keep"] | None = None
    on_overrun: Literal["warn", "cancel", "fail"] | None = None
    on_drift: Literal["evolve", "freeze", "fail"] | None = None
    owner: Literal["legacy", "firn"] | None = None
    quality_threshold: float | None = Field(default=None, ge=0, le=1)
    max_minutes: PositiveInt | PositiveFloat | None = None


class Override(TierPolicy):
    """What is decided for one table; what is not stated is as its tier and the catalogue say.

    Attributes:
        tier: How much depends on it.
        strategy: How it is read.
        incremental_column: From which the next read goes on.
        batch_rows: How many of its rows one connection reads at a time.
        priority: Lower numbers are read first.
        alert: Whether somebody wants to know when it fails.
        money: The columns that are summed on both sides.
        business_date: The day to which a row belongs, such as when something was done or paid.
        lookback_days: So many days before today, by the business date, are read again each time.
        archive_after_days: Rows older than this, by the business date, are moved to the archive.
    """

    tier: Tier | None = None
    strategy: Strategy | None = None
    incremental_column: str | None = None
    batch_rows: PositiveInt | None = None
    priority: PositiveInt | None = None
    alert: bool | None = None
    money: tuple[str, ...] | None = None
    business_date: str | None = None
    lookback_days: PositiveInt | None = None
    archive_after_days: PositiveInt | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done with a table, everything decided; see ``TierPolicy``."""

    on_failure: Literal["fail", "keep"]
    on_overrun: Literal["warn", "cancel", "fail"]
    on_drift: Literal["evolve", "freeze", "fail"] = "evolve"
    owner: Literal["legacy", "firn"] = "firn"


POLICIES: Mapping[Tier, Policy] = MappingProxyType(
    {
        "critical": Policy("fail", "warn"),
        "important": Policy("keep", "warn"),
        "audit": Policy("keep", "cancel"),
        "reference": Policy("keep", "cancel"),
        "standard": Policy("keep", "cancel"),
    }
)
"""A critical table is waited for, and nothing is published without it; a late or failed other one is left as it was."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A table as a run takes it: what discovery found, and what people decided otherwise.

    Attributes:
        entry: The catalogue's, with what was decided in its place; the reasons then name firn.toml.
        policy: What is done when something goes wrong.
        business_date: The day to which a row belongs.
        lookback_days: How many days of it are read again each time.
        archive_after_days: After how many days of it a row is moved to the archive.
    """

    entry: Entry
    policy: Policy
    business_date: str | None = None
    lookback_days: int | None = None
    archive_after_days: int | None = None


def gone(catalogue: Catalogue, overrides: Iterable[str]) -> list[str]:
    """Name the tables that something is decided for and that the source does not have."""
    return sorted(set(overrides) - set(catalogue.tables))


def is_whole(entry: Entry) -> bool:
    """Tell whether a table's key begins with a whole number."""
    return bool(entry.key) and _WHOLE.match(entry.columns[entry.key[0]]) is not None


def effective(
    catalogue: Catalogue, overrides: Mapping[str, Override], tiers: Mapping[Tier, TierPolicy], pipeline: str
) -> dict[str, Effective]:
    """Settle every table, by name, in the order in which they are read.

    Raises:
        ConfigError: Something is decided for a table or a column that is not there, or that its key does not allow.
    """
    for name in gone(catalogue, overrides):
        raise _no_table(name, catalogue, pipeline)
    settled = {
        name: _settled(name, entry, overrides.get(name, Override()), tiers, pipeline)
        for name, entry in catalogue.tables.items()
    }
    return dict(sorted(settled.items(), key=lambda one: (one[1].entry.priority, one[0])))


def _settled(name: str, entry: Entry, override: Override, tiers: Mapping[Tier, TierPolicy], pipeline: str) -> Effective:
    tier = override.tier or entry.tier
    stated = {**_given(tiers.get(tier, TierPolicy())), **_given(override)}
    made = _replaced(moved(entry, override.tier) if override.tier else entry, stated)
    _refuse_impossible(f"{pipeline}.tables.{name}", made, override)
    usual = POLICIES[tier]
    policy = Policy(**{field: stated.get(field, getattr(usual, field)) for field in Policy.__dataclass_fields__})
    return Effective(made, policy, override.business_date, override.lookback_days, override.archive_after_days)


def _given(policy: TierPolicy) -> dict[str, Any]:
    return {name: value for name, value in policy if value is not None}


def _replaced(entry: Entry, stated: Mapping[str, Any]) -> Entry:
    watched = {name: stated[name] for name in type(entry.monitoring).model_fields if name in stated}
    own = {name: stated[name] for name in type(entry).model_fields if name in stated}
    reasons = {f"{name}_reason": "decided in firn.toml" for name in ("tier", "strategy") if name in own}
    return entry.model_copy(update={**own, **reasons, "monitoring": entry.monitoring.model_copy(update=watched)})


def _refuse_impossible(place: str, entry: Entry, override: Override) -> None:
    for field, columns in (
        ("incremental_column", (override.incremental_column,)),
        ("business_date", (override.business_date,)),
        ("money", override.money or ()),
    ):
        for column in columns:
            if column is not None and column not in entry.columns:
                meant = likely(column, list(entry.columns))
                raise _refused(place, f"{field}: the table has no column {column}", meant and f"Did you mean {meant}?")
    if entry.strategy != "full" and not entry.key:
        raise _refused(place, f"strategy {entry.strategy}: the table has no key", 'strategy = "full"')
    if entry.strategy == "compare" and not is_whole(entry):
        why = f"strategy compare: {entry.key[0]}, with which its key begins, is no whole number"
        raise _refused(place, why, 'strategy = "full"')
    if entry.strategy in ("incremental", "append") and not entry.incremental_column:
        raise _refused(place, f"strategy {entry.strategy}: no column says what is new", "set incremental_column")
    if (override.lookback_days or override.archive_after_days) and not override.business_date:
        raise _refused(place, "days are counted by a date", "set business_date")


def _no_table(name: str, catalogue: Catalogue, pipeline: str) -> ConfigError:
    meant = likely(name, list(catalogue.tables))
    return _refused(
        f"{pipeline}.tables.{name}",
        f"the catalogue of {catalogue.database} has no such table",
        f"Did you mean {meant}?" if meant else f"take it out of firn.toml, or look for it: firn discover {pipeline}",
    )


def _refused(place: str, why: str, hint: str) -> ConfigError:
    return ConfigError(f"[{place}] {why}. Nothing was read or written.", hint)
