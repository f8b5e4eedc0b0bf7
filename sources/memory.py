"""Tables given in code, for tests and tutorials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from firn import Table


@dataclass(frozen=True)
class Memory:
    """A source that lists the tables it was given.

    Attributes:
        given: The tables, in order.
    """

    given: tuple[Table, ...]

    def tables(self) -> Iterable[Table]:
        """List the tables as given."""
        return self.given
