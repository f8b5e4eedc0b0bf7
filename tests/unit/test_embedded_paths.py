"""Where the embedded PostgreSQL lives and how it is addressed."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from loaders.embedded import Binaries, Server, default_home


def test_firn_home_names_the_folder_for_every_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRN_HOME", "/a folder/firn")
    assert default_home() == Path("/a folder/firn")


def test_a_tilde_in_firn_home_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("FIRN_HOME", "~/firn")
    assert default_home() == Path("/home/anna/firn")


@pytest.mark.parametrize(
    ("data", "home"),
    [
        ("/data", "/data/firn"),
        ("", "/home/anna/.local/share/firn"),
        ("relative/is/ignored", "/home/anna/.local/share/firn"),
    ],
)
def test_without_firn_home_root_uses_var_lib_and_others_their_data_folder(
    monkeypatch: pytest.MonkeyPatch, data: str, home: str
) -> None:
    monkeypatch.delenv("FIRN_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.setenv("XDG_DATA_HOME", data)
    assert default_home() == Path("/var/lib/firn" if os.geteuid() == 0 else home)


@pytest.mark.parametrize("sockets", ["/run/a b", "/run/it's", "/run/100%41", "/run/a&b=c?d#e", "/run/ä"])
def test_the_dsn_keeps_every_character_of_the_socket_folder(sockets: str) -> None:
    dsn = urlsplit(Server(Path("/home/firn"), Path(sockets), "18").dsn)
    options = parse_qs(dsn.query, keep_blank_values=True)
    assert (dsn.scheme, dsn.username, dsn.password, dsn.path) == ("postgresql", "firn", None, "/firn")
    assert options == {"host": [sockets], "port": ["5432"], "hostaddr": [""]}


def test_a_data_directory_is_bound_to_the_major_version() -> None:
    assert Binaries(Path("/usr/lib/postgresql/15/bin"), "15.18").major == "15"
