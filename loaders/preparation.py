"""Makes the empty staging tables of a run, fit for how they will be published, or says why there is no way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firn import PublishError
from loaders import build, evolution, inventory, policies, shapes, strategies
from loaders.approval import approve, refuse_taken
from loaders.ddl import layout
from loaders.dressing import Dressing
from loaders.obstacles import other_kind
from loaders.staging import Staging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from firn import Dataset, Namespace
    from loaders.build import Made
    from loaders.connections import Statements
    from loaders.ddl import Layout
    from loaders.inventory import Item
    from loaders.shapes import Shape
    from loaders.state import State

__all__ = ["dressing", "make_staging"]


def make_staging(
    connection: Statements, namespace: Namespace, state: State, schema: str, dataset: Dataset, *, rebuild: bool
) -> Staging:
    """Make empty staging tables, and say how each will be published.

    Args:
        connection: Where statements go; in a transaction, so that a refusal leaves nothing.
        namespace: The schemas.
        state: What the target remembers.
        schema: The schema to make them in.
        dataset: What will be published.
        rebuild: Foreign keys of tables outside may be made anew.

    Raises:
        PublishError: They could not be published without losing something; each object is named.
        LoadError: A column type is missing.
    """
    layouts = {name: layout(name, contract) for name, contract in dataset.contracts.items()}
    policies.refuse(dataset, layouts)
    refuse_taken(connection, namespace, dataset.name, list(layouts), dataset.companions)
    known = _known(state, dataset.name)
    found = shapes.read(connection, namespace.production, list(layouts))
    _refuse_other_kinds(namespace.production, found)
    made: Made | PublishError | None = None
    family = strategies.preferred(dataset, layouts, found, namespace.production)
    if family != "changes":
        made = _like(connection, namespace, schema, dataset, layouts, known, rebuild=rebuild)
    refusal = made if isinstance(made, PublishError) else None
    choice = strategies.choose(dataset, layouts, found, namespace.production, refusal)
    for name in dataset.evolves & found.keys() if family == "changes" else ():
        evolution.refuse_used(connection, namespace.production, found[name], layouts[name].types)
    if made is None or isinstance(made, PublishError):
        made = build.make_plain(connection, schema, layouts, namespace.production, known)
    return Staging(schema, dataset, made.layouts, made.carries, choice=choice)


def dressing(connection: Statements, namespace: Namespace, state: State, staging: Staging) -> Dressing:
    """Return what staging tables need so that they can replace those of production."""
    own = [item for items in staging.carries.values() for item in items]
    known = _known(state, staging.dataset.name)
    return Dressing(connection, namespace.production, staging.schema, list(staging.layouts), own, known)


def _refuse_other_kinds(production: str, found: Mapping[str, Shape]) -> None:
    for name, shape in found.items():
        if kind := other_kind(shape):
            raise PublishError(
                f'"{production}"."{name}", where a table is to be published, is {kind}. Production is unchanged.',
                "give the table another name in the pipeline, or drop what is there",
            )


def _like(  # noqa: PLR0917 (what is there, what is wanted, and what firn made of it)
    connection: Statements,
    namespace: Namespace,
    schema: str,
    dataset: Dataset,
    layouts: Mapping[str, Layout],
    known: Sequence[Item],
    *,
    rebuild: bool,
) -> Made | PublishError:
    """Make tables that can replace those of production, or return why they cannot."""
    whole = dataset.evolves | {name for name in layouts if dataset.policy_of(name) == "insert_only"}
    try:
        with connection.transaction():
            made = build.make_like(connection, schema, layouts, namespace.production, known, evolves=whole)
            tables, beside = list(layouts), dataset.companions
            approve(connection, namespace, dataset.name, tables, made.expected, beside=beside, rebuild=rebuild)
    except PublishError as exc:
        return exc
    return made


def _known(state: State, dataset: str) -> Sequence[Item]:
    """Return what firn made of the contracts when it published the current generation."""
    current = state.current(dataset) if state.exists() else None
    return inventory.items(current.tables) if current else []
