"""The command of the benchmarks, which stand beside firn in its repository and are not installed with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import firn
from firn import ConfigError

__all__ = ["bench"]


@click.command()
@click.option("--small", is_flag=True, help="Small scales; five minutes instead of an hour.")
@click.option("--growth", is_flag=True, help="How time and memory grow with the rows.")
@click.option("--gate", is_flag=True, help="Fail if firn became slower than the baseline.")
@click.option("--record", is_flag=True, help="Measure that baseline anew, on an idle machine.")
@click.option("--profile", is_flag=True, help="Where every core-second of a run goes, by stage.")
@click.option("--history", is_flag=True, help="Records per second by commit, as a table and a plot.")
@click.option("--pages", is_flag=True, help="Write the figures of the README and the docs from the results.")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help="Only this scenario; repeat for more.")
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Only this system; repeat for more.")
@click.option("--scale", type=float, help="How many of the rows; 1 is all.")
@click.option("--repeats", type=click.IntRange(min=1), help="How often each system runs.")
def bench(
    scenarios: tuple[str, ...],
    systems: tuple[str, ...],
    scale: float | None,
    repeats: int | None,
    **kinds: bool,
) -> None:
    """Measure firn beside other systems and the machine's limits.

    Without options all scenarios are measured as large as they are.
    """
    root = Path(firn.__file__).parent
    if not (root / "benchmarks" / "suite").is_dir():
        raise ConfigError(
            "The benchmarks are not installed with firn: they generate workbooks and databases, and start servers. "
            "Nothing was measured.",
            "In a clone of firn's repository: make bench-small",
        )
    words = _words(kinds, scenarios, systems, scale, repeats)
    import subprocess

    command = [sys.executable, "-m", "benchmarks.suite", *words]
    sys.exit(subprocess.run(command, cwd=root, check=False).returncode)  # noqa: S603 (our own words)


def _words(
    kinds: dict[str, bool],
    scenarios: tuple[str, ...],
    systems: tuple[str, ...],
    scale: float | None,
    repeats: int | None,
) -> list[str]:
    """Return the same options for the suite's own command line; a profile is of one scenario."""
    chosen = [f"--{name}" for name, wanted in kinds.items() if wanted]
    if kinds["profile"]:
        chosen += scenarios[:1]
    else:
        chosen += [f"--scenario={name}" for name in scenarios]
    chosen += [f"--system={name}" for name in systems]
    chosen += [f"--scale={scale}"] if scale else []
    return chosen + ([f"--repeats={repeats}"] if repeats else [])
