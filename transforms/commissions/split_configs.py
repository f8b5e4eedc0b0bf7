"""The split configuration of each certificate: who shares its commission, and by which schedules."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Sequence
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.digests import sha256
from transforms.commissions.identifiers import ANY_PLAN, DIRECT_GROUP, group_id

__all__ = ["CertConfigs", "ConfigLines", "ConfigRows", "SplitConfigTables", "split_configs"]

_SPLIT: Final = ("certificate", "split_seq")
_ROW: Final = ("level", "broker", "schedule", "split_percent")
_TERMS: Final = ("group_id", "effective_date", "product", "plan", "state")


class ConfigRows(dy.Schema):
    """What the configuration of a certificate is made of: its active rows, one per split and level."""

    certificate = dy.Int64(nullable=False)
    group_key = dy.String(nullable=True)
    product = dy.String(nullable=False)
    plan = dy.String(nullable=False)
    effective_date = dy.Date(nullable=False)
    state = dy.String(nullable=True)
    split_seq = dy.Int32(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=True)
    schedule = dy.String(nullable=True)
    writing_broker = dy.Int64(nullable=True)
    broker = dy.Int64(nullable=True)
    level = dy.Int32(nullable=False)


class CertConfigs(dy.Schema):
    """A certificate: whose it is, and which configuration it has.

    ``config_hash`` is null where its rows contradict one another; group, date, product, plan and state are then those
    of one row, of the lowest split and level. ``total_percent`` is the sum over the splits, each counted once; null
    where one has none. ``names_brokers`` tells whether each split has a writing broker and each row a broker.
    """

    certificate = dy.Int64(primary_key=True)
    group_id = dy.String(nullable=False)
    effective_date = dy.Date(nullable=False)
    product = dy.String(nullable=False)
    plan = dy.String(nullable=False)
    state = dy.String(nullable=True)
    config_hash = dy.String(nullable=True, regex="^[0-9A-F]{64}$")
    total_percent = dy.Decimal(18, 4, nullable=True)
    n_splits = dy.Int32(nullable=False, min=1)
    names_brokers = dy.Bool(nullable=False)


class ConfigLines(dy.Schema):
    """What a configuration says: of each split, numbered from 1 in its canonical order, the brokers by level."""

    config_hash = dy.String(primary_key=True, regex="^[0-9A-F]{64}$")
    split = dy.Int32(primary_key=True, min=1)
    level = dy.Int32(primary_key=True)
    broker = dy.Int64(nullable=True)
    schedule = dy.String(nullable=True)
    percent = dy.Decimal(18, 4, nullable=True)


class SplitConfigTables(NamedTuple):
    """The tables that ``split_configs`` makes.

    Attributes:
        cert_configs: One row per certificate.
        config_lines: What each configuration says, once.
    """

    cert_configs: dy.DataFrame[CertConfigs]
    config_lines: dy.DataFrame[ConfigLines]


def split_configs(certificate_lines: dy.DataFrame[ConfigRows], *, seq_sensitive: bool = False) -> SplitConfigTables:
    r"""Reduce each certificate to its configuration, and name that by the SHA-256 of its canonical text.

    Rows that repeat another in split, level, broker, schedule and percent count once. The text of a level is its
    number, that of the broker and the schedule's code with ``\t`` between them; what is missing is nothing. That of a
    split is its percent with four decimals, such as ``33.3300``, and below it the texts of its levels from the lowest
    up, with ``\n`` between them. The text of the configuration is those of its splits, sorted by code points, with
    ``\n\n`` between them; ``config_hash`` is its SHA-256 in UTF-8, in upper-case hexadecimal.

    Sequence numbers are no part of it, so splits 74 and 75 are as 1 and 2. Where ``seq_sensitive`` is set they are, as
    in the original: the text of each split then begins with its number and ``\t``, and splits are sorted by number.

    The rows of a certificate contradict one another where a level of a split stands on several, where the percents of a
    split differ, where a split has no level 1, or where they name several groups, dates, products, plans or states.
    A row without a group, plan or state says nothing of it, so what the others say stands.

    Args:
        certificate_lines: The active rows.
        seq_sensitive: Whether the numbers of the splits are part of the configuration.

    Returns:
        The certificates in their order, and the configurations that they have.
    """
    known = certificate_lines.select(_ROW).unique().sort(_ROW).with_row_index("row")
    splits = _splits(certificate_lines, known)
    chains = _chains(splits.select("rows").unique().with_row_index("chain"), known)
    seq = ["split_seq"] if seq_sensitive else []
    numbered = splits.join(chains.select("rows", "chain"), on="rows", how="left")
    parts = _parts(numbered.select(*seq, "chain").unique(), chains)
    held = numbered.join(parts.select(*seq, "chain", "part"), on=[*seq, "chain"], how="left")
    certificates = _folded(held.select("certificate", "part").sort("certificate", "part"), ["certificate"], "part")
    configs = _configs(certificates.select("part").unique(), parts)
    described = certificates.join(configs, on="part", how="left").join(_terms(certificate_lines), on="certificate")
    is_unnamed = pl.col("writing_broker").is_null() & (pl.col("level") == 1)
    unnamed = certificate_lines.filter(is_unnamed)["certificate"].unique().implode()
    cert_configs = described.with_columns(
        config_hash=pl.when("is_sound", "is_one").then("config_hash"),
        names_brokers=pl.col("names_brokers") & ~pl.col("certificate").is_in(unnamed),
    )
    return SplitConfigTables(
        CertConfigs.cast(cert_configs.sort("certificate")),
        ConfigLines.cast(_config_lines(configs, parts, chains, known)),
    )


def _splits(certificate_lines: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Of each split the numbers of its rows, in the order of ``known``, which is that of levels; repeated ones once."""
    numbered = (
        certificate_lines.join(known, on=_ROW, how="left", nulls_equal=True).select(*_SPLIT, "row").sort(*_SPLIT, "row")
    )
    whole = pl.struct(pl.all())
    distinct = numbered.filter((whole != whole.shift()).fill_null(value=True))
    return _folded(distinct, _SPLIT, "row").rename({"row": "rows"})


