"""``firn discover`` asks a real server, keeps the catalogue, and says what changed; no target is needed for it."""

# ruff: noqa: S608 (the names are the tests' own)
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from benchmarks.clinic_schema import tables
from tests.conftest import Installation
from tests.mariadb import READER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mariadb import MariaDB

MADE = ("patient", "claim", "procedurelog", "task", "securitylog", "definition", "fee", "tmppatient")
"""Some tables of the clinic; the others are small."""

OTHERS = [f"small{number}" for number in range(24)]


@pytest.fixture
def clinic(mariadb: MariaDB, tmp_path: Path) -> Installation:
    """A folder with settings that name a database of 32 tables."""
    mariadb.execute(*(tables()[name].create() for name in MADE))
    mariadb.execute(*(f"CREATE TABLE {name} (Num bigint PRIMARY KEY)" for name in OTHERS))
    mariadb.execute(f"INSERT INTO definition (ItemName) VALUES {', '.join(['(1)'] * 120)}", mode="")
    place = {"host": "127.0.0.1", "port": mariadb.port, "user": READER, "database": mariadb.database}
    stated = [f"{name} = {json.dumps(value)}" for name, value in {**place, "tls": "disabled"}.items()]
    (tmp_path / "firn.toml").write_text("\n".join(["[clinic.source]", *stated, ""]), encoding="utf-8")
    return Installation(tmp_path, tmp_path / "pg", "")


def file(clinic: Installation) -> str:
    return (clinic.folder / "tables.yaml").read_text(encoding="utf-8")


def listed(clinic: Installation) -> list[str]:
    return sorted(path.name for path in clinic.folder.iterdir())


def test_the_first_discovery_makes_the_catalogue_and_says_what_it_found(clinic: Installation) -> None:
    done = clinic.firn("discover", "clinic")

    assert done.returncode == 0, done.stderr
    assert "32 tables, asked in" in done.stdout
    assert "tables.yaml is made." in done.stdout
    found = yaml.safe_load(file(clinic))["tables"]
    assert len(found) == 32
    assert found["definition"]["rows"] == 120
    assert found["definition"]["key"] == ["DefNum"]
    assert found["securitylog"]["tier"] == "audit"
    assert found["patient"]["columns"]["PatNum"] == "bigint(20) not null"
    assert listed(clinic) == ["firn.toml", "tables.yaml"], "nothing else was made, and no target was started"


def test_a_second_discovery_finds_nothing_changed_and_can_say_so_by_its_exit_code(clinic: Installation) -> None:
    clinic.firn("discover", "clinic")
    before = file(clinic)

    assert clinic.firn("discover", "clinic").returncode == 0
    again = clinic.json("discover", "clinic", "--exit-code", code=6)

    assert (again["status"], again["written"], again["changes"]) == ("unchanged", False, [])
    assert file(clinic) == before
    assert listed(clinic) == ["firn.toml", "tables.yaml"]


def test_figures_alone_are_written_without_losing_the_copy_of_the_catalogue_before(
    clinic: Installation, mariadb: MariaDB
) -> None:
    clinic.firn("discover", "clinic")
    first = file(clinic)
    mariadb.execute("ALTER TABLE task ADD COLUMN Urgency int")
    clinic.firn("discover", "clinic")
    mariadb.execute("INSERT INTO definition (ItemName) VALUES ('one more')", mode="")

    done = clinic.firn("discover", "clinic")

    assert "Nothing changed but figures. " in done.stdout
    assert "    rows: 121\n" in file(clinic)
    assert (clinic.folder / "tables.yaml.before").read_text(encoding="utf-8") == first


