"""The long form of the torture: ``make torture``.

```
python -m tests.torture [--publications 200] [--kills 16] [--seed NUMBER]
```

It prints its seed first, and writes what came of it to ``last_result.json`` beside this file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import secrets
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.embedded import temporary
from tests.torture.torture import SETTINGS, naive, torture

if TYPE_CHECKING:
    from firn import Strategy

RESULT = Path(__file__).with_name("last_result.json")
STRATEGIES: tuple[Strategy, ...] = ("swap", "diff")
VERSIONS = ("18", "15")


def main() -> int:
    """Torture every strategy on every version, and show what the harness sees where guards are left out."""
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--kills", type=int, default=16)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    told = parser.parse_args()
    say(f"seed {told.seed}")
    found = {**about(told), "controls": controls(told.seed), "tortured": []}
    for version, strategy in product(VERSIONS, STRATEGIES):
        found["tortured"].append(one(version, strategy, told))
        RESULT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(result["faults"] for result in found["tortured"]))


def one(version: str, strategy: Strategy, told: argparse.Namespace) -> dict[str, Any]:
    """Torture one strategy on one version."""
    with temporary(version, SETTINGS) as server:
        result = torture(
            server,
            "tortured",
            publications=told.publications,
            kills=told.kills,
            seed=told.seed,
            reads=told.publications,
            strategy=strategy,
        )
    faults = result.faults(kills=told.kills // 2, reads=told.publications)
    say(f"PostgreSQL {version}, {strategy}: {'; '.join(faults) or 'no faults'}")
    return {"postgresql": version, "strategy": strategy, "faults": faults, **vars(result)}


def controls(seed: int) -> dict[str, Any]:
    """What readers meet without the wait for old snapshots, and without any guard."""
    with temporary(VERSIONS[0], SETTINGS) as server:
        unwaited = torture(server, "unwaited", publications=20, kills=0, seed=seed, guard=False)
        unbarred = torture(
            server, "unbarred", publications=20, kills=0, seed=seed, strategy="diff", isolation="read_committed"
        )
        unguarded = naive(server, "unguarded", 40, seed)
    found = {
        "without the wait for old snapshots": {"empty reads": unwaited.seen("empty")},
        "without the barrier": {"mixed reads": unbarred.seen("mixed")},
        "without any guard": {
            "errors": unguarded.errors,
            "empty reads": unguarded.seen("empty"),
            "readers that waited too long": unguarded.waits,
        },
    }
    say(json.dumps(found))
    return found


def about(told: argparse.Namespace) -> dict[str, Any]:
    """When, on what, and of which commit."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True)  # noqa: PLW1510
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "seed": told.seed,
        "publications": told.publications,
        "kills in each phase": told.kills,
    }


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
