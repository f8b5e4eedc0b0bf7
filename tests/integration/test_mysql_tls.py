"""Both drivers encrypt, and both verify the server by the CA that SSL_CERT_FILE names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firn import SourceError, SourceUnavailable
from sources.mysql.chunks import _read
from tests.certificates import certify
from tests.conftest import reachable_folder
from tests.mariadb import PASSWORD, make_database, serve_mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sources.mysql.sessions import Tls
    from tests.mariadb import MariaDB

VERIFIED: tuple[Tls, ...] = ("verify-ca", "verify-identity")


@pytest.fixture(scope="module", params=["127.0.0.1", "127.0.0.2"])
def certified(request: pytest.FixtureRequest) -> Iterator[tuple[str, Path, int]]:
    """A server whose certificate is for an address, which need not be its own."""
    with reachable_folder() as folder:
        certify(folder, request.param)
        options = (f"--ssl-cert={folder / 'ca.pem'}", f"--ssl-key={folder / 'key.pem'}")
        with serve_mariadb(*options) as port:
            yield request.param, folder / "ca.pem", port


@pytest.fixture
def encrypted(certified: tuple[str, Path, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[MariaDB]:
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    with make_database(certified[2]) as made:
        made.execute("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
        yield made


def cipher(mariadb: MariaDB, tls: Tls) -> list[str]:
    """Read a row, and ask either driver how it is connected."""
    source = mariadb.source(tls=tls, connect_timeout_s=10)
    (table,) = (table for table in source.tables() if table.name == "t")
    assert table.frame.collect()["a"].to_list() == [1]
    query = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"
    return list(_read(source.login(), source.preflight(), query, "Asking").to_series())


def test_a_connection_is_encrypted_where_that_is_required(encrypted: MariaDB) -> None:
    assert cipher(encrypted, "required") != [""]


@pytest.mark.parametrize("tls", VERIFIED)
def test_a_server_is_verified_by_its_ca_and_by_its_name(
    encrypted: MariaDB, certified: tuple[str, Path, int], monkeypatch: pytest.MonkeyPatch, tls: Tls
) -> None:
    address, ca, _ = certified
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))

    if tls == "verify-ca" or address == "127.0.0.1":
        assert cipher(encrypted, tls) != [""]
    else:
        with pytest.raises(SourceError) as caught:
            cipher(encrypted, tls)
        assert not isinstance(caught.value, SourceUnavailable)
        assert "SSL_CERT_FILE" in caught.value.hint


@pytest.mark.parametrize("tls", VERIFIED)
def test_a_server_that_an_unknown_ca_vouches_for_is_refused(encrypted: MariaDB, tls: Tls) -> None:
    with pytest.raises(SourceError) as caught:
        encrypted.source(tls=tls).preflight()

    assert not isinstance(caught.value, SourceUnavailable)
    assert "Production is unchanged." in caught.value.message
    assert "export SSL_CERT_FILE=ca.pem" in caught.value.hint
