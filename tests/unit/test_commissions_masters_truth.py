"""Of invented extracts, the tables beside proposals hold what whoever invented them says."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from benchmarks.commissions_source import FILES, Dirt, Truth, generate
from pipelines.commissions import Commissions
from pipelines.engine.pipeline import step_of
from sources.csv_headers import Layout
from sources.csvs import Csvs
from tests.unit.commission_chain import Frames, run
from tests.unit.commission_references import NAMES_NOTHING, REFERENCES, lost
from tests.unit.commission_tables import DAY, run_on, shuffled
from transforms.commissions import master_checks, typed_lines
from transforms.commissions.broker_eo_insurances import broker_eo_insurances
from transforms.commissions.broker_licenses import broker_licenses
from transforms.commissions.columns import EXTRACTS, RENAMED
from transforms.commissions.commission_assignments import commission_assignments
from transforms.commissions.completeness import fee_schedules_whole, schedules_linked, schedules_whole
from transforms.commissions.fees import fee_schedules
from transforms.commissions.hierarchy_participant_product_rates import hierarchy_participant_product_rates
from transforms.commissions.overlaps import overlaps
from transforms.commissions.premium_transactions import premium_transactions
from transforms.commissions.relations import RELATIONS, references_resolve
from transforms.commissions.schedule_rates import schedule_rates

STEPS: tuple[Callable[..., Any], ...] = (
    broker_licenses,
    broker_eo_insurances,
    schedule_rates,
    fee_schedules,
    premium_transactions,
    commission_assignments,
    hierarchy_participant_product_rates,
)
ACCOUNTS = [getattr(master_checks, name) for name in master_checks.__all__[1:]]
CHECKS = [*ACCOUNTS, schedules_linked, schedules_whole, fee_schedules_whole, references_resolve]
PARTS = {
    "schedule_versions": (schedules_whole, "schedules"),
    "schedule_rates": (schedules_whole, "schedule_versions"),
    "fee_schedule_versions": (fee_schedules_whole, "fee_schedules"),
    "fee_schedule_items": (fee_schedules_whole, "fee_schedule_versions"),
}


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("commissions"), scale=0.005, seed=4, dirt=Dirt(ragged=0))


@pytest.fixture(scope="module")
def lines(truth: Truth) -> Frames:
    """The typed lines of all extracts."""
    layouts = tuple(Layout(one.table, one.headers, RENAMED) for one in EXTRACTS if not one.optional)
    patterns = {table: f"{files[0][:12]}*" for table, files in FILES.items()}
    parts: dict[str, Frames] = {}
    for listed in Csvs(folder=truth.path, layouts=layouts, patterns=patterns).tables():
        parts.setdefault(listed.part, {})[listed.name] = listed.frame.collect()
    found: dict[str, list[pl.DataFrame]] = {}
    for step in (step_of(getattr(typed_lines, name), is_check=False) for name in typed_lines.__all__):
        for part in (part for part in parts.values() if part.keys() >= set(step.reads)):
            for name, frame in step.function(*(part[name] for name in step.reads))._asdict().items():
                found.setdefault(name, []).append(frame)
    together = {name: pl.concat(frames) for name, frames in found.items()}
    step = step_of(overlaps, is_check=False)
    made = overlaps(*(together.pop(name) for name in step.reads))
    kept = {name: frame for name, frame in together.items() if name.endswith("_lines")}
    told = ("incomplete_certificates", "rejected_postings")
    return kept | made._asdict() | {name: together[name] for name in told}


@pytest.fixture(scope="module")
def frames(lines: Frames) -> Frames:
    return made(lines)


def made(lines: Frames) -> Frames:
    """All tables from typed lines."""
    tables = run(lines) | {"run": run_on(DAY)}
    for step in (step_of(function, is_check=False) for function in STEPS):
        result = step.function(*(tables[name].select(step.columns(name) or []) for name in step.reads))
        tables |= zip(step.makes, result if isinstance(result, tuple) else (result,), strict=True)
    return tables


def test_there_is_as_much_of_everything_as_was_made(truth: Truth, frames: Frames) -> None:
    counts = truth.counts
    expected = {name: counts[name] for name in ("brokers", "products", "plans", "premium_transactions")}
    absent = counts["schedules_named"] - truth.dirt["absent_schedules"]
    expected |= {"employer_groups": counts["groups"] + 1, "schedules": absent}
    assert {name: frames[name].height for name in expected} == expected
    assert int(frames["brokers"]["is_placeholder"].sum()) == counts["brokers_absent"]
    posted = frames["premium_transactions"].filter(source=0)["premium_amount"].sum()
    assert posted == Decimal(truth.extracts["raw_premiums"].sums["Amount"])


def test_groups_have_the_names_and_states_that_they_were_made_with(truth: Truth, frames: Frames) -> None:
    expected = truth.groups().select("group_key", "name", "state").sort("group_key").collect()
    found = frames["employer_groups"].filter(pl.col("id") != "G00000").sort("group_number")
    assert found.select("group_number", "group_name", "situs_state").rows() == expected.rows()


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_every_line_is_accounted_for_and_every_reference_is_met(
    check: Callable[..., pl.DataFrame], frames: Frames
) -> None:
    assert found_by(check, frames).is_empty()


def test_references_are_listed_by_hand_and_those_that_a_run_checks_are_among_them() -> None:
    assert len(RELATIONS) == 63
    assert {(one.table, one.column, one.to, one.key) for one in RELATIONS} <= {tuple(one) for one in REFERENCES}
    named = {f"{one.table}.{one.column}" for one in REFERENCES} | NAMES_NOTHING
    ids = {f"{name}.{column}" for name, made in Commissions.publishes.items() for column in made.column_names()}
    assert {column for column in ids if column.endswith("_id")} <= named <= ids


def test_every_value_that_names_a_row_names_one_that_is_there(frames: Frames) -> None:
    assert {one: gone for one in REFERENCES if (gone := lost(one, frames))} == {}
    unused = {one.table for one in REFERENCES if not frames[one.table][one.column].count()}
    assert unused == {"broker_banking_infos"}  # which nobody has asked for


@pytest.mark.parametrize("gone", sorted({relation.to for relation in RELATIONS}))
def test_a_table_that_is_lost_is_missed_wherever_it_is_referred_to(gone: str, frames: Frames) -> None:
    found = found_by(references_resolve, frames | {gone: frames[gone].clear()})
    referring = {(r.table, r.column) for r in RELATIONS if r.to == gone and frames[r.table][r.column].count()}
    assert {(row["table"], row["column"]) for row in found.rows(named=True)} == referring != set()


@pytest.mark.parametrize("gone", PARTS)
def test_what_is_left_without_its_parts_is_named(gone: str, frames: Frames) -> None:
    check, table = PARTS[gone]
    found = found_by(check, frames | {gone: frames[gone].clear()})
    assert (table, gone, frames[table].height) in found.select("table", "without", "rows").rows()


def found_by(check: Callable[..., pl.DataFrame], frames: Frames) -> pl.DataFrame:
    return check(*(frames[name] for name in step_of(check, is_check=True).reads))


def test_another_order_of_all_lines_changes_no_table(lines: Frames, frames: Frames) -> None:
    again = made({name: shuffled(frame, seed=5) if "line" in frame.columns else frame for name, frame in lines.items()})  # type: ignore[type-var]
    kept = frames.keys() - lines.keys() - {name for name in frames if name.endswith(("_lines", "_set_aside"))}
    columns = {name: frames[name].columns for name in kept}
    differ = [name for name in kept if not frames[name].sort(columns[name]).equals(again[name].sort(columns[name]))]
    assert differ == []


@pytest.mark.parametrize("kept", [0, 7, 8])
def test_schedules_that_are_missing_for_more_than_a_fifth_of_the_participants_stop_a_run(
    kept: int, frames: Frames
) -> None:
    people = frames["hierarchy_participants"].drop_nulls("schedule_id").head(10)
    gone = pl.when(pl.int_range(pl.len()) < kept).then("schedule_id").alias("schedule_id")
    found = schedules_linked(people.with_columns(gone), frames["schedules"])  # type: ignore[arg-type]
    assert found.select("participants", "linked").rows() == ([(10, kept)] if kept < 8 else [])


def test_participants_without_any_schedule_of_any_stop_a_run(frames: Frames) -> None:
    people = frames["hierarchy_participants"].with_columns(schedule_code=pl.lit(None, pl.String))
    assert schedules_linked(people, frames["schedules"]).is_empty()  # type: ignore[arg-type]
    assert schedules_linked(people, frames["schedules"].clear()).height == 1  # type: ignore[arg-type]
