"""Whether tables of production may be replaced: no other dataset publishes them, and nothing on them would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firn import PublishError
from loaders import bindings, companions, dependents, dressing, inventory
from loaders.state import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from firn import Companion, Namespace
    from loaders.bindings import Bindings
    from loaders.connections import Statements
    from loaders.inventory import Item

__all__ = ["Approval", "approve", "refuse", "refuse_taken"]

_MOST_NAMED = 20


class Approval(NamedTuple):
    """What may be done to production.

    Attributes:
        present: Which of the tables exist.
        bindings: What points the objects that know them at the new tables.
        following: The views over companions that are as they should be, and are among those objects.
    """

    present: list[str]
    bindings: Bindings
    following: Collection[str]


def approve(
    connection: Statements,
    namespace: Namespace,
    dataset: str,
    tables: Sequence[str],
    expected: Collection[Item],
    *,
    beside: Sequence[Companion] = (),
    leaving: Collection[str] = (),
    rebuild: bool = False,
) -> Approval:
    """Tell which of the tables exist in production and what follows them, if they may be replaced.

    Args:
        connection: Where statements go.
        namespace: The schemas.
        dataset: Who wants to replace them.
        tables: Their names.
        expected: What the new tables will carry.
        beside: The companions of the new tables.
        leaving: The tables that nothing replaces.
        rebuild: Whether foreign keys of tables outside the publication are made anew.

    Raises:
        PublishError: Another dataset publishes one of them, or something that one carries would be lost; each object is
            named. Production is unchanged.
    """
    refuse_taken(connection, namespace, dataset, tables, beside)
    production, current = namespace.production, State(connection, namespace).current(dataset)
    shown = {name: current.tables[name] for name in tables if name in current.tables} if current else {}
    known, views = inventory.items(shown), companions.views(shown)
    remade = companions.remade(beside, shown)
    present = inventory.carried(connection, production, tables)
    held = dependents.read(connection, production, tables)
    others = {(dependent.table, dependent.name) for dependent in held}
    lost = [item for item in inventory.losses(present, expected, known) if (item.table, item.name) not in others]
    foreign = [dependent for dependent in held if dependent.sibling not in remade]
    role = dependents.role(connection)
    rebuilt = [dependents.KEY] if rebuild else []
    misfits = dependents.refused(foreign, present, expected, role, leaving=leaving, rebuilt=rebuilt)
    unlocked = [o.refusal(role) for o in dressing.outward(connection, production, tables) if not o.may_lock]
    refuse([*map(str, lost), *unlocked, *(misfits or bindings.untrue(connection, foreign))], production)
    found = sorted({item.table for item in present})
    following = {d.sibling for d in foreign if d.sibling and d.sibling in views}
    return Approval(found, bindings.read(connection, production, found, held, remade), following)


def refuse_taken(
    connection: Statements,
    namespace: Namespace,
    dataset: str,
    tables: Sequence[str],
    beside: Sequence[Companion] = (),
) -> None:
    """Refuse names that are another's: of tables that another dataset publishes, of companions that firn did not make.

    Raises:
        PublishError: Names one, and whose it is. Production is unchanged.
    """
    state = State(connection, namespace)
    for table, owner in state.owners(dataset, tables).items():
        raise PublishError(
            f'Table "{table}" is published by {owner}, and cannot be by {dataset} too. Production is unchanged.',
            "give it another name",
        )
    current = state.current(dataset)
    companions.check(connection, namespace.production, beside, companions.views(current.tables) if current else [])


def refuse(lost: Sequence[str], production: str) -> None:
    """Refuse to lose anything.

    Raises:
        PublishError: Something would be lost; it is named. Production is unchanged.
    """
    if not lost:
        return
    named = "; ".join(lost[:_MOST_NAMED])
    more = f"; and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
    raise PublishError(
        f'Replacing tables of schema "{production}" would lose what others put on them: {named}{more}. '
        "Production is unchanged.",
        "do what is named beside each, or drop it, or move it to objects that firn does not publish, then run again",
    )
