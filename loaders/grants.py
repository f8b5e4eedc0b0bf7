"""The least that the target must let firn do, and readers, as a script for whoever may grant it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.sql import Identifier, Literal

from loaders import queries

if TYPE_CHECKING:
    from loaders.postgres import Postgres

__all__ = ["LOADER", "READER", "script"]

LOADER = "firn_loader"
READER = "firn_reader"
_SQL = queries.read("grants.sql")


def script(target: Postgres, loader: str = LOADER, reader: str = READER) -> str:
    """Return statements that make a role that firn works as, and one that reads; nothing is asked or executed.

    Args:
        target: Whose schemas.
        loader: The name of the first.
        reader: The name of the second.
    """
    names = {
        "loader": Identifier(loader),
        "loader_text": Literal(loader),
        "reader": Identifier(reader),
        "reader_text": Literal(reader),
        "production": Identifier(target.production),
    }
    parts = ("script", "signal" if target.terminate_blockers else "stats")
    return "\n".join(_SQL[part].format(**names).as_string(None).rstrip(";") + ";" for part in parts)
