"""What the errors of MySQL and of its two drivers mean to a person, told by the server's number and not by its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from firn import SourceChanged, SourceError, SourceUnavailable

if TYPE_CHECKING:
    from sources.mysql.sessions import Login

UNCHANGED = "Production is unchanged."
DENIED = {1044, 1045, 1251, 1524, 1698, 3118, 4151}
NO_DATABASE = {1049}
NO_RIGHT = {1142, 1143, 1227, 1370}
CHANGED = {1051, 1054, 1146, 1412, 1932}
TOO_SLOW = {1969, 3024}
NO_TLS = {2026, 3159}
PASSING = {1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1637, 1927, 3169, 4031}
CLIENT = frozenset(range(2000, 2100))
"""The numbers that a client gives what it could not do: reach the server, or hear from it again."""
UNABLE = {2019, 2049, 2054, 2058, 2059, 2061, 2068}
"""Those of what it cannot do however often it tries: an old protocol, an unknown way to log in."""

_NUMBER = re.compile(r"ERROR (\d+) \(\w+\): (.*?)\s*}?$", re.DOTALL)


def explained(number: int, said: str, what: str, login: Login) -> SourceError:
    """Make firn's error of one of MySQL's.

    Args:
        number: The server's or the client's number.
        said: Its text, which never holds a password.
        what: What was being done, as the subject of a sentence: ``Reading table "patient"``.
        login: Where, and as whom.
    """
    if number in PASSING or number in CLIENT - NO_TLS - UNABLE:
        passing = SourceUnavailable(
            f"{what} failed: {said} ({number}). {UNCHANGED}",
            f"check that {login.host}:{login.port} answers, then run again",
        )
        passing.code = str(number)
        return passing
    made = SourceChanged if number in CHANGED else SourceError
    who = f"MySQL refused {login}" if number in DENIED else f"{what} failed"
    return made(f"{who}: {said} ({number}). {UNCHANGED}", _hint(number, login))


def _hint(number: int, login: Login) -> str:
    hints = (
        (DENIED, "check user and password: the environment's MYSQL_PWD comes first, then the option file"),
        (NO_DATABASE, f"check the setting database; show what there is: {login.client('SHOW DATABASES', '')}"),
        (NO_RIGHT, f"GRANT SELECT ON {login.quoted_database}.* TO '{login.user}'@'...'"),
        (CHANGED, "run again, so that the tables are listed as they are now"),
        (TOO_SLOW, f"raise statement_timeout_s, now {login.statement_timeout_s:g}, or lower chunk_mb"),
        (
            NO_TLS,
            f'set ca, or export SSL_CERT_FILE=ca.pem, for its own CA; or lower the setting tls, now "{login.tls}"',
        ),
    )
    return next((hint for numbers, hint in hints if number in numbers), f"ask it by hand: {login.client('SELECT 1')}")


def explained_text(said: str, what: str, login: Login) -> SourceError:
    """Make firn's error of what connectorx says: it passes on the server's number in a text, or has none."""
    found = _NUMBER.search(said)
    if found:
        return explained(int(found[1]), found[2], what, login)
    return SourceUnavailable(
        f"{what} failed: the connection was lost. {UNCHANGED}",
        f"check that {login.host}:{login.port} answers, then run again",
    )
