"""Writes what was measured where people read it: a table of everything, plots, and the README's figures.

No figure is typed: pages hold a block between two comments, and ``python -m benchmarks.suite --pages`` writes it from
``benchmarks/results``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from benchmarks.suite import growth, history, plots
from benchmarks.suite.machine import ROOT
from benchmarks.suite.trial import FIRN, Trial, by_entry, is_firn, is_limit, median, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["GROWTH", "RESULTS", "pages", "read", "table", "with_block", "write"]

RESULTS = ROOT / "benchmarks" / "results" / "full.jsonl"
GROWTH = RESULTS.with_name("growth.jsonl")
_TABLE = RESULTS.with_name("README.md")
_README, _SPEED = ROOT / "README.md", ROOT / "docs" / "explanation" / "speed.md"
_BLOCK = re.compile(r"(<!-- measured by make bench -->\n).*?(<!-- until here -->)", re.DOTALL)
_DRAWN = ("order lists", "clinic")
_HEADLINES = (*_DRAWN, "commissions", "publication")
_FIGURES = (
    *("scenario", "system", "rows", "runs", "rows/s (least to most)", "seconds", "start, s", "CPU s", "server CPU s"),
    *("peak MB", "verified", "lock ms", "longest read ms", "remark"),
)

Results = tuple["Mapping[str, Any]", "Sequence[Trial]"]


def read(path: Path) -> Results:
    """Read a file of results: what was measured with what, and every run."""
    about, *lines = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return about, [Trial.parse(line) for line in lines]


def write() -> list[Path]:
    """Write all pages; return them."""
    made = pages()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return list(made)


def pages() -> dict[Path, str]:
    """Return every page as the results say it must be; none where nothing was measured."""
    made: dict[Path, str] = {}
    if RESULTS.exists():
        results = read(RESULTS)
        made[_TABLE] = f"# Measured\n\n{origin(results[0])}\n\n{table(results[1])}\n"
        made[_README] = with_block(_README.read_text("utf-8"), headline(*results))
        drawn = {name: bars(name, results[1]) for name in _DRAWN if any(t.scenario == name for t in results[1])}
        for name, picture in drawn.items():
            made[_SPEED.with_name(f"speed-{name.replace(' ', '-')}.svg")] = picture
        shown = "\n\n".join(f"![{name}](speed-{name.replace(' ', '-')}.svg)" for name in drawn)
        text = f"{origin(results[0])}\n\n{shown}\n\n{table(results[1])}\n"
        if GROWTH.exists():
            found = growth.growths(read(GROWTH)[1])
            for name, picture in grown(found).items():
                made[_SPEED.with_name(f"speed-growth-of-{name}.svg")] = picture
                text += f"\n![How {name} grows with the rows](speed-growth-of-{name}.svg)\n"
            text += f"\n{growing(found)}\n"
        made[_SPEED] = with_block(_SPEED.read_text("utf-8"), text)
    if found_history := history.entries():
        made[RESULTS.with_name("history.svg")] = history.plot(found_history)
    return made


def with_block(page: str, block: str) -> str:
    """Return a page with another text between its comments."""
    return _BLOCK.sub(lambda found: f"{found[1]}{block.strip()}\n{found[2]}", page)


def origin(about: Mapping[str, Any]) -> str:
    """Say on what, when and of which commit something was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in {**about["versions"], **about["peers"]}.items())
    return (
        f"{about['at'][:10]}, commit {about['commit']}, {about['machine']}, {about['memory_gib']} GiB, "
        f"{about['system']}. {versions}."
    )


def table(trials: Sequence[Trial]) -> str:
    """Write a line by scenario, scale and system: medians, and the least and the most of the speed or the seconds."""
    rule = "|---|---|" + "--:|" * (len(_FIGURES) - 3) + "---|"
    head = [f"| {' | '.join(_FIGURES)} |", rule]
    return "\n".join(head + [_line(*entry, runs) for entry, runs in by_entry(trials).items()])


