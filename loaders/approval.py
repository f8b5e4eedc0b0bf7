"""Whether tables of production may be replaced: no other dataset publishes them, and nothing on them would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import PublishError
from loaders import companions, inventory
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from firn import Companion, Namespace
    from loaders.connections import Statements
    from loaders.inventory import Item

__all__ = ["approve"]


def approve(
    connection: Statements,
    namespace: Namespace,
    dataset: str,
    tables: Sequence[str],
    expected: Collection[Item],
    *,
    beside: Sequence[Companion] = (),
) -> list[str]:
    """Return which of the tables exist in production, if they may be replaced.

    Args:
        connection: Where statements go.
        namespace: The schemas.
        dataset: Who wants to replace them.
        tables: Their names.
        expected: What the new tables will carry.
        beside: The companions of the new tables.

    Raises:
        PublishError: Another dataset publishes one of them, or something that one carries would be lost; each object is
            named. Production is unchanged.
    """
    state = State(connection, namespace)
    for table, owner in state.owners(dataset, tables).items():
        raise PublishError(
            f'Table "{table}" is published by {owner}, and cannot be by {dataset} too. Production is unchanged.',
            "give it another name",
        )
    current = state.current(dataset)
    known = inventory.items(current.tables) if current else []
    views = companions.views(current.tables) if current else []
    companions.check(connection, namespace.production, beside, views)
    own = [f"view {namespace.production}.{name}" for name in views]
    return inventory.approve(connection, namespace.production, tables, expected, known, own)
