"""Writes the command reference from the commands themselves: ``python docs/reference.py``."""

from pathlib import Path

import click

from pipelines.engine.cli import cli

PAGE = Path(__file__).parent / "reference" / "commands.md"


def page() -> str:
    """Compose the page: the group's help, then every verb's under its own heading."""
    root = click.Context(cli, info_name="firn", terminal_width=100)
    sections = [f"# Commands\n\nWritten by `python docs/reference.py`.\n\n{fenced(cli.get_help(root))}"]
    for verb, command in sorted(cli.commands.items()):
        context = click.Context(command, info_name=verb, parent=root, terminal_width=100)
        sections.append(f"## {verb}\n\n{fenced(command.get_help(context))}")
    return "\n\n".join(sections) + "\n"


def fenced(text: str) -> str:
    """Show text as it is."""
    return f"```text\n{text}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
