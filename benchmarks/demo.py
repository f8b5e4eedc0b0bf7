"""The README's first command: real workbooks into a real PostgreSQL, one of them broken, and a way back.

Every step is a command line that a reader can type; it is printed before it runs.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]

from benchmarks.order_list_workbooks import cached
from loaders.embedded import default_home

FOLDER = Path("demo")
BIN = Path(sys.executable).parent
BROKEN = "ASHFORD ORDER LIST (M3).xlsx"
MARKED_CUSTOMER = "ROSALIND"
MARKED = f"{MARKED_CUSTOMER} ORDER LIST (M3).xlsx"


def main() -> None:
    """Run the demonstration and say what to try next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is all 101,662 rows")
    scale = parser.parse_args().scale

    say(f"1. Invented customers' workbooks at scale {scale}, with the dirt that real ones have")
    books = prepare(scale)
    print(f"{len(list(books.iterdir()))} workbooks in {books}, settings in {FOLDER / 'firn.toml'}")

    say("2. Publish them: four tables, all at once, into a private PostgreSQL")
    firn("run", "order_lists")
    firn("psql", 'select count(*) as orders, count(distinct "CUSTOMER NAME") as customers from order_list')

    say("3. Every cell that could not be used has an address")
    firn(
        "psql",
        "select reason, count(*) as cells, min(file || ' ' || cell) as first from order_list_quarantine "
        "group by reason order by cells desc",
    )

    say("4. Mark them in a copy of a workbook, correct one as its customer would, and publish just that workbook")
    firn("quarantine", "list", "--customer", MARKED_CUSTOMER)
    firn("quarantine", "export", "--customer", MARKED_CUSTOMER, "--out", "annotated")
    correct(FOLDER / "annotated" / MARKED)
    firn("replay", "--file", f"annotated/{MARKED}")

    say("5. Break one workbook (cut in half, as an interrupted copy would be) and run again")
    truncate(books / BROKEN)
    firn("run", "order_lists", expected=1)
    firn("psql", "select count(*) as still_there from order_list")

    say("6. Read all others again, keep the broken customer's published rows, then undo it")
    firn("run", "order_lists", "--full-refresh", "--allow-failed", BROKEN)
    firn("rollback", "order_lists")
    firn("runs")

    say("Try next")
    shutil.copy(cached(scale=scale) / "workbooks" / BROKEN, books / BROKEN)
    print(f"The broken workbook is whole again. Everything above ran in the folder {FOLDER}:\n")
    activate = BIN.relative_to(Path.cwd()) if BIN.is_relative_to(Path.cwd()) else BIN
    print(f"  cd {FOLDER}; PATH=$PWD/../{activate}:$PATH" if not activate.is_absolute() else f"  cd {FOLDER}")
    print("  firn run order_lists --dry-run      # the plan")
    print("  firn run order_lists --no-publish   # then: firn publish RUN, or firn discard RUN")
    print("  firn report                         # the figures of the latest run")
    print("  firn psql                           # look around\n")
    print("Then read docs/tutorial.md.")


def prepare(scale: float) -> Path:
    """Lay out the demonstration's folder: workbooks, and settings with a server of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    books = FOLDER / "workbooks"
    shutil.copytree(cached(scale=scale) / "workbooks", books)
    home = default_home().parent / f"{default_home().name}-demo"
    shutil.rmtree(home, ignore_errors=True)  # generations count from 1 in every demonstration
    (FOLDER / "firn.toml").write_text(
        f'[target]\nhome = "{home}"   # a PostgreSQL of its own; leave it out for the default one\n\n'
        '[order_lists]\nfolder = "workbooks"\n',
        encoding="utf-8",
    )
    return books


def correct(workbook: Path) -> None:
    """Empty the first highlighted cell, as a person would in Excel."""
    book = openpyxl.load_workbook(workbook)
    commented = (cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.comment)
    cell = next(commented)
    print(f"\nIn {workbook}, cell {cell.coordinate} held {cell.value!r}; now it is empty.")
    cell.value = None
    book.save(workbook)


def truncate(workbook: Path) -> None:
    """Cut a file in half."""
    workbook.write_bytes(workbook.read_bytes()[: workbook.stat().st_size // 2])


def say(title: str) -> None:
    """Print a heading."""
    print(f"\n\n== {title}", flush=True)


def quoted(argument: str) -> str:
    """Quote an argument as a person would."""
    return f'"{argument}"' if "'" in argument and '"' not in argument else shlex.quote(argument)


def firn(*arguments: str, expected: int = 0) -> None:
    """Print a command line, run it, and stop the demonstration when it ends otherwise than it should."""
    print(f"\n$ firn {' '.join(map(quoted, arguments))}", flush=True)
    environment = os.environ | {"PAGER": "cat", "COLUMNS": "120"}
    code = subprocess.run([BIN / "firn", *arguments], cwd=FOLDER, env=environment, check=False).returncode
    if code != expected:
        sys.exit(f"firn ended with {code}, not {expected}.")


if __name__ == "__main__":
    main()
