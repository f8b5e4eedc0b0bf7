"""The commands for backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from firn import ConfigError
from pipelines.engine.arguments import CONFIG, JSON, show

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["VERBS"]


class Backup(click.Group):
    """A group whose first word may be left out: ``firn backup order_lists`` is ``firn backup take order_lists``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the word in."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if args and args[0] in known else ["take", *args])


@click.group(cls=Backup)
def backup() -> None:
    """Back up what production shows of a pipeline, with its state: firn backup [PIPELINE]."""


@backup.command("take")
@click.argument("pipeline", required=False)
@click.option("--raw", is_flag=True, help="Read the sources instead, and keep what they give: etl_backup_...")
@click.option("--no-verify", is_flag=True, help="Do not restore the tables on trial; read the files back only.")
@CONFIG
@JSON
def take(pipeline: str | None, config: Path | None, *, raw: bool, no_verify: bool, as_json: bool) -> None:
    """Back up a pipeline's tables and state as of one moment, by default every pipeline's.

    The word take may be left out.
    """
    from pipelines.engine import backup_texts, backups, commands, raw_backups

    commands.refuse_together({"--raw": raw}, {"--no-verify": no_verify})
    if raw:
        kept = raw_backups.take(named(pipeline), config, quiet=as_json)
        return show(lambda: backup_texts.taken(kept), kept, as_json=as_json)
    found = backups.take(pipeline, config, verify=not no_verify)
    return show(lambda: "\n".join(map(backup_texts.taken, found)), found, as_json=as_json)


def named(pipeline: str | None) -> str:
    """Return a pipeline's name that has to be given.

    Raises:
        ConfigError: It is not.
    """
    if pipeline is None:
        raise ConfigError("--raw needs the name of a pipeline. Nothing was read or written.", "firn list")
    return pipeline


@backup.command("list")
@CONFIG
@JSON
def list_backups(config: Path | None, *, as_json: bool) -> None:
    """List the backups that are whole, the latest first."""
    from pipelines.engine import backup_texts, backups

    found = backups.listed(config)
    show(lambda: backup_texts.listed(found), found, as_json=as_json)


@backup.command("drill")
@click.argument("name", metavar="NAME|PIPELINE")
@CONFIG
@JSON
def drill(name: str, config: Path | None, *, as_json: bool) -> None:
    """Restore a backup to a private server, started and stopped for it, and record how long that took."""
    from pipelines.engine import backup_texts, backups

    done = backups.drill(name, config)
    show(lambda: backup_texts.drilled(done), done, as_json=as_json)


@click.command()
@click.argument("name", metavar="NAME|PIPELINE")
@click.option("--table", "tables", multiple=True, metavar="TABLE", help="Only this table, where that is possible.")
@click.option("--no-publish", is_flag=True, help="Stage the tables only: look with firn diff, then firn publish.")
@click.option("--into", metavar="SCHEMA", help="Restore into a new schema instead, beside production.")
@CONFIG
@JSON
def restore(
    name: str, tables: tuple[str, ...], config: Path | None, *, no_publish: bool, into: str | None, as_json: bool
) -> None:
    """Publish the tables of a backup, or of a pipeline's latest, as a new generation, all at once or not at all."""
    from pipelines.engine import backup_texts, backups, commands, texts
    from pipelines.engine.report import Report
    from pipelines.engine.typed import Typed

    commands.refuse_together({"--into": into}, {"--table": tables, "--no-publish": no_publish})
    if into is not None:
        beside = backups.restore_beside(name, into, config)
        return show(lambda: backup_texts.beside(beside, into), backups.described(beside), as_json=as_json)
    done = backups.restore(name, config, tables=tables, publish=not no_publish)
    if isinstance(done, Report):
        return show(lambda: texts.completed(done, Typed(config=config)), done.as_dict(), as_json=as_json)
    return show(lambda: backup_texts.restored(done), texts.document(done), as_json=as_json)


VERBS = (backup, restore)
