"""``firn env``: the environments of the settings, their schemas and roles, and whether they keep to themselves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pipelines.engine.arguments import CONFIG, JSON, show

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["env"]

NAME = click.argument("name", metavar="NAME")


@click.group()
def env() -> None:
    """Work on environments: schemas, role, database and sources of their own."""


@env.command("list")
@CONFIG
@JSON
def env_list(config: Path | None, *, as_json: bool) -> None:
    """List the environments: where each works, as which role, and whether it is made."""
    from pipelines.engine import spaces

    found = spaces.listed(config)
    show(lambda: spaces.listed_text(found), found, as_json=as_json)


@env.command("create")
@NAME
@click.option("--sql", is_flag=True, help="Print the statements that are left to execute; execute none.")
@CONFIG
@JSON
def env_create(name: str, config: Path | None, *, sql: bool, as_json: bool) -> None:
    """Make role, rights and schemas of an environment, where they are missing."""
    from pipelines.engine import spaces

    made = spaces.create(name, config, execute=not sql)
    show(lambda: spaces.created_text(made, executed=not sql), made, as_json=as_json)
    sys.exit(1 if made["role_may"] else 0)


@env.command("verify")
@NAME
@click.option("--record", is_flag=True, help="Take what there is now as what it has to be from now on.")
@CONFIG
@JSON
def env_verify(name: str, config: Path | None, *, record: bool, as_json: bool) -> None:
    """Check what its role may write, and whether all other schemas are what was recorded last.

    Every run in the environment records that at its end. Exit code 7 where anything differs.
    """
    from pipelines.engine import spaces

    found = spaces.verify(name, config, record=record)
    show(lambda: spaces.verified_text(found), found, as_json=as_json)
    sys.exit(0 if found["passed"] else 7)


@env.command("reset")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@CONFIG
@JSON
def env_reset(name: str, config: Path | None, *, yes: bool, as_json: bool) -> None:
    """Drop all that an environment has in its database, and make it anew, empty; never production."""
    from pipelines.engine import spaces

    spaces.refuse_production(name)
    if not yes:
        click.confirm(spaces.question(name, config), abort=True, err=True)
    done = spaces.reset(name, config)
    show(lambda: spaces.reset_text(done), done, as_json=as_json)


@env.command("copy")
@NAME
@click.option("--from", "origin", default="production", show_default=True, metavar="NAME", help="Whose tables.")
@click.option("--sample", is_flag=True, help="Only some rows of each table.")
@click.option("--rows", type=click.IntRange(min=1), default=1000, show_default=True, help="How many, with --sample.")
@CONFIG
@JSON
def env_copy(name: str, config: Path | None, *, origin: str, sample: bool, rows: int, as_json: bool) -> None:
    """Copy the tables that another environment of the same database shows into an empty one."""
    from pipelines.engine import spaces

    done = spaces.copy(name, config, origin, rows if sample else None)
    show(lambda: spaces.copied_text(done), done, as_json=as_json)
