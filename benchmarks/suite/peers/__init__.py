"""The systems that a user would pick instead: where they are installed, and the commands that start them.

They live in a Python of their own under ``.cache``; ``requirements.txt`` says which versions. pgloader is a package of
the operating system. ``make peers`` installs them, and what cannot be installed is named and takes no part.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.suite.contest import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["install", "pgloader", "python", "script", "sling", "versions"]

_HERE = Path(__file__).parent
_PINNED = _HERE / "requirements.txt"
_PYTHON = _HERE.parents[2] / ".cache" / "peers"
_MADE = _PYTHON / "made.json"
_SLING = "lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"


def install() -> list[str]:
    """Make the peers' Python, if it is not there as pinned; return what is missing, in sentences."""
    wanted = _PINNED.read_text("utf-8").split()
    if not _MADE.exists() or json.loads(_MADE.read_text("utf-8"))["wanted"] != wanted:
        venv.create(_PYTHON, with_pip=True, clear=True)
        missing = [name for name in wanted if not _pip(name)]
        _MADE.write_text(json.dumps({"wanted": wanted, "missing": missing}), encoding="utf-8")
    said = [f"{name} could not be installed by pip" for name in _missing()]
    return said if shutil.which("pgloader") else [*said, "pgloader is not installed: apt install pgloader"]


def _pip(name: str) -> bool:
    command = [str(_PYTHON / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", name]
    return not subprocess.run(command, check=False).returncode


def _missing() -> list[str]:
    return list(json.loads(_MADE.read_text("utf-8"))["missing"]) if _MADE.exists() else _PINNED.read_text().split()


def versions() -> dict[str, str]:
    """Return the versions of what is installed."""
    missing = _missing()
    found = dict(line.split("==") for line in _PINNED.read_text("utf-8").split() if line not in missing)
    if program := shutil.which("pgloader"):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        found["pgloader"] = said.split('"')[1] if '"' in said else said.strip()
    return found


def python(*packages: str) -> str:
    """Return the peers' Python.

    Raises:
        Refused: One of the packages is not installed there.
    """
    missing = [line for line in _missing() if line.partition("==")[0] in packages]
    if missing:
        raise Refused(f"{', '.join(missing)}: not installed; make peers")
    return str(_PYTHON / "bin" / "python")


def script(name: str, *arguments: str, packages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that start a script of this folder in the peers' Python.

    Raises:
        Refused: One of the packages that it needs is not installed.
    """
    return (python(*packages), str(_HERE / f"{name}.py"), *arguments)


def sling(folder: Path, database: str, tables: Mapping[str, int]) -> tuple[str, ...]:
    """Return sling's command: all tables in one replication, from SOURCE to TARGET, which its environment has.

    Raises:
        Refused: It is not installed.
    """
    binary = next(_PYTHON.glob(_SLING), None)
    if binary is None:
        raise Refused("sling is not installed; make peers")
    stated = {
        "source": "SOURCE",
        "target": "TARGET",
        "defaults": {"mode": "full-refresh", "object": "clinic.{stream_table}"},
        "streams": {f"{database}.{table}": None for table in tables},
    }
    (folder / "replication.json").write_text(json.dumps(stated), encoding="utf-8")
    return (str(binary), "run", "-r", str(folder / "replication.json"))


def pgloader(folder: Path, source: str, target: str) -> tuple[str, ...]:
    """Return pgloader's command: tables without indexes, as many workers as it has by default.

    Raises:
        Refused: It is not installed.
    """
    program = shutil.which("pgloader")
    if program is None:
        raise Refused("pgloader is not installed: apt install pgloader")
    text = (
        f"LOAD DATABASE FROM {source} INTO {target}?sslmode=disable\n"
        "WITH include drop, create tables, create no indexes, no foreign keys, reset no sequences, "
        "workers = 4, concurrency = 2;\n"
    )
    (folder / "clinic.load").write_text(text, encoding="utf-8")
    return (program, "--root-dir", str(folder), str(folder / "clinic.load"))
