"""Lines that were read well and are not published: another says the same, or what they need is not there."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["SetAside"]


class SetAside(dy.Schema):
    """A line that is not published; ``table`` is that of the lines, ``reason`` a documented code.

    ``column`` and ``raw`` are what decided, null where the line as a whole did.
    """

    table = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    column = dy.String(nullable=True)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)
