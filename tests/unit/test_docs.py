"""The documents are true: short where they promise it, complete where they list, and free of broken links."""

import re
from pathlib import Path

import pytest

from pipelines.engine.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_verb_has_help_and_a_place_in_the_reference(verb: str) -> None:
    assert cli.commands[verb].help
    assert f"## {verb}\n" in (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
