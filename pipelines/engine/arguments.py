"""The options that many verbs share, and how all of them print what they found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONFIG", "JSON", "SET", "parse", "show"]

CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file; default: firn.toml here, where it exists."
)
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
