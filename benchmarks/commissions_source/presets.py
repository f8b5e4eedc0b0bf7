"""How much of everything there is, at any scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

__all__ = ["PRESETS", "Preset", "Sizes"]


@dataclass(frozen=True, slots=True)
class Preset:
    """What the documented runs had; all have 1,550,752 certificate rows and 1,133,420 schedule rates.

    Attributes:
        certificates: The active ones, each of which becomes a policy.
        active_rows: Their rows, one for each certificate, split and level.
        groups: Employer groups that they belong to.
        proposals: Distinct (group, configuration, range of dates).
    """

    certificates: int
    active_rows: int
    groups: int
    proposals: int


PRESETS: Final = {
    "documented": Preset(138_812, 400_688, 3_079, 8_871),
    "reported": Preset(113_215, 326_800, 3_097, 11_891),
    "c73e": Preset(148_103, 427_500, 3_181, 12_613),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts at a scale; what is needed for every kind of irregularity is there at the smallest.

    Attributes:
        certificate_rows: All rows of the extract, historical and corrupted ones included.
        blank_groups: Active certificates without a group; ``zero_groups`` have one of zeros.
        conflict_groups: Groups that have several configurations on a key; ``conflict_keys`` are those keys.
        wrong_totals: Certificates whose level-1 percents do not add up to 100.
        invalid_brokers: Certificates whose writing broker is missing or no number.
        incomplete: Certificates of which rows are rejected.
        sold_products: Products of certificates; ``products`` are those of schedules.
        absent_brokers: Referenced, and in no roster.
        roster_duplicates: Rows that repeat a broker of either roster.
        codes: Schedule codes of certificates, WH01 and WH02 included, which have no rates.
        sources: Brokers whose commission is paid to another; ``recipients`` are those who get it.
    """

    certificates: int
    active_rows: int
    groups: int
    proposals: int
    certificate_rows: int
    blank_groups: int
    zero_groups: int
    conflict_groups: int
    conflict_keys: int
    wrong_totals: int
    invalid_brokers: int
    incomplete: int
    alphanumeric_groups: int
    individuals: int
    organizations: int
    absent_brokers: int
    roster_duplicates: int
    licenses: int
    insurances: int
    fees: int
    perf_group_rows: int
    schedules: int
    rates: int
    codes: int
    products: int
    sold_products: int
    sources: int
    recipients: int
    premiums: int
    commissions: int

    @classmethod
    def scaled(cls, preset: Preset, scale: float) -> Self:
        """Return the counts of a preset at a scale; 1.0 is the documented size."""

        def some(count: int, least: int) -> int:
            return max(least, round(count * scale))

        certificates = some(preset.certificates, 600)
        active_rows = round(preset.active_rows * certificates / preset.certificates)
        schedules = some(51_073, 80)
        return cls(
            certificates=certificates,
            active_rows=active_rows,
            groups=some(preset.groups, 14),
            proposals=some(preset.proposals, 48),
            certificate_rows=max(round(1_550_752 * scale), 2 * active_rows),
            blank_groups=some(2_210, 8),
            zero_groups=some(536, 4),
            conflict_groups=some(462, 4),
            conflict_keys=some(2_138, 8),
            wrong_totals=some(278, 6),
            invalid_brokers=some(70, 4),
            incomplete=some(300, 16),
            alphanumeric_groups=some(99, 3),
            individuals=some(9_572, 60),
            organizations=some(2_644, 20),
            absent_brokers=some(44, 3),
            roster_duplicates=some(12, 3),
            licenses=some(11_000, 60),
            insurances=some(6_000, 40),
            fees=some(900, 24),
            perf_group_rows=some(32_753, 120),
            schedules=schedules,
            rates=round(1_133_420 * schedules / 51_073),
            codes=some(688, 40),
            products=some(262, 30),
            sold_products=some(175, 20),
            sources=some(1_315, 8),
            recipients=some(521, 4),
            premiums=some(138_436, 600),
            commissions=some(149_465, 650),
        )
