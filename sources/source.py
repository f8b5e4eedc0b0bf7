"""The Source protocol: what every place that tables come from looks like to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from firn import Table


class Source(Protocol):
    """Lists tables cheaply; their rows are read when a frame is collected."""

    def tables(self) -> Iterable[Table]:
        """List the tables, each with its fingerprint and a lazy frame; parts of one name are one table.

        Raises:
            SourceError: The place itself cannot be listed. An unreadable table raises when its frame is collected,
                so that one bad part does not stop the others.
        """
        ...
