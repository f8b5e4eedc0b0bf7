"""Products and plans: their codes and categories."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.eras import NO_PLAN

__all__ = ["categories", "master_categories", "plan_codes", "product_codes"]

_CATEGORIES: Final = ("Accident", "Cancer", "Critical Illness", "Dental", "Disability", "Hospital", "Life", "Vision")
_MASTERS: Final = ("Worksite", "Group", "Individual")


def product_codes(count: int) -> pl.Series:
    """Return the code of each product; those sold come first."""
    return pl.Series([f"{'DHLV'[n % 4]}{n // 4:03}{'' if n % 3 else 'X'}" for n in range(count)])


def categories(count: int) -> pl.Series:
    """Return the category of each product."""
    return pl.Series(list(_CATEGORIES)).gather(np.arange(count) % len(_CATEGORIES))


def master_categories(count: int) -> pl.Series:
    """Return the master category of each product."""
    return pl.Series(list(_MASTERS)).gather(np.arange(count) % len(_MASTERS))


def plan_codes(plan: pl.Expr) -> pl.Expr:
    """Write a plan's number; null where there is none."""
    return pl.when(plan != NO_PLAN).then("PL" + plan.cast(pl.String).str.zfill(2))
