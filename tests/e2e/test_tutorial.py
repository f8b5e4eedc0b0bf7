"""The tutorial is true: every command in it is typed as it stands, and prints what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import FIRN, reachable_folder

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def commands() -> list[tuple[str, str]]:
    """Every command of the page with the output that it shows."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [
        (command, output)
        for block in blocks
        for command, _, output in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:])
    ]


def plain(line: str) -> str:
    """Leave widths out of a comparison."""
    return re.sub(r"[ ─]+", " ", line).strip()


def shown(output: str) -> re.Pattern[str]:
    """Turn shown output into a pattern: ``...`` is anything on a line, and alone on a line any lines."""
    lines = []
    for line in output.splitlines():
        pieces = [re.escape(plain(piece)) for piece in line.split("...")]
        lines.append("(?:.*\n)*?" if line.strip() == "..." else ".*?".join(pieces) + ".*\n")
    return re.compile("".join(lines) + r"\s*\Z")


def test_the_tutorial_prints_what_it_shows_and_stays_in_its_folder() -> None:
    with reachable_folder() as folder:
        environment = os.environ | {"PATH": f"{FIRN.parent}:{os.environ['PATH']}", "FIRN_HOME": "/nowhere/else"}
        for command, output in commands():
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            said = "".join(f"{plain(line)}\n" for line in (done.stderr + done.stdout).splitlines())
            assert shown(output).match(said), f"$ {command}\n--- shown\n{output}\n--- said\n{said}"


@pytest.mark.parametrize("verb", ["list", "check", "run", "report", "publish", "discard", "rollback", "runs", "psql"])
def test_the_tutorial_shows_the_verb(verb: str) -> None:
    assert any(re.search(rf"firn {verb}\b", command) for command, _ in commands())
