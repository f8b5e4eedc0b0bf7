"""The options that many verbs share, and how all of them print what they found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONFIG", "ENV", "JSON", "SET", "parse", "show"]


def within(_context: click.Context, _option: click.Parameter, name: str | None) -> None:
    """Work in an environment: the option says what the variable says, to all that read settings."""
    if name:
        os.environ["FIRN_ENV"] = name


ENV = click.option(
    "--env", metavar="NAME", callback=within, expose_value=False, help="Environment; default: FIRN_ENV, or default_env."
)


def CONFIG(command: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802 (it is used like the options below)
    """Let a command name its settings file and the environment of it."""
    text = "Settings file, TOML or JSON; default: firn.toml here, where it exists."
    return click.option("--config", type=click.Path(path_type=Path), help=text)(ENV(command))


JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
SET = click.option("--set", "flags", multiple=True, metavar="KEY=VALUE", help="Set one setting of the pipeline.")


def show(text: Callable[[], str], document: Any, *, as_json: bool) -> None:  # noqa: ANN401 (any JSON document)
    """Print a result for people or for programs."""
    click.echo(json.dumps(document, indent=2, default=str) if as_json else text())


def parse(flags: tuple[str, ...]) -> dict[str, str]:
    """Split KEY=VALUE settings.

    Raises:
        click.BadParameter: One has no equals sign.
    """
    for flag in flags:
        if "=" not in flag:
            raise click.BadParameter(f"{flag} is not KEY=VALUE", param_hint="--set")
    return dict(flag.split("=", 1) for flag in flags)
