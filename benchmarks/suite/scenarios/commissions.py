"""Commissions: ten CSV extracts become 40 tables, compared with what the generator says of them."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
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

_MORE = "coalesce(invoice like 'INX%', false)"
_COUNTS = {
    "brokers": "select count(*) from brokers",
    "schedules_named": "select count(*) from schedules",
    "products": "select count(*) from products",
    "policies": "select count(*) from policies",
    "proposals": "select count(*) from proposals",
    "proposal_pairs": "select count(*) from proposal_products",
    "proposal_splits": "select count(*) from premium_split_participants",
    "premium_transactions": f"select count(*) from premium_transactions where not {_MORE}",  # noqa: S608 (words of our own)
    "pha_splits": "select count(*) from policy_hierarchy_assignments",
    "pha_lines": "select count(*) from policy_hierarchy_participants",
    "brokers_absent": "select count(*) from brokers where is_placeholder",
    "groups": "select count(*) - 1 from employer_groups",
    "plans": "select count(*) from plans",
    "products_sold": "select count(distinct product_code) from policies",
    "configs": "select count(distinct split_config_hash) from proposals",
    "proposal_lines": """select count(*) from hierarchy_participants p join hierarchies h
        on h.current_version_id = p.hierarchy_version_id where h.proposal_id is not null""",
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
_REJECTED = 'select "table", "column", reason, count(*) from commission_rejects group by 1, 2, 3'
_POSTED = f"select sum(premium_amount) from premium_transactions where source = 0 and not {_MORE}"  # noqa: S608
_ADDED = f"""
select count(*), count(*) filter (where not exists (select from premium_transactions o where o.source = 0
    and o.invoice = replace(t.invoice, 'INX', 'INV') and o.certificate = t.certificate
    and o.transaction_date = t.transaction_date and o.premium_amount = t.premium_amount))
from premium_transactions t where {_MORE}
"""  # noqa: S608
"""The postings that were added, and those of them that are no copy of another."""
_POLICIES = """
select certificate, group_id, product_code, plan_code, effective_date, state, premium, proposal_id from policies
"""
_STARTS = "select id, group_id, effective_from, effective_to from proposals"


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
        more = _post_more(folder / "premiums.csv")

        def judge(ran: Ran) -> Finding:
            rows = first.rows + more
            return runs.finding(ran, "" if ran.code else difference(Truth.load(made), url, more), rows, rows)

        contest.once(Entry("firn, 1 % of the premiums new", 0, run, judge))


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


def _post_more(path: Path) -> int:
    """Post every hundredth premium once more, under another invoice; return how many."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    more = [line.replace("INV", "INX") for line in lines[1::100] if "INV" in line]
    path.write_text("\n".join([*lines, *more, ""]), encoding="utf-8")
    return len(more)


def difference(truth: Truth, url: str, more: int = 0) -> str:
    """Say what production shows that the generator did not make.

    Of every certificate its group, product, plan, date, state, premium and with whom it shares a proposal; of every
    proposal its group and days; of every other table how many rows; of rejects their tables, columns and reasons; of
    premiums the sum.

    Args:
        truth: What was made.
        url: The database.
        more: How many postings were added, which are copies of others or rejected as these are.
    """
    with psycopg.connect(url) as session:
        found: dict[str, object] = {name: session.execute(ask).fetchall()[0][0] for name, ask in _COUNTS.items()}
        found["routes"] = dict(session.execute(_ROUTES).fetchall())
        found["suspended"] = session.execute(_SUSPENDED).fetchall()
        found["posted"] = session.execute(_POSTED).fetchall()[0][0]
        ((added, strangers),) = session.execute(_ADDED).fetchall()
        rejected = {tuple(row[:3]): row[3] for row in session.execute(_REJECTED).fetchall()}
        policies = frame(session, _POLICIES)
        starts = frame(session, _STARTS)
    made = {
        (table, column, why): count
        for table, extract in truth.extracts.items()
        for column, reasons in extract.rejected.items()
        for why, count in reasons.items()
    }
    found["added"] = [added + sum(rejected.values()) - sum(made.values()), strangers]
    found["rejects"] = rejected if not more else rejected.keys()
    found["certificates"] = _certificates(truth, policies)
    found["proposals as made"] = _proposals(truth, policies, starts)
    wanted: dict[str, object] = {name: truth.counts[name] for name in _COUNTS}
    wanted["schedules_named"] = truth.counts["schedules_named"] - truth.dirt["absent_schedules"]
    wanted["routes"] = truth.routing
    wanted["suspended"] = [(truth.routing["RejectedRecords"], 0)]
    wanted["posted"] = Decimal(truth.extracts["raw_premiums"].sums["Amount"])
    wanted["added"] = [more, 0]
    wanted["rejects"] = made if not more else made.keys()
    wanted["certificates"] = truth.counts["policies"]
    wanted["proposals as made"] = truth.counts["proposals"]
    return "; ".join(f"{name}: {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name])


def frame(session: psycopg.Connection[Any], query: str) -> pl.DataFrame:
    """Read a whole result."""
    return pl.read_database(query, session, infer_schema_length=None)


def _certificates(truth: Truth, policies: pl.DataFrame) -> int:
    """Count the policies that say of their certificate exactly what was made."""
    group = "G" + pl.col("group_key").fill_null("00000")
    made = truth.certificates().with_columns(group_id=group, proposed=pl.col("reason").is_null()).collect()
    shown = policies.with_columns(
        pl.col("premium").cast(pl.Decimal(18, 2)),
        proposed=pl.col("proposal_id").is_not_null(),
        product="product_code",
        plan="plan_code",
    )
    both = ["certificate", "group_id", "product", "plan", "effective_date", "state", "premium", "proposed"]
    return shown.join(made, on=both, how="semi", nulls_equal=True).height


def _proposals(truth: Truth, policies: pl.DataFrame, starts: pl.DataFrame) -> int:
    """Count the proposals whose certificates are together as they were made, of the same group and days."""
    made = truth.certificates().filter(pl.col("reason").is_null()).select("certificate", "proposal").collect()
    pairs = policies.join(made, on="certificate").select("proposal_id", "proposal").unique()
    alone = pairs.filter(~pl.col("proposal").is_duplicated(), ~pl.col("proposal_id").is_duplicated())
    days = truth.proposals().select("proposal", "start", "until", group_id="G" + pl.col("group_key")).collect()
    shown = alone.join(starts, left_on="proposal_id", right_on="id").rename(
        {"effective_from": "start", "effective_to": "until"}
    )
    return shown.join(days, on=["proposal", "group_id", "start", "until"], how="semi", nulls_equal=True).height
