"""SQL lives in .sql files, each statement under a name that is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loaders import queries

FOLDER = Path(queries.__file__).parent
FILES = sorted(path.name for path in FOLDER.glob("*.sql"))


@pytest.mark.parametrize("file", FILES)
def test_every_statement_of_a_file_is_read_and_used(file: str) -> None:
    statements = queries.read(file)
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))

    assert statements
    for name, statement in statements.items():
        assert statement.as_string().strip()
        assert re.search(rf'"{name}"', code), f"{file} has {name}, which nobody runs"


def test_a_statement_lasts_until_the_next_name() -> None:
    found = queries.read("staging.sql")

    assert found["schema_exists"].as_string().startswith("SELECT EXISTS")
    assert "-- name" not in "".join(statement.as_string() for statement in found.values())


def test_no_statement_in_python_is_longer_than_a_line() -> None:
    for path in FOLDER.glob("*.py"):
        found = re.findall(r'"""\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER)\b', path.read_text(encoding="utf-8"))
        assert found == [], path.name
