"""The materialized views that read tables of a publication: they change in the same commit as the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.sql import Identifier

from firn import PublishError
from loaders import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg.sql import Composed

    from loaders.connections import Statements

__all__ = ["MaterializedView", "check", "read"]

_SQL = queries.read("refreshes.sql")


@dataclass(frozen=True, slots=True)
class MaterializedView:
    """A materialized view that reads tables of a publication.

    Attributes:
        oid: Its number in the catalogue.
        schema: Its schema.
        name: Its name.
        owner: The role that owns it.
        may: Whether this role may refresh it.
        quick: Whether it has a unique index, so that readers need not wait while it is refreshed.
    """

    oid: int
    schema: str
    name: str
    owner: str
    may: bool
    quick: bool

    def refresh(self) -> Composed:
        """Return the statement that refreshes it while others read it."""
        return _SQL["refresh"].format(view=Identifier(self.schema, self.name))

    def lock(self) -> Composed:
        """Return a statement that changes nothing and locks it against everybody; LOCK TABLE does not take it."""
        return _SQL["give"].format(view=Identifier(self.schema, self.name), owner=Identifier(self.owner))


def read(connection: Statements, schema: str, tables: Iterable[str]) -> list[MaterializedView]:
    """Return the populated materialized views over tables, each after those it reads."""
    values = {"schema": schema, "tables": list(tables)}
    return [MaterializedView(*row) for row in connection.execute(_SQL["readers"], values).fetchall()]


def check(views: Sequence[MaterializedView]) -> None:
    """Refuse those that cannot be refreshed while others read them.

    Raises:
        PublishError: Names one. Production is unchanged.
    """
    off = "set refresh_views = false for the target, and refresh them yourself"
    for view in views:
        named = f'Materialized view "{view.schema}"."{view.name}" reads what is published, and'
        if not view.may:
            raise PublishError(
                f'{named} belongs to "{view.owner}", so this role may not refresh it. Production is unchanged.',
                f'GRANT "{view.owner}" TO the role of the dsn; or {off}',
            )
        if not view.quick:
            raise PublishError(
                f"{named} has no unique index, without which its readers would wait as long as its refresh takes. "
                "Production is unchanged.",
                f"CREATE UNIQUE INDEX on it; or {off}",
            )
