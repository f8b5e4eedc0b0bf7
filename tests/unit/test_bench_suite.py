"""The harness of the benchmarks: who takes turns, what is measured, and that wrong data ends it."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import firn
from benchmarks.postgres import Target
from benchmarks.suite import growth, history, limits, pages, plots, runs
from benchmarks.suite.contest import Contest, Entry, Refused, Results, WrongData
from benchmarks.suite.process import Command, Ran, run
from benchmarks.suite.trial import Finding, Trial, by_entry
from firn import ConfigError
from pipelines.engine.bench import bench

TRIAL = Trial(
    scenario="order lists",
    system="firn",
    scale=1,
    repeat=1,
    rows=1000,
    slice=1.0,
    seconds=2.0,
    start_s=0.5,
    wall_s=2.5,
    cpu_s=3.0,
    server_cpu_s=0.5,
    peak_mb=100,
    code=0,
    arrived=1000,
    verified=1000,
    publish_lock_ms=12.0,
    max_reader_wait_ms=20.0,
)
ABOUT = {
    "at": "2026-11-22T05:00:00+00:00",
    "commit": "0123abcd",
    "machine": "2 x Processor",
    "memory_gib": 8,
    "system": "Linux",
    "load": 0.1,
    "versions": {"python": "3.11.7"},
    "peers": {"pandas": "3.1.1"},
}


def contest(tmp_path: Path) -> Contest:
    target = Target(0, "18", os.getpid(), tmp_path)
    return Contest("some", 1.0, target, Results(tmp_path / "results.jsonl", ABOUT))


def entry(system: str, problem: str = "", **more: int) -> Entry:
    said = Finding(0.5, arrived=10, problem=problem)
    return Entry(system, 10, lambda folder: Command(("true",), folder), lambda _: said, **more)


def lines(tmp_path: Path) -> list[Trial]:
    return pages.read(tmp_path / "results.jsonl")[1]


def test_systems_take_turns_and_every_run_is_a_line(tmp_path: Path) -> None:
    held = contest(tmp_path).hold([entry("firn"), entry("slow", most=1), entry("other")], 2)
    assert [(t.system, t.repeat) for t in held] == [("firn", 1), ("slow", 1), ("other", 1), ("firn", 2), ("other", 2)]
    assert lines(tmp_path) == held
    assert held[0].speed == 20


def test_firn_that_loads_wrong_data_ends_the_benchmark_and_is_in_the_results(tmp_path: Path) -> None:
    with pytest.raises(WrongData, match="a sum differs"):
        contest(tmp_path).hold([entry("firn", "a sum differs"), entry("other")], 1)
    assert [trial.problem for trial in lines(tmp_path)] == ["a sum differs"]


def test_another_system_that_fails_loads_short_or_is_not_there_is_told_of(tmp_path: Path) -> None:
    def absent(_: Path) -> Command:
        raise Refused("it is not installed")

    failing = replace(entry("failing"), prepare=lambda folder: Command(("sh", "-c", "echo no >&2; exit 3"), folder))
    missing = replace(entry("absent"), prepare=absent)
    held = contest(tmp_path).hold([failing, entry("short", "3 rows are missing"), missing], 1)
    assert [trial.problem for trial in held] == ["exit 3: ...no", "3 rows are missing", "it is not installed"]
    assert held[-1].speed == 0
    assert "it is not installed" in pages.table(held)


def test_processors_and_memory_of_children_count(tmp_path: Path) -> None:
    work = "x = bytearray(60_000_000); sum(i for i in range(2_000_000)); import time; time.sleep(0.2)"
    ran = run(
        Command(
            (sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"),
            tmp_path,
        )
    )
    assert ran.code == 0
    assert ran.cpu_s > 0.05
    assert ran.peak_mb > 60


def test_a_run_that_printed_no_report_is_a_problem_and_one_that_failed_says_why() -> None:
    assert runs.finding(Ran(0, said="Traceback")).problem == "it printed no report"
    assert runs.finding(Ran(3, said=json.dumps({"error": "rows are lost"}))).problem == "rows are lost"


def test_a_limit_inflates_every_workbook(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"no workbook")
    with pytest.raises(Exception, match="not a zip file"):
        limits.inflate(str(tmp_path))


@pytest.mark.parametrize(("costs", "power"), [((2, 4, 8, 16), 1.0), ((3, 3, 3, 3), 0.0), ((1, 4, 16, 64), 2.0)])
def test_growth_is_the_power_of_the_rows(costs: tuple[float, ...], power: float) -> None:
    assert growth.fit((100, 200, 400, 800), costs) == pytest.approx(power)


def test_growth_is_of_firn_at_several_scales() -> None:
    sizes = [replace(TRIAL, scale=n, rows=1000 * n, seconds=2.0 * n) for n in growth.TIMES]
    (found,) = growth.growths([*sizes, replace(TRIAL, system="pandas")])
    assert (found.rows, found.time, found.memory) == ((1000, 2000, 4000, 8000), pytest.approx(1), pytest.approx(0))
    assert [drawn.count("<circle") for drawn in pages.grown([found]).values()] == [4, 4]
    assert "| 1,000 / 2,000 / 4,000 / 8,000 |" in pages.growing([found])


def test_the_figures_of_the_readme_come_from_the_results() -> None:
    slower = replace(TRIAL, system="pandas", seconds=40.0, rows=100, arrived=100, slice=0.1)
    limit = replace(TRIAL, system="limit: copy", seconds=1.0)
    said = pages.headline(ABOUT, [TRIAL, replace(TRIAL, seconds=4.0), replace(TRIAL, seconds=1.0), slower, limit])
    assert "2 x Processor, 2026-11-22, commit 0123abcd" in said
    assert "**500 rows/s** (250 to 1,000)" in said
    assert "200.0 times pandas (on 10.0%)" in said
    assert "50% of limit: copy" in said


def test_pages_show_what_the_results_say() -> None:
    assert [str(path) for path, text in pages.pages().items() if path.read_text("utf-8") != text] == []


def test_a_block_is_replaced_and_the_rest_of_the_page_stays() -> None:
    page = "before\n<!-- measured by make bench -->\nold\n<!-- until here -->\nafter\n"
    assert pages.with_block(page, "new") == page.replace("old", "new")
    for path in ("README.md", "docs/explanation/speed.md"):
        assert "\nnew\n<!--" in pages.with_block((Path(firn.__file__).parent / path).read_text("utf-8"), "new")


def test_history_takes_a_clean_commit_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert not history.append({**ABOUT, "commit": "0123abcd+"}, [TRIAL], path)
    assert history.append(ABOUT, [TRIAL, replace(TRIAL, system="pandas")], path)
    assert history.append({**ABOUT, "commit": "4567cdef"}, [replace(TRIAL, seconds=1.0)], path)
    found = history.entries(path)
    assert [(line["commit"], line["speed"]) for line in found] == [("0123abcd", 500), ("4567cdef", 1000)]
    assert "4567cdef" in history.table(found)
    assert "0123abcd to 4567cdef" in history.plot(found)


def test_plots_are_drawings_of_their_values() -> None:
    drawn = plots.bars("a & b", [plots.Bar("firn", 1000, "1,000", "ours"), plots.Bar("pandas", 10, "10", "theirs")])
    assert drawn.count("<rect") == 3
    assert "a &amp; b" in drawn
    assert pages.bars("order lists", [TRIAL, replace(TRIAL, system="pandas", seconds=20)]).count("<rect") == 3


def test_groups_keep_the_order_of_measuring() -> None:
    assert [key[2] for key in by_entry([replace(TRIAL, system=name) for name in ("b", "a", "b")])] == ["b", "a"]


def test_an_installed_firn_says_where_its_benchmarks_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firn, "__file__", str(tmp_path / "firn.py"))
    with pytest.raises(ConfigError, match="not installed with firn") as raised:
        CliRunner().invoke(bench, ["--small"], catch_exceptions=False, standalone_mode=False)
    assert "make bench-small" in raised.value.hint
