"""The verbs that keep production safe from what would spoil it, and tell who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipelines.engine.arguments import CONFIG, JSON, show

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VERBS"]


@click.command()
@click.argument("pipeline")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded, and told to whoever is refused.")
@CONFIG
@JSON
def disable(pipeline: str, reason: str, config: Path | None, *, as_json: bool) -> None:
    """Have nothing of a pipeline published, by anybody, until it is enabled again; rollbacks still are possible."""
    from pipelines.engine import disabling as work

    found = work.disable(pipeline, config, reason)
    show(lambda: work.text(found), found, as_json=as_json)


@click.command()
@click.argument("pipeline")
@CONFIG
@JSON
def enable(pipeline: str, config: Path | None, *, as_json: bool) -> None:
    """Let a pipeline be run and published again that was disabled."""
    from pipelines.engine import disabling as work

    found = work.enable(pipeline, config)
    show(lambda: work.text(found), found, as_json=as_json)


@click.command()
@click.argument("pipeline", required=False)
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@CONFIG
@JSON
def audit(pipeline: str | None, last: int, config: Path | None, *, as_json: bool) -> None:
    """Tell who did what and when, from which inputs, and who was refused what: the latest first."""
    from pipelines.engine import acts as work

    found = work.acts(pipeline, config, last)
    show(lambda: work.text(found), found, as_json=as_json)


@click.group()
def grants() -> None:
    """Tell what each side must let firn do."""


@grants.command("show")
@click.argument("side", required=False, metavar="[target|PIPELINE]")
@CONFIG
@JSON
def grants_show(side: str | None, config: Path | None, *, as_json: bool) -> None:
    """Print the least that the target and each source must let firn do, as scripts; ask and execute nothing."""
    from pipelines.engine import grants as work

    found = work.only(work.scripts(config), side)
    show(lambda: work.text(found), found, as_json=as_json)


VERBS = (disable, enable, audit, grants)
