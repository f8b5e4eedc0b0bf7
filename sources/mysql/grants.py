"""The least that a MySQL server must let firn do, as a script for whoever may grant it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from sources.mysql.statements import quoted

if TYPE_CHECKING:
    from sources.mysql.sessions import Tls

__all__ = ["Consistency", "script"]

Consistency: TypeAlias = Literal["detect", "lock", "snapshot"]


def script(database: str, user: str, tls: Tls, consistency: Consistency) -> str:
    """Return statements that make an account that reads one database; nothing is asked or executed.

    Args:
        database: The database.
        user: The account's name.
        tls: How firn connects; where it encrypts, the account may not do otherwise.
        consistency: How a replication sees to it that its tables are of one moment.
    """
    account = f"{_text(user)}@'%'"
    schema = quoted(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))  # no patterns
    encrypted = "" if tls == "disabled" else " REQUIRE SSL"
    locks = consistency != "detect"
    return "\n".join(
        [
            "-- MySQL, MariaDB: at the source, once, as an administrator; put a password and, if you can, a host in.",
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY 'PASSWORD'{encrypted};",
            f"GRANT SELECT ON {schema}.* TO {account};",
            "-- Tables are held while they are read, or while a snapshot begins; also for firn run --lock."
            if locks
            else "-- Only for firn run --lock, and for consistency = lock or snapshot:",
            f"{'' if locks else '-- '}GRANT LOCK TABLES ON {schema}.* TO {account};",
            "-- Not needed: with it the log of all writes tells that nothing was written meanwhile, not tables alone.",
            f"-- GRANT REPLICATION CLIENT ON *.* TO {account};",
        ]
    )


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