def _folded(ordered: pl.DataFrame, by: Sequence[str], what: str) -> pl.DataFrame:
    """One row per key with the list of its values, of rows in the order of the key."""
    # Runs of equal keys are found ten times as fast as groups.
    run = pl.struct(by).rle_id().set_sorted().alias("run")
    return ordered.with_columns(run).group_by("run", maintain_order=True).agg(pl.col(by).first(), what).drop("run")


def _chains(chains: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Describe each distinct list of rows that a split has."""
    columns = (pl.col("level", "broker", "schedule").cast(pl.String)).fill_null("")
    level = pl.concat_str(columns, separator="\t")
    percent, levels = pl.col("split_percent"), pl.col("level")
    content = chains.explode("rows").join(known, left_on="rows", right_on="row", how="left", maintain_order="left")
    described = content.group_by("chain", maintain_order=True).agg(
        percent=percent.first(),
        text=pl.concat_str(percent.first().cast(pl.String).fill_null(""), level.str.join("\n"), separator="\n"),
        is_sound=(levels.n_unique() == pl.len()) & (levels == 1).any() & (percent.n_unique() == 1),
        names_brokers=pl.col("broker").is_not_null().all(),
    )
    return chains.join(described, on="chain")


def _parts(parts: pl.DataFrame, chains: pl.DataFrame) -> pl.DataFrame:
    """Number what certificates are made of, chains with or without sequence numbers, in canonical order."""
    described = parts.join(chains.drop("rows"), on="chain")
    if "split_seq" not in parts.columns:
        return described.sort("text").with_row_index("part")
    text = pl.concat_str("split_seq", "text", separator="\t")
    return described.with_columns(text=text).sort("split_seq", "text").with_row_index("part")


def _configs(configs: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Describe each distinct list of parts that a certificate has."""
    percent = pl.col("percent")
    content = configs.with_row_index("config").explode("part").join(parts, on="part", how="left", maintain_order="left")
    described = content.group_by("config", maintain_order=True).agg(
        "part",
        text=pl.col("text").str.join("\n\n"),
        total_percent=pl.when(percent.is_not_null().all()).then(percent.sum()),
        n_splits=pl.len(),
        is_sound=pl.col("is_sound").all(),
        names_brokers=pl.col("names_brokers").all(),
    )
    return described.with_columns(config_hash=sha256(described["text"]))


def _config_lines(
    configs: pl.DataFrame, parts: pl.DataFrame, chains: pl.DataFrame, known: pl.DataFrame
) -> pl.DataFrame:
    """Write out what each distinct text says."""
    splits = configs.filter("is_sound").unique("text").with_columns(split=pl.int_ranges(1, pl.col("n_splits") + 1))
    rows = splits.select("config_hash", "part", "split").explode("part", "split").join(parts, on="part")
    content = rows.join(chains, on="chain").select("config_hash", "split", row="rows").explode("row")
    return content.join(known, on="row").rename({"split_percent": "percent"}).sort("config_hash", "split", "level")


def _terms(certificate_lines: pl.DataFrame) -> pl.DataFrame:
    """Find what the rows of each certificate say of its group, date, product, plan and state, and whether it is one.

    Of a certificate whose rows say several things it is what one row says: that of the lowest split and level.
    """
    stated = certificate_lines.select("certificate", "group_key", *_TERMS[1:]).unique()
    ids = stated.select("group_key").unique().with_columns(group_id=group_id(pl.col("group_key")))
    terms = stated.join(ids, on="group_key", nulls_equal=True).select("certificate", *_TERMS)
    several = terms["certificate"].is_duplicated()
    named = terms.filter(several).with_columns(
        pl.col("group_id").replace(DIRECT_GROUP, None), pl.col("plan").replace(ANY_PLAN, None)
    )
    merged = named.group_by("certificate").agg(
        pl.col(_TERMS).min(), is_one=pl.all_horizontal(pl.col(_TERMS).drop_nulls().n_unique() <= 1)
    )
    filled = merged.with_columns(pl.col("group_id").fill_null(DIRECT_GROUP), pl.col("plan").fill_null(ANY_PLAN))
    torn = filled.filter(~pl.col("is_one")).select("certificate", "is_one")
    order = ("split_seq", "level", "group_key", *_TERMS[1:])
    rows = certificate_lines.join(torn, on="certificate", how="semi").sort(*order, nulls_last=True)
    first = rows.unique("certificate", keep="first", maintain_order=True).join(ids, on="group_key", nulls_equal=True)
    whole = torn.join(first, on="certificate").select(filled.columns)
    return pl.concat([terms.filter(~several).with_columns(is_one=pl.lit(value=True)), filled.filter("is_one"), whole])
