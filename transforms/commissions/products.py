"""Products, their codes and their plans."""

# No future import: the engine reads the annotations, which are the contract.
from collections.abc import Sequence
from typing import Final, NamedTuple

import dataframely as dy
import polars as pl

from transforms.commissions.choices import commonest, counted
from transforms.commissions.identifiers import ANY_PLAN, is_invalid_group
from transforms.commissions.keys import keyed
from transforms.commissions.lines import CertificateLines, ScheduleLines

__all__ = ["Plans", "ProductCodes", "ProductTables", "Products", "products"]


class Products(dy.Schema):
    """A product of certificates or of schedules; ``id`` is its code."""

    id = dy.String(primary_key=True)
    product_code = dy.String(nullable=False)
    product_name = dy.String(nullable=False)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    commission_type = dy.String(nullable=True)
    off_group_letter_description = dy.String(nullable=True)
    series_type = dy.String(nullable=True)
    special_offer = dy.String(nullable=True)


class ProductCodes(dy.Schema):
    """Where a product code is used; a code stands here once, whatever categories it was found in.

    ``product_category`` is the category of the product, ``categories`` all that it was found in and ``allowed_states``
    the states of its certificates, both sorted and separated by commas.
    """

    code = dy.String(primary_key=True)
    product_category = dy.String(nullable=True)
    categories = dy.String(nullable=True)
    allowed_states = dy.String(nullable=True)
    groups_count = dy.Int32(nullable=False)
    schedules_count = dy.Int32(nullable=False)


class Plans(dy.Schema):
    """A plan of a product; ``id`` is ``<product>-<plan>``."""

    id = dy.String(primary_key=True)
    product_code = dy.String(nullable=False)
    plan_code = dy.String(nullable=False)
    plan_name = dy.String(nullable=False)


class ProductTables(NamedTuple):
    """The tables that ``products`` makes.

    Attributes:
        products: One row per product.
        product_codes: One row per product, too: where it is used.
        plans: One row per product and plan of certificates.
    """

    products: dy.DataFrame[Products]
    product_codes: dy.DataFrame[ProductCodes]
    plans: dy.DataFrame[Plans]


_SOLD: Final = ("product", "master_category", "category", "commission_type")
_OFFERED: Final = ("product", "category", "off_group_letter", "series_type", "special_offer")


def products(
    certificate_lines: dy.DataFrame[CertificateLines], schedule_lines: dy.DataFrame[ScheduleLines]
) -> ProductTables:
    """List the products of active certificates, then those that only schedules have.

    Where the lines of a product differ, it is as most of its lines are, of equally many as the first by content: its
    master category, category and commission type are those of certificates, taken together; its letter, series and
    offer those of schedules, taken together, and so is the category of a product that no certificate has.

    Args:
        certificate_lines: The active lines of certificates.
        schedule_lines: All lines of schedules.

    Returns:
        Products, their codes, and the plans that certificates name.
    """
    sold = counted(certificate_lines, _SOLD)
    offered = counted(schedule_lines, _OFFERED).drop_nulls("product")
    rows = _rows(sold, offered)
    codes = _codes(rows, [sold, offered]).join(_uses(certificate_lines, schedule_lines), on="code", how="left")
    counts = pl.col("groups_count", "schedules_count").fill_null(0).cast(pl.Int32)
    return ProductTables(
        keyed("products", rows, Products),
        keyed("product_codes", codes.with_columns(counts), ProductCodes),
        keyed("plans", _plans(certificate_lines), Plans),
    )


def _rows(sold: pl.DataFrame, offered: pl.DataFrame) -> pl.DataFrame:
    """Describe each product once."""
    most_sold = commonest(sold, ["product"]).with_columns(is_sold=pl.lit(value=True))
    most_offered = commonest(offered, ["product"]).rename({"category": "offered_category"})
    category = pl.when("is_sold").then("category").otherwise("offered_category").alias("category")
    products = most_sold.join(most_offered, on="product", how="full", coalesce=True).with_columns(category)
    return products.with_columns(
        id="product",
        product_code="product",
        product_name=pl.coalesce("category", "product"),
        off_group_letter_description="off_group_letter",
    )


def _codes(products: pl.DataFrame, found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """List the categories in which each code was found."""
    categories = pl.concat([counts.select("category", code="product") for counts in found])
    listed = categories.group_by("code").agg(categories=_listed("category"))
    return products.select(code="product", product_category="category").join(listed, on="code", how="left")


def _uses(sold_lines: pl.DataFrame, offered_lines: pl.DataFrame) -> pl.DataFrame:
    """Find the states, groups and schedules of each code."""
    groups = pl.when(~is_invalid_group(pl.col("group_key"))).then("group_key")
    places = sold_lines.select("product", "state", "group_key").unique().with_columns(groups)
    sold = places.group_by(code="product").agg(allowed_states=_listed("state"), groups_count=_distinct("group_key"))
    offered = (
        offered_lines.select("schedule", code="product").group_by("code").agg(schedules_count=_distinct("schedule"))
    )
    return sold.join(offered.drop_nulls("code"), on="code", how="full", coalesce=True)


def _listed(column: str) -> pl.Expr:
    """Write the values of a group as sorted text; null without any."""
    values = pl.col(column).drop_nulls().unique().sort()
    return pl.when(values.len() > 0).then(values.str.join(","))


def _distinct(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls().n_unique()


def _plans(sold_lines: pl.DataFrame) -> pl.DataFrame:
    plans = sold_lines.filter(pl.col("plan") != ANY_PLAN).select("product", "plan").unique()
    return plans.select(
        id=pl.concat_str("product", "plan", separator="-"), product_code="product", plan_code="plan", plan_name="plan"
    )
