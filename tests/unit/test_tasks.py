"""The editor's tasks are those of the runbook, and each command is one that firn has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.cli import cli

ROOT = Path(__file__).parents[2]
TASKS: list[dict[str, Any]] = json.loads((ROOT / ".vscode/tasks.json").read_text(encoding="utf-8"))["tasks"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["label"])
def test_a_task_resolves_to_a_command_with_options_that_it_has(task: dict[str, Any]) -> None:
    place = {"${workspaceFolder}": str(ROOT)}
    assert Path(task["command"].replace("${workspaceFolder}", place["${workspaceFolder}"])).exists()
    verb, *options = task["args"]
    context = cli.commands[verb].make_context(verb, list(options))
    assert context.params["pipeline"] == "order_lists"


def test_the_runbook_lists_the_seven_tasks() -> None:
    page = (ROOT / "docs/runbooks/order_lists.md").read_text(encoding="utf-8")
    table = page.partition("| task | command | |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| (.+?) \| `firn (.+?)` \|", table, re.MULTILINE)
    assert listed == [(task["label"].removeprefix("Order lists: "), " ".join(task["args"])) for task in TASKS]
    assert len(TASKS) == 7
