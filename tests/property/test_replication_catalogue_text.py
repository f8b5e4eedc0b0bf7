"""Whatever names and declarations a database has, the catalogue says them again."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipelines.replication import catalogue
from pipelines.replication.catalogue_changes import changes
from pipelines.replication.discovery import discover
from sources.mysql.catalogue import SourceColumn, SourceTable

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    ["<<", "=", "yes", "NULL", "~", "1", "1e3", "2020-01-01", "a: b", "#", "- a", "'", "\x85", "\u2028", "\ufeff", "é"]
)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES, min_size=1), min_size=1)


@given(TABLES)
def test_every_name_and_declaration_is_read_as_it_was_written(tables: dict[str, dict[str, str]]) -> None:
    found = discover(
        "practice",
        [
            SourceTable(name, columns=tuple(SourceColumn(one, "int", kind) for one, kind in columns.items()))
            for name, columns in tables.items()
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tables.yaml"
        catalogue.write(found, path, "clinic")
        again = catalogue.read(path, "clinic")

    assert again == found
    assert [list(again.tables[name].columns) for name in tables] == [list(columns) for columns in tables.values()]
    assert changes(found, again) == []
