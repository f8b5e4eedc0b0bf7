"""What forbids no publication and should yet be looked at: the tables are sound, the extracts may not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from transforms.commissions.identifiers import DIRECT_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["remarks"]

_GENERIC_NAMES: Final = 100
_PRIMARY_BROKERS: Final = 95
_LINKED: Final = 95
_SCHEDULES: Final = 500
_CODES: Final = 5


def remarks(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Say what is unusual about published tables.

    Told are more than 100 groups without a name, primary brokers of less than 95 % of the groups, less than 500
    schedules, and participants that name a schedule without rates; of these, whether they are more than 5 %.
    Distributions that no rate pays are counted among the figures of the run.
    """
    found = (_groups(tables), _schedules(tables))
    return [remark for some in found for remark in some]


def _groups(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    groups = tables["employer_groups"].filter(pl.col("id") != DIRECT_GROUP)
    generic, known = groups.filter(name_source="generic").height, groups["primary_broker_id"].count()
    found = [f"{generic:,} groups have no name in any extract"] if generic > _GENERIC_NAMES else []
    if known * 100 < groups.height * _PRIMARY_BROKERS:
        found.append(f"{known:,} of {groups.height:,} groups have a primary broker: less than {_PRIMARY_BROKERS} %")
    return found


def _schedules(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    count, named = tables["schedules"].height, tables["hierarchy_participants"].drop_nulls("schedule_code")
    found = [f"{count:,} schedules: less than {_SCHEDULES}"] if count < _SCHEDULES else []
    without = named.filter(pl.col("schedule_id").is_null())
    if without.height:
        codes = ", ".join(without["schedule_code"].unique().sort().head(_CODES))
        many = f", more than {100 - _LINKED} %" if without.height * 100 > named.height * (100 - _LINKED) else ""
        found.append(f"{without.height:,} participants name schedules that have no rates{many}: {codes}")
    return found
