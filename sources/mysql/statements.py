"""The named statements of ``statements.sql``, with identifiers quoted as MySQL wants them.

``-- name: word`` starts a statement, which lasts until the next one. ``{word}`` stands for an identifier, a number or a
composed fragment, ``%(word)s`` for a value.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PARTS = _NAME.split(Path(__file__).with_name("statements.sql").read_text(encoding="utf-8"))[1:]
STATEMENTS = {name: body.strip() for name, body in zip(_PARTS[::2], _PARTS[1::2], strict=True)}


def quoted(name: str) -> str:
    """Write a name as an identifier."""
    return "`" + name.replace("`", "``") + "`"


def composed(statement: str, **fragments: object) -> str:
    """Return a statement with fragments in their places; each is an identifier that is quoted, or a number."""
    return STATEMENTS[statement].format(**fragments)
