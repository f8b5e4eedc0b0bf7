"""How large a workbook may be, and the way to say that one cannot be read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveInt

MEBIBYTE = 1 << 20


class Limits(BaseModel):
    """What a workbook may ask of this machine; whatever asks for more is refused before or while it is read.

    Attributes:
        max_file_bytes: The file as it lies in the folder.
        max_inflated_bytes: The XML that is read from one workbook, all parts together.
        max_ratio: Inflated bytes for each compressed byte of a part of more than 16 MiB; sheets stay below 20.
        max_parts: Files inside the workbook.
        max_shared_strings: Different texts in the workbook.
        max_rows: Rows that hold anything below the headers.
        max_columns: Columns that hold anything.
        max_cells: Cells of the table that is made, blank ones included: rows times columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_file_bytes: PositiveInt = 256 * MEBIBYTE
    max_inflated_bytes: PositiveInt = 1024 * MEBIBYTE
    max_ratio: PositiveInt = 150
    max_parts: PositiveInt = 10_000
    max_shared_strings: PositiveInt = 10_000_000
    max_rows: PositiveInt = 1_048_576
    max_columns: PositiveInt = 2_000
    max_cells: PositiveInt = 50_000_000

    def check(self, name: str, value: int, what: str) -> None:
        """Refuse ``value`` where it is above the limit ``name``.

        Args:
            name: The limit's field.
            value: The measured size.
            what: What was measured, to end the sentence "it has 20,000 ...".

        Raises:
            Refused: It is above.
        """
        limit = getattr(self, name)
        if value > limit:
            raise Refused(
                f"it has {value:,} {what}, and {limit:,} are allowed",
                f"Delete what does not belong in the workbook and save it; or, if all of it is needed, raise {name} in "
                "the limits of this source.",
            )


class Refused(Exception):  # noqa: N818 (a state, not an error: the border makes the error of it)
    """A workbook cannot be read; the reason completes the sentence "FILE cannot be read: ...".

    Args:
        reason: What is wrong, and where in the workbook.
        hint: What a person can do about it in Excel or in the settings.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class NoList(Refused):
    """No sheet has the columns that make it the list."""


REPAIR = "Open it in Excel, let Excel repair it, save it as a new .xlsx file and put that file in its place."
COPY_AGAIN = "Copy the workbook into the folder again, from where it opens in Excel."


def damaged(where: str) -> Refused:
    """Return the refusal of a file whose bytes are not those that its writer wrote."""
    return Refused(f"the file is damaged or was cut off while it was copied ({where})", COPY_AGAIN)
