"""Whom a customer name stands for, read from ``customers.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from firn import ConfigError
from transforms.order_lists.readings import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CUSTOMERS",
    "Customer",
    "DateOrder",
    "canonical_name",
    "date_order",
    "folded_name",
    "named_by_file",
    "read_customers",
]

DateOrder = Literal["day_first", "month_first"]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer under all its names.

    Attributes:
        canonical: The name that keys use.
        aliases: Every other spelling seen in workbooks and in their file names.
        date_order: How it writes a date whose day and month could be swapped; None where nobody has said.
    """

    canonical: str
    aliases: tuple[str, ...] = ()
    date_order: DateOrder | None = None


def folded_name(name: str) -> str:
    """Make a name comparable: no-break spaces as spaces, trimmed, case-folded."""
    return plain_text(name).casefold()


def read_customers(text: str, file: str) -> dict[str, Customer]:
    """Read and validate the customers.

    Args:
        text: TOML with an array ``customers`` of tables ``canonical``, ``aliases``, ``date_order``.
        file: What errors call it.

    Returns:
        Each customer under each of its names, folded.

    Raises:
        ConfigError: The text is no TOML, a table is not as described, or a name stands for two customers.
    """
    try:
        tables = tomllib.loads(text)["customers"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigError(f"{file}: {error}", "List every customer in a table [[customers]].") from error
    by_name: dict[str, Customer] = {}
    for table in tables:
        customer = _customer(table, file)
        for name in (customer.canonical, *customer.aliases):
            other = by_name.setdefault(folded_name(name), customer)
            if other is not customer:
                raise ConfigError(
                    f"{file}, line {_last_line_with(name, text)}: {name!r} of {customer.canonical!r} already means "
                    f"{other.canonical!r}",
                    "One name stands for one customer: keep it where it belongs.",
                )
    return by_name


def _customer(table: Mapping[str, Any], file: str) -> Customer:
    name, order = table.get("canonical"), table.get("date_order")
    unknown = table.keys() - {"canonical", "aliases", "date_order"}
    if not name or unknown or order not in {None, "day_first", "month_first"}:
        raise ConfigError(
            f"{file}: the customer {dict(table)} is not understood",
            'Give canonical, aliases, and date_order = "day_first" or "month_first".',
        )
    return Customer(name, tuple(table.get("aliases", ())), order)


def _last_line_with(name: str, text: str) -> int:
    return max((i for i, line in enumerate(text.splitlines(), 1) if f'"{name}"' in line), default=0)


def _shipped() -> dict[str, Customer]:
    path = Path(__file__).with_name("customers.toml")
    return read_customers(path.read_text(encoding="utf-8"), path.name)


CUSTOMERS: Final = _shipped()


def canonical_name(name: str, customers: Mapping[str, Customer] = CUSTOMERS) -> str:
    """Name the customer that ``name`` stands for; a name that nobody listed stands for itself."""
    known = customers.get(folded_name(name))
    return known.canonical if known else name


def date_order(name: str | None, customers: Mapping[str, Customer] = CUSTOMERS) -> DateOrder | None:
    """Tell how the customer that ``name`` stands for writes dates; None where nobody has said."""
    known = customers.get(folded_name(name or ""))
    return known.date_order if known else None


def named_by_file(file: str) -> str:
    """Name the customer whose workbook ``file`` is, from ``<customer> ORDER LIST (M3).xlsx``."""
    name, *_ = re.split(r"\s+order list", file.rpartition("/")[2], maxsplit=1, flags=re.IGNORECASE)
    return canonical_name(name)
