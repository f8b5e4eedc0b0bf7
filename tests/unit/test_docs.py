"""The documents are true: short where they promise it, complete where they list, and free of broken links."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from loaders.postgres import Postgres
from pipelines.engine.cli import cli
from pipelines.order_lists import OrderLists
from sources.xlsx.limits import Limits

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_verb_has_help(verb: str) -> None:
    assert cli.commands[verb].help


def test_the_command_reference_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8") == module.page(), (
        "run: python docs/reference.py"
    )


def test_the_example_settings_name_every_setting_with_its_default() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("["))
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head:]))
    examples = {line.split()[1] for line in lines if "# example" in line}
    limits = shown["order_lists"].pop("limits")
    assert limits == Limits().model_dump()
    assert set(shown["target"]) == set(Postgres.model_fields)
    assert set(shown["order_lists"]) | {"limits", "target"} == set(OrderLists.model_fields)
    for name, value in shown["target"].items():
        assert name in examples or value == Postgres.model_fields[name].default
    for name, value in shown["order_lists"].items():
        assert name in examples or value == OrderLists.model_fields[name].default
