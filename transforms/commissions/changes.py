"""Values that a rule set: what stood there, or that nothing did, is told by no other table, so it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dataframely as dy
import polars as pl

if TYPE_CHECKING:
    from transforms.commissions.columns import Records

__all__ = ["RULES", "Changed", "changed"]

RULES: Final = {
    "nulled": "Text that is no value of its column is null.",
    "rounded": "A number with more decimals than its column is rounded, half away from zero.",
    "recoded": "A state by its name or in small letters is its code; `Active` and `a` are the status `A`; the number "
    "of a group is without its `G`.",
    "unknown_status": "A status of a roster that is no `BrokerStatus` is null: `Active`, as in the original, would be "
    "made up.",
    "partial_bank_account": "A bank account without a routing number of nine digits, a number of at most 17 characters "
    "or a type is not published.",
    "other_license_status": "A status of a licence that is neither `Active` nor `Inactive`, or missing, is `OTHER`.",
    "other_fee_method": "A fee whose method is none that is known, or missing, is `OTHER_FEE`, monthly, and a "
    "percentage where its kind of amount is `PCT`, else fixed.",
    "contradicting_fee_kind": "Where the method of a fee and its kind of amount contradict one another, the method "
    "counts.",
    "unknown_recipient": "The recipient of a fee whom no table of brokers has is null.",
    "unknown_primary_broker": "The broker of a group whom no table of brokers has is null.",
    "missing_rate": "A rate without a year and without a level is zero.",
    "even_share": "A participant of a split without a percent is distributed an even share of 100.",
}
"""The rules that change values, and what they do."""


class Changed(dy.Schema):
    """How many values of a column of an extract a rule, one of ``RULES``, set."""

    rule = dy.String(nullable=False)
    table = dy.String(nullable=False)
    column = dy.String(nullable=False)
    count = dy.Int64(nullable=False)


def changed(*rules: tuple[str, Records[Any], str, int]) -> dy.DataFrame[Changed]:
    """List rules with the extract, the column of its typed line, and how many values each set; none that set none."""
    rows = [(rule, of.table, of.header(name), count) for rule, of, name, count in rules if count]
    return Changed.cast(pl.DataFrame(rows, schema=Changed.column_names(), orient="row"))
