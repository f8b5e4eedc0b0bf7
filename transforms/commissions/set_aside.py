"""Lines that were read well and are not published: another says the same, or what they need is not there."""

# No future import: the engine reads the annotations, which are the contract.
from typing import Final

import dataframely as dy

__all__ = ["REASONS", "SetAside"]

REASONS: Final = {
    "repeated_broker": "one line for a broker in all rosters",
    "repeated_license": "one line for a broker, state, number, code, county and effective date",
    "repeated_insurance": "one line for a broker, carrier, policy and effective date",
    "repeated_rate": "one line for a schedule, product, state and range of group sizes",
    "rate_without_product": "a product",
    "repeated_fee": "a line that differs from all others",
    "group_without_proposal": "a proposal of the group",
    "older_assignment": "one recipient for all that a broker earns",
}
"""Why a line may be set aside, and what was expected instead."""


class SetAside(dy.Schema):
    """A line that is not published; ``table`` is the raw one, ``reason`` one of ``REASONS``.

    ``column``, a header of the file, and ``raw`` are what decided, null where the line as a whole did.
    """

    file = dy.String(nullable=False)
    table = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)
