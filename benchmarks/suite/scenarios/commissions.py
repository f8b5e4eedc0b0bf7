"""Commissions: ten CSV extracts become 38 tables, compared with what the generator says of them."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks.commissions_source import Truth, cached
from benchmarks.suite import limits, runs
from benchmarks.suite.contest import Entry
from benchmarks.suite.trial import FIRN

if TYPE_CHECKING:
    from benchmarks.suite.contest import Contest
    from benchmarks.suite.process import Command, Ran
    from benchmarks.suite.trial import Finding

__all__ = ["difference", "extracts", "firn"]

_COUNTS = {
    "brokers": "select count(*) from brokers",
    "schedules_named": "select count(*) from schedules",
    "products": "select count(*) from products",
    "policies": "select count(*) from policies",
    "proposals": "select count(*) from proposals",
    "proposal_pairs": "select count(*) from proposal_products",
    "proposal_splits": "select count(*) from premium_split_participants",
    "premium_transactions": "select count(*) from premium_transactions",
    "pha_splits": "select count(*) from policy_hierarchy_assignments",
}
"""What must be there, by its name in the truth; of the schedules that certificates name those that have rates."""
_ROUTES = """
select coalesce(a.reason, 'proposal'), count(*) from policies p left join
(select distinct policy_id, non_conformant_reason as reason from policy_hierarchy_assignments) a on a.policy_id = p.id
group by 1
"""
_SUSPENDED = """
select count(distinct certificate), count(*) filter (where proposal_id is not null) from hierarchies where status = 2
"""
"""For how many certificates nothing may be paid, as a record was rejected; no agreement of several is among them."""
_COPIED = ("premium_transactions", "policies", "proposals", "policy_hierarchy_assignments")
_REJECTS = "select count(*) from commission_rejects"
_POSTED = "select sum(premium_amount) from premium_transactions where source = 0"


def extracts(contest: Contest, repeats: int) -> None:
    """Measure the first load, then once a run that finds nothing changed, and one that finds 1 % new premiums."""
    made = cached(contest.scale)
    url = contest.target.url("firn")
    with tempfile.TemporaryDirectory(prefix="firn-bench-", dir="/var/tmp") as name:
        folder, copied = Path(name) / "extracts", Path(name) / "copied"
        shutil.copytree(made / "extracts", folder)
        copied.mkdir()
        first = firn(contest, made, folder)
        contest.hold([first, limits.copying(lambda: url, "public", _COPIED, first.rows, copied)], repeats)

        def run(place: Path) -> Command:
            return runs.run_of("commissions", url, place, "--set", f"folder={folder}")

        contest.once(Entry("firn, nothing changed", 0, run, first.judge))
        _post_more(folder / "premiums.csv")
        contest.once(Entry("firn, 1 % of the premiums new", 0, run, runs.finding))


def firn(contest: Contest, made: Path, folder: Path) -> Entry:
    """Return firn's entry: everything into an empty database, compared with the truth."""
    truth, url = Truth.load(made), contest.target.url("firn")
    rows = sum(extract.rows for extract in truth.extracts.values())

    def prepare(place: Path) -> Command:
        contest.target.renew("firn")
        return runs.run_of("commissions", url, place, "--set", f"folder={folder}")

    def judge(ran: Ran) -> Finding:
        return runs.finding(ran, "" if ran.code else difference(truth, url), rows, rows)

    return Entry(FIRN, rows, prepare, judge)


def _post_more(path: Path) -> None:
    """Post every hundredth premium once more, under another invoice."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    more = [line.replace("INV", "INX") for line in lines[1::100] if "INV" in line]
    path.write_text("\n".join([*lines, *more, ""]), encoding="utf-8")


def difference(truth: Truth, url: str) -> str:
    """Say what production shows that the generator did not make: objects, routes, suspensions, rejects, premiums."""
    with psycopg.connect(url) as session:
        found: dict[str, object] = {name: session.execute(ask).fetchall()[0][0] for name, ask in _COUNTS.items()}
        found["routes"] = dict(session.execute(_ROUTES).fetchall())
        found["suspended"] = session.execute(_SUSPENDED).fetchall()
        found["rejects"] = session.execute(_REJECTS).fetchall()[0][0]
        found["posted"] = session.execute(_POSTED).fetchall()[0][0]
    wanted: dict[str, object] = {name: truth.counts[name] for name in _COUNTS}
    wanted["schedules_named"] = truth.counts["schedules_named"] - truth.dirt["absent_schedules"]
    wanted["routes"] = truth.routing
    wanted["suspended"] = [(truth.routing["RejectedRecords"], 0)]
    wanted["rejects"] = sum(extract.rejects for extract in truth.extracts.values())
    wanted["posted"] = Decimal(truth.extracts["raw_premiums"].sums["Amount"])
    return "; ".join(f"{name}: {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name])
