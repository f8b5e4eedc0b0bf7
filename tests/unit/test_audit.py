"""A dependency scan fails for findings alone, and never calls clean what it could not look up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.audit import judged

CLEAN = {"name": "alder", "version": "1.0", "vulns": []}
BAD = {"name": "birch", "version": "2.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "cedar", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([CLEAN], 0, ["1 dependencies scanned, 0 findings"]),
        ([CLEAN, BAD], 1, ["birch 2.0: PYSEC-2026-1, fixed in 2.1", "2 dependencies scanned, 1 findings"]),
        ([UNKNOWN], 0, ["NOT SCANNED: 1 of 1", "0 dependencies scanned, 0 findings"]),
        ([UNKNOWN, BAD], 1, ["birch 2.0", "NOT SCANNED: 1 of 2", "1 dependencies scanned, 1 findings"]),
    ],
)
def test_a_scan_says_what_it_found_and_what_it_could_not_look_up(
    packages: list[dict[str, Any]], code: int, said: list[str]
) -> None:
    lines, found = judged({"dependencies": packages}, "")
    assert found == code
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))


def test_no_answer_is_no_clean_scan() -> None:
    assert judged(None, "no answer") == (["NOT SCANNED: the dependencies could not be looked up: no answer"], 0)