def _line(scenario: str, scale: float, system: str, runs: Sequence[Trial]) -> str:
    least, most = spread(runs, "speed")
    speed = f"{median(runs, 'speed') or 0:,.0f} ({least:,.0f} to {most:,.0f})" if runs[0].rows else ""
    figures = [
        _number(median(runs, figure), form)
        for figure, form in (
            ("seconds", "{:,.2f}"),
            ("start_s", "{:,.2f}"),
            ("cpu_s", "{:,.1f}"),
            ("server_cpu_s", "{:,.1f}"),
            ("peak_mb", "{:,.0f}"),
        )
    ]
    verified = _number(max(run.verified for run in runs) or None, "{:,}")
    waits = [_number(median(runs, figure), "{:,.0f}") for figure in ("publish_lock_ms", "max_reader_wait_ms")]
    share = f"on {runs[0].slice:.1%} of the rows" if runs[0].slice < 1 else ""
    said = next((run.problem for run in runs if run.problem), "")
    remark = ", ".join(text for text in (share, _short(said)) if text)
    name = f"**{system}**" if is_firn(system) else system
    cells = [f"{scenario}, {scale:g}", name, f"{runs[0].rows or '':,}" if runs[0].rows else "", str(len(runs)), speed]
    return "| " + " | ".join([*cells, *figures, verified, *waits, remark]) + " |"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _short(said: str) -> str:
    return " ".join(said.replace("|", "/").split())[:120]


def headline(about: Mapping[str, Any], trials: Sequence[Trial]) -> str:
    """Write the README's lines: what firn does in the main scenarios, and how often what each of the others does."""
    lines = [f"On {about['machine']}, {about['at'][:10]}, commit {about['commit']}, medians:", ""]
    for (scenario, scale, system), runs in by_entry(trials).items():
        if system == FIRN and scenario in _HEADLINES:
            others = [trial for trial in trials if (trial.scenario, trial.scale) == (scenario, scale)]
            lines.append(_said(scenario, runs, others))
    return "\n".join(lines)


def _said(scenario: str, runs: Sequence[Trial], others: Sequence[Trial]) -> str:
    speed, (least, most) = median(runs, "speed") or 0.0, spread(runs, "speed")
    words = [
        f"- **{scenario}**, {runs[0].rows:,} rows: **{speed:,.0f} rows/s** ({least:,.0f} to {most:,.0f})",
        f"{median(runs, 'peak_mb') or 0:,.0f} MB at most",
        f"production locked for {median(runs, 'publish_lock_ms') or 0:,.0f} ms",
    ]
    for (_, _, system), own in by_entry(others).items():
        if not is_firn(system) and not any(run.problem for run in own):
            other = median(own, "speed") or 1.0
            ratio = f"{speed / other:.0%} of {system}" if is_limit(system) else f"{speed / other:,.1f} times {system}"
            words.append(ratio + (f" (on {own[0].slice:.1%})" if own[0].slice < 1 else ""))
    return "; ".join(words)


def bars(scenario: str, trials: Sequence[Trial]) -> str:
    """Draw the speeds of one scenario, at the scale in which most systems took part."""
    own = [trial for trial in trials if trial.scenario == scenario]
    scales = {trial.scale: len({t.system for t in own if t.scale == trial.scale}) for trial in own}
    scale = max(scales, key=lambda one: scales[one])
    shown = []
    for (_, _, system), runs in by_entry(t for t in own if t.scale == scale).items():
        speed = median(runs, "speed") or 0.0
        if speed:
            whose = "ours" if is_firn(system) else "limit" if is_limit(system) else "theirs"
            short = " (incomplete)" if any(run.problem for run in runs) else ""
            shown.append(plots.Bar(system, speed, f"{speed:,.0f} rows/s{short}", whose))
    title = f"{scenario}, scale {scale:g}: rows per second, on a logarithmic scale"
    return plots.bars(title, sorted(shown, key=lambda bar: -bar.value))


def grown(found: Sequence[growth.Growth]) -> dict[str, str]:
    """Draw how time and memory grow with rows, each with the power that fits."""
    time = [plots.Line(f"{one.scenario}, {one.time:.2f}", _pairs(one.rows, one.seconds)) for one in found]
    memory = [plots.Line(f"{one.scenario}, {one.memory:.2f}", _pairs(one.rows, one.peak_mb)) for one in found]
    fitted = "by rows, both logarithmic, and the power that fits"
    return {
        "time": plots.lines(f"seconds {fitted}", "rows", "seconds", time),
        "memory": plots.lines(f"peak MB {fitted}", "rows", "MB", memory),
    }


def _pairs(rows: Sequence[float], costs: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(rows, costs, strict=True))


def growing(found: Sequence[growth.Growth]) -> str:
    """Write the powers with which time and memory grow, and the sizes that they were fitted to."""
    head = ["| scenario | rows | seconds | peak MB | time grows by the power | memory |", "|---|---|---|---|--:|--:|"]
    lines = [
        f"| {one.scenario} | {_each(one.rows, 0)} | {_each(one.seconds, 2)} | {_each(one.peak_mb, 0)} "
        f"| {one.time:.2f} | {one.memory:.2f} |"
        for one in found
    ]
    return "\n".join(head + lines)


def _each(values: Sequence[float], digits: int) -> str:
    return " / ".join(f"{value:,.{digits}f}" for value in values)
