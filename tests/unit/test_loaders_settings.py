"""A connector is its configuration: checked when made, silent about its secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from firn import ConfigError, Namespace
from loaders.connections import Server
from loaders.postgres import Postgres

if TYPE_CHECKING:
    from pathlib import Path


def test_the_default_is_the_embedded_server_and_firns_own_schemas() -> None:
    assert Postgres().dsn is None
    assert Postgres().namespace == Namespace()


@pytest.mark.parametrize("changes", [{"production": "firn"}, {"staging": "x", "previous": "x"}, {"state": ""}])
def test_each_role_has_a_schema_of_its_own(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="four different schemas"):
        Postgres(**changes)  # type: ignore[arg-type]


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Postgres().production = "x"  # type: ignore[misc]


@pytest.mark.parametrize("dsn", ["postgresql://u:secret@h/d", "host=h user=u password=secret dbname=d"])
def test_no_representation_shows_the_password(dsn: str) -> None:
    shown = repr(Server(dsn)) + repr(Postgres(dsn=SecretStr(dsn))) + str(Postgres(dsn=SecretStr(dsn)).model_dump())

    assert "secret" not in shown
    assert "user=u" in shown


@pytest.mark.parametrize("dsn", ["postgresql://u:se%zzcret@h/d", "secret", "password='secret"])
def test_a_dsn_that_cannot_be_read_is_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Server(dsn)

    assert "cret" not in caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("dsn", "hint"),
    [
        ("hots=h user=u", "did you mean host?"),
        ("postgresql://u@h/d?aplication_name=x", "did you mean application_name?"),
        ("frobnicate=1", "leave it out, or see the connection options of libpq"),
    ],
)
def test_an_unknown_option_of_a_dsn_is_named(dsn: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=r"has an option (hots|aplication_name|frobnicate), which") as caught:
        Server(dsn)

    assert caught.value.hint == hint


@pytest.mark.parametrize("dsn", ["password=one secret=two host=h", "postgresql://u:p/d?secret=x@h/d"])
def test_a_piece_of_a_password_is_not_taken_for_an_option(dsn: str) -> None:
    with pytest.raises(ConfigError, match="not a PostgreSQL connection string"):
        Server(dsn)


def test_a_service_that_nobody_defined_is_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "none.conf"))
    with pytest.raises(ConfigError, match=r"dsn cannot be used: .*nobody.*production is unchanged") as caught:
        Server("service=nobody password=hidden").statements()

    assert "pg_service.conf" in caught.value.hint
    assert "hidden" not in caught.value.message + caught.value.hint
