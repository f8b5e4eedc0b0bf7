"""Connections are verified by the CA that is stated, and no secret is in what firn prints, records or raises."""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from firn import FirnError, SourceError
from loaders.connections import Server
from pipelines.engine import commands, settings, texts
from sources.mysql.chunks import _read
from sources.mysql.sessions import open_session
from tests import program
from tests.certificates import certify
from tests.conftest import reachable_folder
from tests.mariadb import PASSWORD, READER, make_database, serve_mariadb
from tests.postgres import serve_postgres
from tests.storage import CONNECTION_STRING, OTHER_KEY, SAS_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.mariadb import MariaDB
    from tests.storage import Store

TARGET_PASSWORD = "in'vented \\ target pass/word"  # noqa: S105 (invented)
WRONG_PASSWORD = "another, which is wrong: 100%"  # noqa: S105 (the same)


PIPELINES = ("clinic", "order_lists")


def quoted(password: str) -> str:
    """Write a password as connection strings have it."""
    return "'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'"


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL and a MariaDB that show a certificate for 127.0.0.1, and the CA of nobody."""

    folder: Path
    port: int
    admin: str
    mariadb: MariaDB

    @property
    def ca(self) -> Path:
        return self.folder / "server" / "ca.pem"

    @property
    def stranger(self) -> Path:
        return self.folder / "stranger" / "ca.pem"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with reachable_folder() as folder:
        certificate = certify(folder / "server", "127.0.0.1")
        certify(folder / "stranger", "127.0.0.1")
        copy = certify(folder / "mariadb", "127.0.0.1")
        copy.write_bytes(certificate.read_bytes())
        copy.with_name("key.pem").write_bytes((folder / "server" / "key.pem").read_bytes())
        options = (f"--ssl-cert={copy}", f"--ssl-key={copy.with_name('key.pem')}")
        (folder / "pg").mkdir()
        with (
            serve_postgres(folder / "pg", certificate) as (port, admin),
            serve_mariadb(*options) as mariadb,
            make_database(mariadb) as database,
        ):
            database.execute("CREATE TABLE zipcode (ZipCodeNum bigint PRIMARY KEY)", "INSERT INTO zipcode VALUES (1)")
            with psycopg.connect(admin, autocommit=True) as connection:
                word = psycopg.sql.Literal(TARGET_PASSWORD).as_string(connection)
                connection.execute(f"CREATE ROLE loader LOGIN PASSWORD {word}")  # type: ignore[arg-type]
                connection.execute("CREATE DATABASE warehouse OWNER loader")
            yield Servers(folder, port, admin, database)


@dataclass
class Setup:
    """Settings of which single ones are made wrong."""

    folder: Path
    servers: Servers
    account: Store

    def write(self, **wrong: Mapping[str, object]) -> Path:
        """Write them, with those given in place of the right ones; None leaves one out."""
        servers = self.servers
        host = f"host=127.0.0.1 port={servers.port} user=loader dbname=warehouse"
        right: dict[str, dict[str, object]] = {
            "target": {"dsn": host, "password": "file:target", "sslmode": "verify-full", "sslrootcert": "ca.pem"},
            "clinic.source": {
                "host": "127.0.0.1",
                "port": servers.mariadb.port,
                "user": READER,
                "database": servers.mariadb.database,
                "password": "env:CLINIC",
                "ca": "ca.pem",
            },
            "order_lists.blobs": {
                "container": self.account.name,
                "account_url": self.account.endpoint,
                "secret": f"command:{sys.executable} tell.py",
                "timeout_s": 5.0,
            },
        }
        lines = []
        for table, keys in right.items():
            stated = {**keys, **wrong.get(table, {})}
            lines += [f"[{table}]", *(f"{k} = {json.dumps(v)}" for k, v in stated.items() if v is not None)]
        (self.folder / "firn.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
        return self.folder / "firn.toml"


@pytest.fixture
def setup(servers: Servers, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    for name in (CONNECTION_STRING, SAS_TOKEN, "MYSQL_PWD", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLINIC", PASSWORD)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_bytes(servers.ca.read_bytes())
    (tmp_path / "target").write_text(f"{TARGET_PASSWORD}\n", encoding="utf-8")
    (tmp_path / "tell.py").write_text(f"print({store.sas()!r})", encoding="utf-8")
    return Setup(tmp_path, servers, store)


def test_references_are_followed_and_servers_verified(setup: Setup) -> None:
    """PostgreSQL by both drivers, MariaDB by both drivers, the container by a program that tells its token."""
    config = setup.write()
    encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    with settings.load_target(config).open():
        pass
    server = Server(
        f"host=127.0.0.1 port={setup.servers.port} user=loader dbname=warehouse sslmode=verify-full "
        f"sslrootcert={setup.servers.ca} password={quoted(TARGET_PASSWORD)}"
    )
    with server.statements() as statements:
        assert [tuple(row) for row in statements.execute(encrypted).fetchall()] == [(True,)]
    with server.copying() as copying, copying.cursor() as cursor:
        cursor.execute(encrypted)
        assert cursor.fetchall() == [(True,)]
    source = settings.load("clinic", config).source  # type: ignore[attr-defined]
    ask = "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"
    with open_session(source.login()) as session:
        assert session.rows(ask, "Asking") != [("",)]
    assert list(_read(source.login(), source.preflight(), ask, "Asking").to_series()) != [""]
    blobs = settings.load("order_lists", config).blobs  # type: ignore[attr-defined]
    assert blobs.open().list_blobs("*") == []


@pytest.mark.parametrize("wrong", ["ca", "name"])
def test_a_server_with_a_wrong_ca_or_name_is_refused(setup: Setup, wrong: str) -> None:
    """With the right CA, and the name not asked about, the same servers are let through."""
    stranger = str(setup.servers.stranger)
    elsewhere = f"host=localhost port={setup.servers.port} user=loader dbname=warehouse"
    target = {"sslrootcert": stranger} if wrong == "ca" else {"dsn": elsewhere}
    source = {"ca": stranger} if wrong == "ca" else {"host": "localhost"}
    config = setup.write(target=target, **{"clinic.source": source})

    with pytest.raises(FirnError, match="Production is unchanged") as refused, settings.load_target(config).open():
        pass
    assert "certificate" in refused.value.message
    assert refused.value.exit_code == 1
    mysql = settings.load("clinic", config).source  # type: ignore[attr-defined]
    with pytest.raises(SourceError, match=r"certificate|hostname|IP") as unknown:
        mysql.preflight()
    assert "set ca" in unknown.value.hint

    config = setup.write(
        target={**target, "sslmode": "verify-ca", "sslrootcert": "ca.pem"},
        **{"clinic.source": {**source, "ca": "ca.pem", "tls": "verify-ca"}},
    )
    with settings.load_target(config).open():
        settings.load("clinic", config).source.preflight()  # type: ignore[attr-defined]


def test_rows_do_not_come_from_a_server_with_a_wrong_ca(setup: Setup) -> None:
    """The driver that reads rows makes connections of its own: it verifies, too; it tries for half a minute."""
    right = settings.load("clinic", setup.write()).source  # type: ignore[attr-defined]
    server = right.preflight()
    wrong = settings.load("clinic", setup.write(**{"clinic.source": {"ca": str(setup.servers.stranger)}}))
    with pytest.raises(SourceError):
        _read(wrong.source.login(), server, "SELECT 1", "Asking")  # type: ignore[attr-defined]


def failures(setup: Setup) -> dict[str, tuple[str, Mapping[str, Mapping[str, object]], str]]:
    """Every kind of connection that fails: which pipeline, what is wrong in its settings, and what is said."""
    closed = {"dsn": "host=127.0.0.1 port=1 user=loader dbname=warehouse"}
    inside = {"dsn": f"postgresql://loader:{quote(WRONG_PASSWORD, safe='')}@127.0.0.1:{setup.servers.port}/warehouse"}
    stranger = str(setup.servers.stranger)
    account = setup.account.endpoint.rpartition("/")[2]
    token = {"secret": "env:WRONG_SAS"}
    text = {"account_url": None, "secret": "env:WRONG_ACCOUNT"}
    return {
        "wrong password of the target": ("clinic", {"target": {"password": "env:WRONG"}}, "password authentication"),
        "wrong password in the dsn": ("clinic", {"target": {**inside, "password": None}}, "password authentication"),
        "no answer of the target": ("clinic", {"target": closed}, "does not answer"),
        "another CA of the target": ("clinic", {"target": {"sslrootcert": stranger}}, "certificate"),
        "no secret of the target": ("clinic", {"target": {"password": "env:NOTHING"}}, "is empty in env NOTHING"),
        "a literal password": ("clinic", {"target": {"password": WRONG_PASSWORD}}, "must say where it is"),
        "a broken dsn": ("clinic", {"target": {"dsn": f"host=here {WRONG_PASSWORD}"}}, "is not a PostgreSQL"),
        "wrong password of MySQL": ("clinic", {"clinic.source": {"password": "env:WRONG"}}, "refused"),
        "no answer of MySQL": ("clinic", {"clinic.source": {"port": 1}}, "Connecting to MySQL"),
        "another CA of MySQL": ("clinic", {"clinic.source": {"ca": stranger}}, "certificate"),
        "no CA of MySQL": ("clinic", {"clinic.source": {"ca": "none.pem"}}, "cannot be used"),
        "a program that fails": (
            "clinic",
            {"clinic.source": {"password": f"command:{sys.executable} fail.py"}},
            "code 3",
        ),
        "a token of another key": ("order_lists", {"order_lists.blobs": token}, "may not be read"),
        "an expired token": ("order_lists", {"order_lists.blobs": {"secret": "env:EXPIRED"}}, "expires"),
        "a connection string of another key": ("order_lists", {"order_lists.blobs": text}, "may not be read"),
        "no answer of the account": (
            "order_lists",
            {"order_lists.blobs": {"account_url": f"http://127.0.0.1:1/{account}", "timeout_s": 0.1}},
            "did not answer",
        ),
    }


def test_no_secret_is_in_anything_that_firn_prints_records_or_raises(
    setup: Setup, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, folder = setup.account, setup.folder
    forged = store.sas().partition("sig=")[0] + "sig=" + quote(OTHER_KEY, safe="")
    told = {"WRONG": WRONG_PASSWORD, "WRONG_SAS": forged, "EXPIRED": store.sas(hours=-1), "NOTHING": ""}
    told["WRONG_ACCOUNT"] = store.connection_string(key=OTHER_KEY)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    (folder / "fail.py").write_text(f"print({WRONG_PASSWORD!r}); raise SystemExit(3)", encoding="utf-8")
    config = setup.write()
    survey = program.run(["discover", "clinic"], folder, dict(os.environ))
    assert survey.returncode == 0, survey.stderr

    said: dict[str, str] = {}
    for name, (pipeline, wrong, expected) in failures(setup).items():
        setup.write(**wrong)
        done = program.run(["run", pipeline, "--json"], folder, dict(os.environ))
        assert done.returncode != 0, name
        assert expected in json.loads(done.stdout)["error"], (name, done.stdout)
        with pytest.raises(FirnError) as raised:
            commands.run(pipeline, config)
        said[name] = "\n".join([done.stdout, done.stderr, texts.error_text(raised.value), *chain(raised.value)])
    setup.write()
    shown = [
        program.run([*verb, "--json"], folder, dict(os.environ))
        for verb in (["show", "clinic"], ["show", "order_lists"], ["runs"], ["report"], ["audit"], ["doctor"])
    ]
    said["what is shown"] = "\n".join(one.stdout + one.stderr for one in shown)
    models = [settings.load_target(config), *(settings.load(one, config) for one in PIPELINES)]
    said["models"] = repr(models) + "".join(repr(one.model_dump()) for one in models)
    said["state"] = state(servers)

    assert "refused" in said["state"] or "failed" in said["state"]
    for secret in secrets_of(forged, store):
        assert leaks(said, secret) == []
        assert leaks({"a guard that is off": f"mysql://reader:{quote(secret, safe='')}@host"}, secret) != []


def leaks(said: Mapping[str, str], secret: str) -> list[str]:
    """Where a secret is found, in whatever spelling."""
    spellings = {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return [name for name, text in said.items() if any(one in text for one in spellings)]


def chain(error: BaseException) -> list[str]:
    """All that a traceback would show of an error and of what it came from."""
    found = traceback.TracebackException.from_exception(error)
    return [*found.format(), repr(error), repr(vars(error))]


def secrets_of(forged: str, store: Store) -> list[str]:
    signatures = [token.partition("sig=")[2].partition("&")[0] for token in (forged, store.sas())]
    return [TARGET_PASSWORD, WRONG_PASSWORD, PASSWORD, OTHER_KEY, *signatures]


def state(servers: Servers) -> str:
    """Every row of the state schema, as text."""
    with psycopg.connect(servers.admin, dbname="warehouse") as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'firn'").fetchall()
        rows: list[Any] = []
        for (name,) in names:
            rows += connection.execute(f"SELECT t::text FROM firn.{name} t").fetchall()  # type: ignore[arg-type]  # noqa: S608
    return "\n".join(row for (row,) in rows)
