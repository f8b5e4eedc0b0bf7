"""Named SQL statements, kept in a .sql file beside the module that runs them.

``-- name: word`` starts a statement, which lasts until the next one. ``{word}`` stands for an identifier or a composed
fragment, ``%(word)s`` for a value.
"""

from __future__ import annotations

import re
from pathlib import Path

from psycopg.sql import SQL

__all__ = ["read"]

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def read(file: str) -> dict[str, SQL]:
    """Return the statements of a .sql file of this folder by name."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: SQL(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}
