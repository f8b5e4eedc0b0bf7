"""What a column that was declared anew can hold: everything that it could before, or not."""

from __future__ import annotations

import re
from typing import Literal

from pipelines.replication.catalogue import NOT_NULL

__all__ = ["Effect", "effect"]

Effect = Literal["same", "widened", "lossy"]
"""Of a new declaration: another spelling of the old one; every value of the old type is one of the new; any other."""

_INTEGERS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXTS = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1, "longtext": 2**32 - 1}
_BLOBS = {name.replace("text", "blob"): length for name, length in _TEXTS.items()}
_CHARACTER_BYTES = 4
"""What one character can take at most."""

_SHAPE = re.compile(r"(\w+)(?:\((.*)\))?(.*)", re.DOTALL)
_MEMBER = re.compile(r"'((?:[^']|'')*)'")


def effect(before: str, after: str) -> Effect:
    """Compare two declarations of a column, as the catalogue writes them."""
    old, new = before.removesuffix(NOT_NULL), after.removesuffix(NOT_NULL)
    if _normal(old) == _normal(new) and before.endswith(NOT_NULL) == after.endswith(NOT_NULL):
        return "same"
    nulls_fit = before.endswith(NOT_NULL) or not after.endswith(NOT_NULL)
    return "widened" if nulls_fit and _fits(old, new) else "lossy"


def _parsed(declared: str) -> tuple[str, str, str]:
    found = _SHAPE.fullmatch(declared)
    return (found[1].lower(), found[2] or "", found[3].strip().lower()) if found else (declared, "", "")


def _normal(declared: str) -> tuple[str, str, str]:
    """Take the width away that only says how a whole number is shown; of ``tinyint(1)`` it says that it is a truth."""
    name, inside, rest = _parsed(declared)
    shown = name in _INTEGERS and (name, inside) != ("tinyint", "1")
    return name, "" if shown else inside, rest


def _fits(before: str, after: str) -> bool:
    """Tell whether every value of one type is one of another."""
    if _normal(before) == _normal(after):
        return True
    return any(fit(_parsed(before), _parsed(after)) for fit in (_number, _text, _bytes, _time, _choice))


def _number(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    old, new = _exact(before), _exact(after)
    if old and new:
        return old[0] >= new[0] and old[1] <= new[1] and old[2] <= new[2] and _is_truth(before) >= _is_truth(after)
    if after[0] == "double" and "unsigned" not in after[2]:
        return before[0] == "float" or (before[0] in _INTEGERS and _INTEGERS[before[0]] <= _INTEGERS["int"])
    return before[0] == after[0] == "bit" and int(before[1] or 1) <= int(after[1] or 1)


def _is_truth(parsed: tuple[str, str, str]) -> bool:
    return parsed[:2] == ("tinyint", "1")


def _exact(parsed: tuple[str, str, str]) -> tuple[int, int, int] | None:
    """Return the lowest and the highest number, and the digits behind the point."""
    name, inside, rest = parsed
    unsigned = "unsigned" in rest
    if name in _INTEGERS:
        bits = _INTEGERS[name]
        return (0, 2**bits - 1, 0) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0)
    if name != "decimal":
        return None
    digits, _, scale = inside.partition(",")
    most = 10 ** (int(digits or 10) - int(scale or 0)) - 1
    return 0 if unsigned else -most, most, int(scale or 0)


def _text(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    old, new = _characters(before), _characters(after)
    if old is None or new is None or (after[0] == "char" and before[0] != "char"):
        return False
    return old * _CHARACTER_BYTES <= new if after[0] in _TEXTS and before[0] not in _TEXTS else old <= new


def _characters(parsed: tuple[str, str, str]) -> int | None:
    name, inside, _ = parsed
    return int(inside or 1) if name in ("char", "varchar") else _TEXTS.get(name)


def _bytes(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    old, new = _length(before), _length(after)
    padded = after[0] == "binary"  # with NUL bytes, to its length
    return old is not None and new is not None and not padded and old <= new


def _length(parsed: tuple[str, str, str]) -> int | None:
    name, inside, _ = parsed
    return int(inside or 1) if name in ("binary", "varbinary") else _BLOBS.get(name)


def _time(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    if (before[0], after[0]) == ("date", "datetime"):
        return True
    return before[0] == after[0] in ("datetime", "timestamp", "time") and int(before[1] or 0) <= int(after[1] or 0)


def _choice(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    members = set(_MEMBER.findall(before[1]))
    return before[0] == after[0] in ("enum", "set") and members <= set(_MEMBER.findall(after[1]))
