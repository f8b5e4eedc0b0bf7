"""Whom a customer name stands for, and how that customer's workbooks look, read from ``customers.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from firn import ConfigError
from transforms.order_lists.profiles import KEYS, PLAIN, Profile, read_profile
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
    "profile_of",
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
        profile: What is known of the workbooks that are named for it.
        workbooks: What is known of single ones, by the names of their files.
    """

    canonical: str
    aliases: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    profile: Profile = PLAIN
    workbooks: Mapping[str, Profile] = field(default_factory=dict)


def folded_name(name: str) -> str:
    """Make a name comparable: no-break spaces as spaces, trimmed, case-folded."""
    return plain_text(name).casefold()


def read_customers(text: str, file: str) -> dict[str, Customer]:
    """Read and validate the customers.

    Args:
        text: TOML with an array ``customers`` of tables ``canonical``, ``aliases``, ``date_order``, ``sheet``,
            ``header_row``, ``headers``, and the last three again in an array ``workbooks`` of tables with a ``file``.
        file: What errors call it.

    Returns:
        Each customer under each of its names, folded.

    Raises:
        ConfigError: The text is no TOML, a table is not as described, a name stands for two customers, or a header
            for two columns.
    """
    try:
        tables = tomllib.loads(text)["customers"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigError(f"{file}: {error}", "List every customer in a table [[customers]].") from error
    by_name: dict[str, Customer] = {}
    for table in tables:
        customer = _customer(table, _place(table, text, file))
        for name in (customer.canonical, *customer.aliases):
            other = by_name.setdefault(folded_name(name), customer)
            if other is not customer:
                raise ConfigError(
                    f"{file}, line {_last_line_with(name, text)}: {name!r} of {customer.canonical!r} already means "
                    f"{other.canonical!r}",
                    "One name stands for one customer: keep it where it belongs.",
                )
    return by_name


def _customer(table: Mapping[str, Any], place: str) -> Customer:
    name, order, books = table.get("canonical"), table.get("date_order"), table.get("workbooks", [])
    unknown = {*table} - KEYS - {"canonical", "aliases", "date_order", "workbooks"}
    odd = [book for book in books if {*book} - KEYS != {"file"}]
    if not name or unknown or odd or order not in {None, "day_first", "month_first"}:
        raise ConfigError(
            f"{place}: the customer {dict(table)} is not understood",
            'Give canonical, aliases, date_order = "day_first" or "month_first", sheet, header_row, headers, and the '
            "last three again for single workbooks in tables [[customers.workbooks]] with a file.",
        )
    own = read_profile(table, f"{place}, {name}")
    # What is not said of a workbook is as it is with its customer.
    single = {book["file"]: read_profile({**_said(table), **book}, f"{place}, {book['file']}") for book in books}
    return Customer(name, tuple(table.get("aliases", ())), order, own, single)


def _said(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in KEYS}


def _place(table: Mapping[str, Any], text: str, file: str) -> str:
    line = _last_line_with(str(table.get("canonical")), text)
    return f"{file}, line {line}" if line else file


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


def named_by_file(file: str, customers: Mapping[str, Customer] = CUSTOMERS) -> str:
    """Name the customer whose workbook ``file`` is, from ``<customer> ORDER LIST (M3).xlsx``."""
    name, *_ = re.split(r"\s+order list", file.rpartition("/")[2], maxsplit=1, flags=re.IGNORECASE)
    return canonical_name(name, customers)


def profile_of(file: str, customers: Mapping[str, Customer] = CUSTOMERS) -> Profile:
    """Tell what is known of a workbook by its name, or else by the customer whom it is named for."""
    name = file.rpartition("/")[2]
    single = next((c.workbooks[name] for c in customers.values() if name in c.workbooks), None)
    known = customers.get(folded_name(named_by_file(file, customers)))
    return single or (known.profile if known else PLAIN)
