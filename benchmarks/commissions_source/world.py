"""Everything that the extracts tell about, drawn once; the extracts are written from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.commissions_source.brokers import Brokers, draw_brokers
from benchmarks.commissions_source.certificates import Places, draw_certificates, draw_conflicts, draw_wrong_eras
from benchmarks.commissions_source.configs import draw_config_lines
from benchmarks.commissions_source.eras import draw_eras, draw_pairs
from benchmarks.commissions_source.groups import draw_groups
from benchmarks.commissions_source.presets import PRESETS, Sizes

if TYPE_CHECKING:
    from benchmarks.commissions_source.chance import Whole
    from benchmarks.commissions_source.dirt import Dirt

__all__ = ["World", "draw_world"]


@dataclass(frozen=True, slots=True)
class World:
    """What there is.

    Attributes:
        sizes: How much of everything was asked for.
        dirt: What is irregular.
        seed: What it was drawn from.
        brokers: Who earns and who is paid.
        groups: As ``draw_groups`` returns them.
        eras: As ``draw_eras`` returns them, with ``config``; each is a proposal.
        pairs: As ``draw_pairs`` returns them.
        config_lines: As ``draw_config_lines`` returns them.
        certificates: As ``draw_certificates`` returns them.
        conflicts: As ``draw_conflicts`` returns them.
    """

    sizes: Sizes
    dirt: Dirt
    seed: int
    brokers: Brokers
    groups: pl.DataFrame
    eras: pl.DataFrame
    pairs: pl.DataFrame
    config_lines: pl.DataFrame
    certificates: pl.DataFrame
    conflicts: pl.DataFrame


def draw_world(preset: str, scale: float, dirt: Dirt, seed: int) -> World:
    """Draw everything; the same arguments give the same."""
    sizes = Sizes.scaled(PRESETS[preset], scale)
    brokers = draw_brokers(sizes, dirt, seed)
    groups = draw_groups(sizes, dirt, seed)
    eras = draw_eras(groups, sizes, dirt, seed)
    pairs = draw_pairs(eras, sizes, dirt, seed)
    eras = eras.with_columns(config=pl.Series(_era_configs(eras)))
    conflicts, wrong = draw_conflicts(groups, sizes, dirt, seed), draw_wrong_eras(eras, sizes, dirt, seed)
    configs = _configs(eras, conflicts, wrong)
    config_lines = draw_config_lines(configs, brokers, sizes, dirt, seed)
    lengths = np.bincount(config_lines["config"].to_numpy(), minlength=configs.height)
    places = Places(eras, pairs, eras["config"].to_numpy())
    certificates = draw_certificates(
        places, groups, conflicts, wrong, config_sizes=lengths, sizes=sizes, dirt=dirt, seed=seed
    )
    return World(sizes, dirt, seed, brokers, groups, eras, pairs, config_lines, certificates, conflicts)


def _era_configs(eras: pl.DataFrame) -> Whole:
    """Number the configurations; an era that returns has that of the era two before it."""
    returned = eras["returned"].to_numpy()
    own = np.cumsum(~returned) - 1
    return np.where(returned, np.roll(own, 2), own)


def _configs(eras: pl.DataFrame, conflicts: pl.DataFrame, wrong: Whole) -> pl.DataFrame:
    """Return the group of each configuration: of the eras, then of the keys in conflict, then of the wrong totals."""
    own = eras.filter(~pl.col("returned"))["group"].to_numpy()
    group = np.concatenate([own, conflicts["group"].to_numpy(), eras["group"].to_numpy()[wrong]])
    is_wrong = np.arange(len(group)) >= len(group) - len(wrong)
    return pl.DataFrame({"config": np.arange(len(group)), "group": group, "wrong": is_wrong})
