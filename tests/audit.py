"""The dependency scan of ``make audit``: what is locked is looked up among known vulnerabilities.

It fails for findings alone. Where no service of vulnerabilities answers, it says that nothing was scanned: a scan that
could not be made is no finding, and no clean one either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
SCANNER = "pip-audit==2.10.1"
SECONDS = 300


def scan() -> tuple[dict[str, Any] | None, str]:
    """Ask for every locked package; return the scanner's document, or why there is none."""
    options = [
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        str(LOCK),
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    command = [Path(sys.executable).with_name("uv"), "tool", "run", "--from", SCANNER, "pip-audit", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, (done.stderr.strip().splitlines() or ["no answer"])[-1]


def judged(document: dict[str, Any] | None, why: str) -> tuple[list[str], int]:
    """Return what to print, and the exit code: 1 for findings, 0 otherwise."""
    if document is None:
        return [f"NOT SCANNED: the dependencies could not be looked up: {why}"], 0
    packages = document["dependencies"]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none yet'}"
        for one in packages
        for found in one.get("vulns", [])
    ]
    findings = len(lines)
    if skipped:
        lines.append(
            f"NOT SCANNED: {len(skipped)} of {len(packages)} dependencies are not known where they were looked up"
        )
    lines.append(f"{len(packages) - len(skipped)} dependencies scanned, {findings} findings")
    return lines, 1 if findings else 0


if __name__ == "__main__":
    told, code = judged(*scan())
    print("\n".join(told))  # noqa: T201 (its result)
    sys.exit(code)
