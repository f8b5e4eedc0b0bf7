"""Write extracts from the command line and print what is in them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import benchmarks.commissions_source as source


def main() -> None:
    """Write extracts and the truth about them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commissions_source", description=source.__doc__)
    parser.add_argument("--to", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is 1,550,752 certificate rows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", choices=sorted(source.PRESETS), default="documented")
    parser.add_argument("--clean", action="store_true", help="nothing irregular at all")
    parser.add_argument("--wrong-layout", action="store_true", help="one more commission file, which cannot be read")
    given = parser.parse_args()
    dirt = source.CLEAN if given.clean else source.Dirt(wrong_layout=given.wrong_layout)
    start = time.perf_counter()
    truth = source.generate(given.to, scale=given.scale, seed=given.seed, preset=given.preset, dirt=dirt)
    _print(truth, time.perf_counter() - start)


def _print(truth: source.Truth, seconds: float) -> None:
    files = list(truth.path.iterdir())
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size / 1e6:.1f} MB, {seconds:.1f} s: {truth.path}")
    for table, extract in truth.extracts.items():
        print(f"{extract.rows:>9,} rows in {table}: {extract.kept:,} kept, {extract.rejects:,} to be rejected")
    print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in truth.counts.items()))


if __name__ == "__main__":
    main()
