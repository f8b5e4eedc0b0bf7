"""A target that cannot take a publication is told from one that can by what it says of itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from firn import LoadError
from loaders import preflight


def server(**changes: object) -> SimpleNamespace:
    return SimpleNamespace(**{"version": 180004, "is_standby": False, "pid": 7} | changes)


def test_a_primary_reached_directly_is_fine() -> None:
    preflight._check_server(server(), 7)  # noqa: SLF001 (what it looks at cannot be had without a standby and a pooler)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 140011}, "PostgreSQL 14; firn needs 15 or newer"),
        ({"is_standby": True}, "standby and read-only"),
        ({"pid": 8}, "goes through a proxy or pooler: it was opened with session 7, and session 8 answers"),
    ],
)
def test_an_old_server_a_standby_and_a_pooler_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(LoadError, match=words):
        preflight._check_server(server(**changes), 7)  # noqa: SLF001
