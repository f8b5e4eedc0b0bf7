"""XML by expat, with every document type refused, and with it all entities but XML's own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from xml.parsers import expat

from sources.xlsx.limits import REPAIR, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

SPREADSHEET = frozenset(
    {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    }
)
"""The namespace of sheets, strings and styles: the transitional one, which Excel writes, and the strict one."""
XML_SPACE = "http://www.w3.org/XML/1998/namespace space"
BLANKS = " \t\r\n"
"""What XML counts as space."""


class Element(NamedTuple):
    """The start of an element.

    Attributes:
        parent: The local name of the element around it; empty for the root.
        name: Its local name.
        attributes: By local name.
    """

    parent: str
    name: str
    attributes: dict[str, str]


def parser(part: str) -> expat.XMLParserType:
    """Return a parser that reports names as ``namespace local`` and refuses a document type.

    Args:
        part: The part that will be parsed, for the refusal.
    """

    def refuse(*_: object) -> None:
        raise Refused(
            f"its part {part} declares XML entities, which a workbook never does and an attack on its reader may",
            "Do not open the file. Ask its sender for a workbook saved by Excel.",
        )

    new = expat.ParserCreate(namespace_separator=" ")
    new.buffer_text = True
    new.StartDoctypeDeclHandler = refuse
    return new


@contextmanager
def well_formed(part: str) -> Iterator[None]:
    """Turn what expat raises about ``part`` into a refusal."""
    try:
        yield
    except expat.ExpatError as error:
        where = f"{part}, line {error.lineno}, column {error.offset}: {expat.ErrorString(error.code)}"
        raise Refused(f"its content is damaged ({where})", REPAIR) from error
    except (LookupError, ValueError) as error:
        raise Refused(f"its content is damaged ({part}: {error})", REPAIR) from error


def split_name(name: str) -> tuple[str, str]:
    """Split what expat reports into namespace and local name."""
    namespace, _, local = name.rpartition(" ")
    return namespace, local


def elements(xml: bytes, part: str) -> list[Element]:
    """Return the start of every element of a small part, in document order.

    Raises:
        Refused: It is not well-formed, or declares entities.
    """
    found: list[Element] = []
    path = [""]

    def start(name: str, attributes: dict[str, str]) -> None:
        local = split_name(name)[1]
        found.append(Element(path[-1], local, {split_name(key)[1]: value for key, value in attributes.items()}))
        path.append(local)

    reader = parser(part)
    reader.StartElementHandler = start
    reader.EndElementHandler = lambda _: path.pop()
    with well_formed(part):
        reader.Parse(xml, True)  # noqa: FBT003 (expat takes it by position only)
    return found
