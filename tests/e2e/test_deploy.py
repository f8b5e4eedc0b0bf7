"""The page on deployment, followed: a new version beside the old one, in an environment, compared, in use, and back."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import bad_workbooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Installation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "deploy.md"
UV = Path(sys.executable).with_name("uv")
PACKED = ("pyproject.toml", "README.md", "LICENSE", "firn.py", "sources", "transforms", "loaders", "pipelines")
OLD_RULE = 'canonical = "CEDAR GOLF"'
NEW_RULE = 'canonical = "CEDAR SPORTS"\naliases = ["CEDAR GOLF"]'
"""What the new version does otherwise."""


def steps() -> dict[str, list[str]]:
    """The commands of each step of the page."""
    _, *sections = re.split(r"^## \d+\. ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for section in sections:
        blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        found[section.partition("\n")[0]] = [
            line.partition("  #")[0] for block in blocks for line in block.splitlines()
        ]
    return found


def build(folder: Path, version: str, rule: str) -> Path:
    """Build the wheel of a version, which has a rule of its own."""
    tree = folder / f"tree-{version}"
    tree.mkdir()
    for name in PACKED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)  # type: ignore[operator]
    project = (tree / "pyproject.toml").read_text(encoding="utf-8")
    (tree / "pyproject.toml").write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project))
    rules = tree / "transforms/order_lists/customers.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace(OLD_RULE, rule), encoding="utf-8")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", tree], check=True)
    (wheel,) = (folder / "dist").glob(f"firn-{version}-*.whl")
    return wheel


def install(wheel: Path, place: Path) -> None:
    """Install a wheel into an environment of its own, which has what firn needs from the tests' own."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, place], check=True)
    python = place / "bin/python"
    subprocess.run([UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")


@pytest.fixture
def deployed(installation: Installation) -> Iterator[Installation]:
    """The old version in use, with what it has published, and the new one beside it."""
    at = installation
    for version, rule in (("0.1.0", OLD_RULE), ("0.2.0", NEW_RULE)):
        install(build(at.folder, version, rule), at.folder / "versions" / version)
    (at.folder / "versions/current").symlink_to("0.1.0")
    bad_workbooks.valid(at.books / "MEADOW ORDER LIST (M3).xlsx")
    with (at.folder / "firn.toml").open("a", encoding="utf-8") as file:
        file.write('[order_lists.thresholds]\nlines = 1\ncustomers = 1\n[env.next.order_lists]\nfolder = "books"\n')
    follow(at, "firn --env production run order_lists")
    yield at
    if at.query("select from pg_roles where rolname = 'firn_next'"):
        at.execute("DROP OWNED BY firn_next CASCADE", "DROP ROLE firn_next")


def follow(at: Installation, command: str, code: int = 0) -> str:
    """Type a line of the page."""
    versions = at.folder / "versions"
    line = re.sub(r"^firn ", f"{versions}/current/bin/firn ", command).replace("/opt/firn", str(versions))
    done = subprocess.run(
        ["bash", "-c", line], cwd=at.folder, env=at.environment(None), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def customers(at: Installation) -> set[str]:
    return {name for (name,) in at.query('select distinct "CUSTOMER NAME" from public.order_list')}


def test_a_version_is_deployed_compared_switched_to_and_back(deployed: Installation) -> None:
    at, page = deployed, steps()
    assert list(page)[:2] == ["Build", "Install it beside the old one"]
    before = at.production()
    assert customers(at) == {"CEDAR GOLF"}

    for command in page["Run it in an environment of its own"]:
        follow(at, command)
    assert at.production() == before

    (compare,) = page["Compare it with production"]
    told = follow(at, compare, code=1)
    assert "order_list: 3 missing" in told, told
    assert at.production() == before

    link, run, check = page["Switch over"]
    follow(at, link)
    assert follow(at, "firn --version").strip().endswith("0.2.0")
    follow(at, run)
    follow(at, check)
    assert customers(at) == {"CEDAR SPORTS"}

    rollback, link, run = page["Switch back"]
    follow(at, rollback)
    assert at.production()["order_list"] == before["order_list"]
    follow(at, link)
    assert follow(at, "firn --version").strip().endswith("0.1.0")
    follow(at, run)
    assert at.production()["order_list"] == before["order_list"]
    (tidy,) = page["Tidy up"]
    follow(at, tidy)
