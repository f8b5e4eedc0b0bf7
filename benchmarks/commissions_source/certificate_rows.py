"""The extract of certificates: a row for each certificate, split and level, and three times as many historical ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from benchmarks.commissions_source.chance import Whole, at_least_one, chance, choose, marked
from benchmarks.commissions_source.configs import PERCENT_UNITS
from benchmarks.commissions_source.extract import (
    BAD_DATES,
    BAD_IDS,
    MISSING,
    Arrangement,
    Extract,
    Fault,
    arrange,
    corrupted,
    finish,
    money,
    party,
)
from benchmarks.commissions_source.products import categories, master_categories, plan_codes, product_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.commissions_source.world import World

__all__ = ["CertificateRows"]

_TABLE: Final = "raw_certificate_info"
_FAULTS: Final = (
    Fault("CertificateId", "missing", MISSING, "bad_ids"),
    Fault("CertificateId", "not_a_number", BAD_IDS, "bad_ids"),
    Fault("Product", "missing", MISSING, "bad_ids"),
    Fault("CertEffectiveDate", "missing", MISSING, "bad_dates"),
    Fault("CertEffectiveDate", "not_a_date", BAD_DATES, "bad_dates"),
    Fault("CertSplitSeq", "not_a_number", ("one", "1st"), "bad_numbers"),
    Fault("SplitBrokerSeq", "not_a_number", ("L1", "writing"), "bad_numbers"),
)
_PADDED: Final = (
    "GroupId",
    "Product",
    "PlanCode",
    "CertificateId",
    "CertStatus",
    "RecStatus",
    "CertSplitPercent",
    "CommissionsSchedule",
    "WritingBrokerID",
    "SplitBrokerId",
)
_REPLACED: Final = 0.35
_NOT_PAID_BROKER: Final = 0.02
_NEW_RECIPIENTS: Final = np.datetime64("2015-01-01").astype(int)
_TYPES: Final = ("Level", "Heaped", "Heaped", None)
_NO_WRITERS: Final = ("P12X45", "HOUSE", None)
_REASSIGNED: Final = ("Transferred", "Assigned")
_COMPANIES: Final = ("NLC", "NLC", "NLC", "NLI")


class CertificateRows:
    """Versions of certificates, active ones first, and the configuration lines of each.

    Attributes:
        versions: One row per version of a certificate.
        version: Of each row, the position of its version.
        line: Of each row, the position of its configuration line.
        active: How many rows are active; they come first.
    """

    def __init__(self, world: World) -> None:
        """Draw the historical versions, so many that the extract has as many rows as it should."""
        self._world = world
        rng = chance(world.seed, "history")
        certificates = world.certificates.with_columns(rec_status=pl.lit("A"), cert_status=pl.lit("A"))
        version, line = self._expanded(certificates["config"].to_numpy())
        self.active = len(line)
        self._copies = at_least_one(world.dirt.duplicates, self.active)
        self._pools = self._pools_of(certificates, version)
        added = (
            self._copies + sum(corrupted(_FAULTS, world.dirt, self.active, self._pools)) + len(self._spoiled(version))
        )
        history = max(0, world.sizes.certificate_rows - self.active - added)
        past = self._past(certificates, history, rng)
        past_version, past_line = self._expanded(past["config"].to_numpy())
        self.versions = pl.concat([certificates, past], how="diagonal_relaxed")
        self.version = np.concatenate([version, certificates.height + past_version[:history]])
        self.line = np.concatenate([line, past_line[:history]])

    def extract(self) -> Extract:
        """Write the rows as text."""
        world = self._world
        order = arrange(
            world.seed,
            _TABLE,
            len(self.line),
            _FAULTS,
            world.dirt,
            kept=self.active,
            copies=self._copies,
            blocks=self.version,
            pools=self._pools,
            torn=self._torn(),
            spoiled=self._spoiled(self.version),
        )
        historical = order.take >= self.active
        made = finish(_TABLE, self._draft, order, world.dirt, world.seed, padded=_PADDED, historical=historical)
        made.truth.sums["CertPremium"] = self._premiums()
        if nulled := self._bad_writers():
            made.truth.nulled["WritingBrokerID"] = {"not_a_broker": nulled}
        made.truth.dirt |= self._irregular(order) | _written(made.rows)
        return made

    def paid(self, broker: Whole, date: Whole) -> Whole:
        """Return who is paid what a broker earns by a certificate of a day."""
        brokers = self._world.brokers
        newest = np.arange(int(brokers.rostered.max()) + len(brokers.absent) + 1)
        before = newest.copy()
        newest[brokers.sources], before[brokers.sources] = brokers.recipients, brokers.earlier
        return np.where(date < _NEW_RECIPIENTS, before[broker], newest[broker])

    def lines(self, rows: Whole) -> pl.DataFrame:
        """Return what stands in rows: the version's columns and the line's, ``paid`` and ``seq``."""
        found = self.versions[self.version[rows]].hstack(self._world.config_lines[self.line[rows]].drop("config"))
        paid = self.paid(found["broker"].to_numpy(), found["date"].cast(pl.Int32).to_numpy())
        ordinal = pl.when("reversed").then(pl.col("splits") - 1 - pl.col("ordinal")).otherwise("ordinal")
        return found.with_columns(paid=pl.Series(paid), seq=pl.col("first_seq") + ordinal)

    def _expanded(self, config: Whole) -> tuple[Whole, Whole]:
        """Return the version and the configuration line of each row."""
        counts = np.bincount(self._world.config_lines["config"].to_numpy(), minlength=int(config.max(initial=0)) + 1)
        first, count = (np.cumsum(counts) - counts)[config], counts[config]
        version = np.repeat(np.arange(len(config)), count)
        return version, first[version] + np.arange(len(version)) - np.repeat(np.cumsum(count) - count, count)

    def _pools_of(self, certificates: pl.DataFrame, version: Whole) -> list[Whole]:
        """Return the rows that may have each fault: of incomplete certificates, unless it hides whose a row is."""
        of_incomplete = certificates["reason"].eq_missing("RejectedRecords").to_numpy()[version]
        told, hidden = np.flatnonzero(of_incomplete), np.arange(self.active)
        return [*(hidden if fault.column == "CertificateId" else told for fault in _FAULTS), told]

    def _torn(self) -> Whole:
        """Return the last rows of the certificates that are torn."""
        version = self.version[: self.active]
        last = np.searchsorted(version, np.arange(self._world.certificates.height), side="right") - 1
        return np.compress(self._world.certificates["torn"].to_numpy(), last)

    def _spoiled(self, version: Whole) -> Whole:
        """Return the first rows of the certificates that are incomplete and not torn."""
        certificates = self._world.certificates
        spoiled = certificates["reason"].eq_missing("RejectedRecords") & ~certificates["torn"]
        return np.searchsorted(version[: self.active], np.flatnonzero(spoiled.to_numpy()))

    def _past(self, certificates: pl.DataFrame, rows: int, rng: np.random.Generator) -> pl.DataFrame:
        """Return versions with at least so many rows: replaced ones of active certificates, and ended certificates."""
        past = certificates.sample(rows, with_replacement=True, seed=int(rng.integers(1 << 30)))
        replaced = rng.random(rows) < _REPLACED
        ended = int(certificates["certificate"].to_numpy().max()) + 1 + np.arange(rows)
        rec_status = pl.Series(replaced).replace_strict({True: "H", False: "A"}, return_dtype=pl.String)
        return past.with_columns(
            certificate=pl.when(pl.Series(replaced)).then("certificate").otherwise(pl.Series(ended)),
            config=pl.Series(rng.permutation(past["config"].to_numpy())),
            rec_status=rec_status,
            cert_status=pl.when(pl.Series(replaced)).then(pl.lit("A")).otherwise(choose(rng, "TCLT", rows)),
        )

    def _draft(self, take: Whole) -> pl.DataFrame:
        world, rng = self._world, chance(self._world.seed, "certificate rows")
        rows, count, products = self.lines(take), len(take), world.sizes.products
        product, same = rows["product"], (rows["paid"] == rows["broker"]).to_numpy()
        unpaid = pl.Series(same & (rng.random(len(self.line)) < _NOT_PAID_BROKER)[take])
        not_applicable = pl.Series(rng.random(count) < world.dirt.na_plans)
        return rows.select(
            Company=pl.Series(list(_COMPANIES)).gather(product.to_numpy() % len(_COMPANIES)),
            ProductMasterCategory=master_categories(products).gather(product),
            ProductCategory=categories(products).gather(product),
            GroupId="raw_group",
            Product=product_codes(products).gather(product),
            PlanCode=pl.coalesce(plan_codes(pl.col("plan")), pl.when(not_applicable).then(pl.lit("N/A"))),
            CertificateId="certificate",
            CertEffectiveDate="date",
            CertIssuedState="state",
            CertStatus="cert_status",
            CertPremium=money(pl.col("premium")),
            CertSplitSeq="seq",
            CertSplitPercent=_percents(rows["percent"], rng, world.dirt.percent_styles),
            CustomerId="C" + pl.col("customer").cast(pl.String),
            RecStatus="rec_status",
            HierDriver="HD" + (pl.col("writer") % 97).cast(pl.String),
            HierVersion=1 + pl.col("writer") % 3,
            CommissionsSchedule="schedule",
            CommissionType=_one_of(_TYPES, pl.col("certificate")),
            WritingBrokerID=pl.when("bad_writer")
            .then(_one_of(_NO_WRITERS, pl.col("certificate")))
            .otherwise(party(pl.col("writer"))),
            SplitBrokerId=party(pl.col("broker")),
            SplitBrokerSeq="level",
            ReassignedType=pl.when(pl.Series(~same)).then(_one_of(_REASSIGNED, pl.col("broker"))),
            PaidBrokerId=pl.when(~unpaid).then(party(pl.col("paid"))),
        )

    def _bad_writers(self) -> int:
        """Return how many active rows have a writing broker that is no number, rather than none."""
        bad = self._world.certificates["bad_writer"] & (
            self._world.certificates["certificate"] % len(_NO_WRITERS) < len(_NO_WRITERS) - 1
        )
        return int(bad.gather(self.version[: self.active]).sum())

    def _premiums(self) -> str:
        """Return the sum of the premiums of the active rows that are kept."""
        rows = np.delete(self.version[: self.active], self._torn())
        found = self._world.certificates["premium"].gather(rows).sum()
        return f"{int(found) / 100:.2f}"

    def _irregular(self, order: Arrangement) -> dict[str, int]:
        active = self._world.certificates
        many = active.join(
            self._world.config_lines.group_by("config").agg(pl.col("splits").first()), on="config", how="left"
        )
        return {
            "blank_groups": active["raw_group"].null_count(),
            "zero_groups": active.filter(pl.col("group").is_null() & pl.col("raw_group").is_not_null()).height,
            "missing_plans": int((active["plan"] == 0).sum()),
            "seq_starts": int((active["first_seq"] != 1).sum()),
            "reordered": many.filter(pl.col("reversed") & (pl.col("splits") > 1)).height,
            "reassigned_rows": self._reassigned(order),
        }

    def _reassigned(self, order: Arrangement) -> int:
        kept = order.take[(order.fault < 0) & ~order.copied & (order.take < self.active)]
        found = self.lines(kept).select((pl.col("paid") != pl.col("broker")).sum())
        return int(found.item())


def _one_of(words: Sequence[str | None], number: pl.Expr) -> pl.Expr:
    """Choose a word by a number, so that rows of the same certificate or broker have the same."""
    return (number % len(words)).replace_strict(dict(enumerate(words)), return_dtype=pl.String)


def _written(rows: pl.DataFrame) -> dict[str, int]:
    plan, percent = pl.col("PlanCode").str.strip_chars(), pl.col("CertSplitPercent").str.strip_chars()
    found = rows.select(na_plans=(plan == "N/A").sum(), percent_styles=percent.str.contains(r"\.\d{4}$").sum())
    return found.row(0, named=True)


def _percents(percents: pl.Series, rng: np.random.Generator, share: float) -> pl.Series:
    """Write percents as short as they can be, or with four decimals."""
    found = percents.unique().sort()
    short = [f"{percent / PERCENT_UNITS:g}" for percent in found]
    long = [f"{percent / PERCENT_UNITS:.4f}" for percent in found]
    styled = marked(rng, share, len(percents))
    return pl.Series([*short, *long]).gather(found.search_sorted(percents).to_numpy() + styled * len(found))
