"""The runbook of an emergency, followed line by line; and what must hold whatever fails on the way."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from benchmarks import bad_workbooks
from tests.conftest import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Installation

PAGE = Path(__file__).parents[2] / "docs" / "runbooks" / "emergency.md"
NAME = "MEADOW ORDER LIST (M3).xlsx"
REASON = "sizes of ASHFORD are halved"
HOOK = """
import json, os, sys
told = json.load(sys.stdin)
print("paged", file=sys.stdout)
said = {"arguments": sys.argv[1:], "told": told, "report": os.environ["INCIDENT_REPORT"]}
open("paged.json", "w").write(json.dumps(said))
"""


def commands() -> list[list[str]]:
    """Every command of the runbook, as it stands there."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def spoilt(installed: Callable[[], Installation]) -> tuple[Installation, dict[str, str], str]:
    """A production that a second run has spoilt; what it showed before, and that run."""
    at = installed()
    bad_workbooks.valid(at.books / NAME)
    at.json("run", "order_lists")
    good = shown(at)
    bad_workbooks.spill_error(at.books / NAME)
    run = at.json("run", "order_lists")["run_id"]
    (at.folder / "page.py").write_text(HOOK, encoding="utf-8")
    at.keep()
    return at, good, run


@pytest.fixture
def at(spoilt: tuple[Installation, dict[str, str], str]) -> Iterator[Installation]:
    with restored(spoilt[0]) as made:
        yield made


def shown(at: Installation) -> dict[str, str]:
    """What firn publishes: others keep what they know of a line beside it."""
    return {name: content for name, content in at.production().items() if name != "order_list_sync"}


def hooked(at: Installation, *hook: str, seconds: float = 60) -> None:
    """Configure a hook."""
    settings = f"[emergency]\nhook = {json.dumps(hook)}\nhook_timeout_s = {seconds}\n"
    with (at.folder / "firn.toml").open("a", encoding="utf-8") as file:
        file.write(settings)


def acts(at: Installation, *arguments: str) -> list[tuple[str, str]]:
    found: Any = at.json("audit", *arguments)
    return [(act["action"], act["detail"]) for act in found]


def test_the_runbook_is_followed_from_the_rollback_to_the_next_run(
    at: Installation, spoilt: tuple[Installation, dict[str, str], str]
) -> None:
    _, good, run = spoilt
    hooked(at, sys.executable, "page.py", "--team", "orders; touch harm")
    first, look, listed, check, enable, again = commands()

    done = at.firn(*first[1:])
    assert done.returncode == 0, done.stderr
    assert shown(at) == good
    assert "paged" in done.stderr
    assert "paged" not in done.stdout
    assert "firn enable order_lists" in done.stdout
    report = Path(done.stdout.splitlines()[-1].removeprefix("Report: "))
    assert report.parent == at.folder / "incidents"
    page = report.read_text(encoding="utf-8")
    for told in (f"Reason: {REASON}", f"(run {run})", "page.py --team 'orders; touch harm' ended well"):
        assert told in page
    changed = at.query("select count(*) from order_list")[0][0]
    assert re.search(rf"\| order_list \| {changed} \| \d+ \| \d+ \| \d+ \| \d+ \|", page)
    events = [line.split(" ", 3)[3] for line in page.splitlines() if line.startswith("- 20")]
    order = [
        next(n for n, event in enumerate(events) if event.startswith(word))
        for word in ("ran", "disabled", "rolled_back")
    ]
    assert order == sorted(order)
    paged = json.loads((at.folder / "paged.json").read_text(encoding="utf-8"))
    assert (paged["arguments"], paged["report"]) == (["--team", "orders; touch harm"], str(report))
    assert paged["told"]["reason"] == REASON
    assert not (at.folder / "harm").exists()

    assert REASON in at.firn(*look[1:]).stdout
    for asked in (("run", "order_lists"), ("run", "order_lists", "--dry-run"), ("publish", run, "--again")):
        refused = at.json(*asked, code=5)
        assert f"by {paged['told']['person']} as role firn: {REASON}. Production is unchanged." in refused["error"]
        assert refused["hint"].endswith("firn enable order_lists")
    assert shown(at) == good
    assert at.firn(*listed[1:]).stdout.splitlines()[0].endswith(f"{REASON}. Production is unchanged.")
    assert [act for act, _ in acts(at)].count("refused") == 2

    assert at.firn(*check[1:]).returncode == 0
    assert at.firn(*enable[1:]).returncode == 0
    assert at.firn(*enable[1:]).stdout == "Pipeline order_lists was not disabled.\n"
    assert at.json(*again[1:])["status"] == "ready"


def test_a_hook_that_fails_hangs_or_is_not_there_is_told_and_undoes_nothing(
    at: Installation, spoilt: tuple[Installation, dict[str, str], str]
) -> None:
    said = {
        (sys.executable, "-c", "raise SystemExit(3)"): "it ended with exit code 3",
        ("no-such-program",): "it could not be started",
        (sys.executable, "-c", "import time; time.sleep(3600)"): "it took longer than 0.5 s and was killed",
    }
    settings = (at.folder / "firn.toml").read_text(encoding="utf-8")
    for hook, failure in said.items():
        (at.folder / "firn.toml").write_text(settings, encoding="utf-8")
        hooked(at, *hook, seconds=0.5)
        done = at.json("rollback", "order_lists", "--emergency", "--reason", REASON, "--to", "1")
        assert failure in done["hook"]["failure"]
        assert failure in Path(done["report"]).read_text(encoding="utf-8")
        assert shown(at) == spoilt[1]
        at.json("enable", "order_lists")
        at.json("publish", spoilt[2], "--again")


def test_an_emergency_without_an_earlier_generation_disables_all_the_same(installation: Installation) -> None:
    bad_workbooks.valid(installation.books / NAME)
    installation.json("run", "order_lists")
    before = installation.production()
    (installation.folder / "incidents").write_text("a file where the folder should be", encoding="utf-8")

    nothing = installation.json("rollback", "order_lists", "--emergency", code=2)
    assert "needs a reason" in nothing["error"]
    done = installation.json("rollback", "order_lists", "--emergency", "--reason", REASON, code=4)

    assert "No generation of order_lists before generation 1 is kept" in done["failure"]
    assert done["report"] is None
    assert "incidents" in done["unwritten"]
    assert installation.production() == before
    assert "is disabled since" in installation.json("run", "order_lists", code=5)["error"]


def test_the_audit_is_only_ever_added_to(at: Installation) -> None:
    before = at.query("select * from firn.audit")
    for harm in (
        "UPDATE firn.audit SET person = 'nobody'",
        "DELETE FROM firn.audit",
        "TRUNCATE firn.audit",
        "SET session_replication_role = replica; DELETE FROM firn.audit",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            at.execute(harm)
    assert at.query("select * from firn.audit") == before

    published: Any = at.json("audit", "order_lists", "--last", "1")
    (act,) = published
    assert (act["action"], list(act["inputs"])) == ("published", [NAME])
    assert [(act["inputs"][NAME],)] == at.query(
        "select content from firn.part join firn.dataset using (dataset, run_id)"
    )
    at.execute("ALTER TABLE firn.audit DISABLE TRIGGER keep_audit", "DELETE FROM firn.audit")
    assert at.firn("audit").stdout == "Nothing is recorded in this target.\n"
