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
        sections += described(verb, command, root)
    return "\n\n".join(sections) + "\n"


def described(verb: str, command: click.Command, parent: click.Context) -> list[str]:
    """Compose the section of a verb, and those of the verbs below it."""
    context = click.Context(command, info_name=verb, parent=parent, terminal_width=100)
    below = sorted(command.commands.items()) if isinstance(command, click.Group) else []
    title = context.command_path.removeprefix("firn ")
    section = f"## {title}\n\n{fenced(command.get_help(context))}"
    return [section, *(text for name, one in below for text in described(name, one, context))]


def fenced(text: str) -> str:
    """Show text as it is."""
    return f"```text\n{text}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