def test_what_changed_at_the_source_is_told_and_the_catalogue_replaced(clinic: Installation, mariadb: MariaDB) -> None:
    clinic.firn("discover", "clinic")
    first = file(clinic)
    mariadb.execute(
        "CREATE TABLE chat (ChatNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY)",
        "DROP TABLE small3",
        "RENAME TABLE small4 TO tiny4",
        "ALTER TABLE task CHANGE Descript Description text",
        "ALTER TABLE patient ADD COLUMN IsMirrored tinyint NOT NULL AFTER FName, MODIFY LName varchar(200)",
        "ALTER TABLE definition DROP COLUMN ItemColor, MODIFY ItemOrder int NOT NULL",
        "ALTER TABLE fee MODIFY Amount decimal(10,2) NOT NULL",
        "ALTER TABLE tmppatient ADD PRIMARY KEY (patient_id)",
        mode="",
    )

    done = clinic.firn("discover", "clinic", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "as it was: this was a dry run" in done.stdout
    assert file(clinic) == first

    done = clinic.firn("discover", "clinic")
    assert "tables.yaml is replaced; the one before is tables.yaml.before." in done.stdout
    for told in (
        "+ chat: 1 column, 0 rows, standard, full",
        "- small3",
        "~ task.Descript -> Description: probably renamed (both text, at the same place)",
        "+ patient.IsMirrored: tinyint(4) not null",
        "~ patient.LName: varchar(100) -> varchar(200) (widened)",
        "- definition.ItemColor: int(11) not null",
        "~ fee.Amount: double not null -> decimal(10,2) not null (lossy)",
        "~ tmppatient: key none -> patient_id",
    ):
        assert f"\n{told}\n" in done.stdout, done.stdout
    assert "small4 -> tiny4: probably renamed" in done.stdout
    assert (clinic.folder / "tables.yaml.before").read_text(encoding="utf-8") == first
    assert clinic.json("discover", "clinic")["changes"] == []


def test_the_changes_for_programs_have_the_same_facts(clinic: Installation, mariadb: MariaDB) -> None:
    clinic.firn("discover", "clinic")
    mariadb.execute("ALTER TABLE fee MODIFY Amount decimal(10,2) NOT NULL")

    found = clinic.json("discover", "clinic", "--exit-code")

    change = {"kind": "column retyped", "table": "fee", "column": "Amount", "why": "", "effect": "lossy"}
    assert found["changes"] == [{**change, "before": "double not null", "after": "decimal(10,2) not null"}]
    assert (found["status"], found["written"], found["tables"]) == ("replaced", True, 32)
    assert sum(found["tiers"].values()) == sum(found["strategies"].values()) == 32


def test_a_source_that_lost_many_tables_does_not_replace_the_catalogue_unless_told_to(
    clinic: Installation, mariadb: MariaDB
) -> None:
    clinic.firn("discover", "clinic")
    first = file(clinic)
    mariadb.execute(f"DROP TABLE {', '.join(OTHERS[:7])}")

    refused = clinic.json("discover", "clinic", code=3)
    assert "has lost 7 of 32 tables, 22 %: small0, small1" in refused["error"]
    assert "Catalogue and production are unchanged." in refused["error"]
    assert refused["hint"].endswith("firn discover clinic --accept-loss")
    assert file(clinic) == first

    assert clinic.json("discover", "clinic", "--accept-loss")["tables"] == 25
    assert (clinic.folder / "tables.yaml.before").read_text(encoding="utf-8") == first


def test_a_source_may_lose_a_fifth_of_its_tables(clinic: Installation, mariadb: MariaDB) -> None:
    clinic.firn("discover", "clinic")
    mariadb.execute(f"DROP TABLE {', '.join(OTHERS[:6])}")
    assert len(clinic.json("discover", "clinic")["changes"]) == 6


def test_a_database_without_tables_is_refused(clinic: Installation, mariadb: MariaDB) -> None:
    mariadb.execute(f"DROP TABLE {', '.join([*MADE, *OTHERS])}")
    error = clinic.json("discover", "clinic", "--accept-loss", code=1)
    assert "has no tables, or reader@127.0.0.1" in error["error"]
    assert "SHOW GRANTS" in error["hint"]
    assert listed(clinic) == ["firn.toml"]


def test_what_people_decide_stays_and_a_decision_for_no_table_is_named(clinic: Installation) -> None:
    decided = '\n[clinic.tables.fee]\ntier = "critical"\n\n[clinic.tables.pateint]\nowner = "legacy"\n'
    settings = clinic.folder / "firn.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + decided, encoding="utf-8")
    before = settings.read_bytes()

    done = clinic.firn("discover", "clinic")

    assert done.returncode == 0, done.stderr
    assert "a table that is not there: [clinic.tables.pateint]. Did you mean patient?" in done.stdout
    assert "[clinic.tables.fee]" not in done.stdout
    assert settings.read_bytes() == before
    assert yaml.safe_load(file(clinic))["tables"]["fee"]["tier"] != "critical", "the file says what discovery found"
    assert clinic.json("discover", "clinic")["overrides_without_table"] == {"pateint": "patient"}


def test_a_wrong_password_fails_in_one_attempt_and_is_not_shown(clinic: Installation, mariadb: MariaDB) -> None:
    clinic.firn("discover", "clinic")
    first, before = file(clinic), mariadb.query("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1]

    done = clinic.firn("discover", "clinic", env={"MYSQL_PWD": "wrong-secret"})

    assert done.returncode == 1
    assert f"MySQL refused reader@127.0.0.1:{mariadb.port}" in done.stderr
    assert "MYSQL_PWD" in done.stderr
    assert "wrong-secret" not in done.stdout + done.stderr
    assert int(mariadb.query("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1]) == int(before) + 1
    assert file(clinic) == first


def test_a_damaged_catalogue_is_not_taken_for_none(clinic: Installation) -> None:
    clinic.firn("discover", "clinic")
    damaged = file(clinic).replace("    rows: 120\n", "    rows: a few\n")
    (clinic.folder / "tables.yaml").write_text(damaged, encoding="utf-8")

    error = clinic.json("discover", "clinic", code=2)

    assert "is damaged: tables.definition.rows" in error["error"]
    line = damaged.splitlines().index("    rows: a few") + 1
    assert f"tables.yaml, line {line}" in error["error"]
    assert file(clinic) == damaged


def test_the_catalogue_stands_where_the_settings_say_beside_the_settings_file(clinic: Installation) -> None:
    settings = clinic.folder / "firn.toml"
    settings.write_text('[clinic]\ncatalogue = "kept/here.yaml"\n' + settings.read_text(encoding="utf-8"), "utf-8")
    (clinic.folder / "kept").mkdir()
    elsewhere = Installation(clinic.folder / "kept", clinic.home, "")

    refused = elsewhere.json("discover", "order_lists", "--config", "../firn.toml", code=2)
    assert "there is nothing to discover" in refused["error"]
    assert elsewhere.firn("discover", "clinic", "--config", "../firn.toml").returncode == 0
    assert listed(elsewhere) == ["here.yaml"]


def test_a_misspelt_decision_is_refused_with_its_line(clinic: Installation) -> None:
    settings = clinic.folder / "firn.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + '[clinic.tables.fee]\nteir = "critical"\n', "utf-8")

    error = clinic.json("discover", "clinic", code=2)

    assert "[clinic.tables.fee] teir is no setting" in error["error"]
    assert error["hint"] == "Did you mean tier?"
