"""The command line: one verb a command; results on standard output, everything else on standard error."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from firn import ConfigError, FirnError
from pipelines.engine import backup_cli, env, precautions
from pipelines.engine.arguments import CONFIG, ENV, JSON, SET, parse, show
from pipelines.engine.bench import bench
from pipelines.engine.postponed import postpone

CUSTOMER = click.option("--customer", default="", metavar="NAME", help="Only the workbooks of this customer.")
REASON = click.option("--reason", default="", metavar="REASON", help="Only the cells set aside for this reason.")
TABLE = click.option("--table", default="", metavar="NAME", help="Only the values of this table of a replication.")
LIMIT = click.option("--limit-files", type=click.IntRange(min=1), help="Read only the first N files; never published.")


def main() -> None:
    """Run the command line, and print an error as what is wrong and what to type next."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Modules are most of what there is to collect and none of it is garbage: looking at them took a fifth of the start.
    gc.set_threshold(500_000)
    postpone("dataframely", "numpy", "polars", "pyarrow")
    # What Python writes has a descriptor of its own: what a driver writes when it panics can be kept from people.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    try:
        sys.exit(cli(standalone_mode=False))
    except FirnError as error:
        fail(error)
    except click.ClickException as error:
        if "--json" in sys.argv:
            fail(ConfigError(error.format_message()))
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Interrupted. What was not published stays unpublished.", err=True)
        if run := getattr(error, "report", None):
            click.echo(f"Go on: firn resume {run.run_id}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


def fail(error: FirnError) -> None:
    """Print an error, as text or as JSON, and leave with its exit code."""
    from pipelines.engine import texts

    if "--json" in sys.argv:
        click.echo(json.dumps(texts.error_document(error), indent=2))
    else:
        click.echo(texts.error_text(error), err=True)
    sys.exit(error.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="firn")
@ENV
def cli() -> None:
    """Pull tables out of workbooks and databases, transform them in memory, publish all of them at once."""


for verb in (*backup_cli.VERBS, bench, env.env, *precautions.VERBS):
    cli.add_command(verb)


@cli.command("list")
@JSON
def list_pipelines(*, as_json: bool) -> None:
    """List the pipelines."""
    from pipelines.engine import commands

    found = commands.pipelines()
    show(lambda: "\n".join(f"{p['name']:<14}{p['purpose']}" for p in found), found, as_json=as_json)


@cli.command()
@click.argument("pipeline")
@click.option("--published", is_flag=True, help="Check what production shows, and read nothing else.")
@click.option("--full", is_flag=True, help="Load into a scratch schema too, and judge five phases; publish nothing.")
@click.option("--anyway", is_flag=True, help="Read the source also in its office hours.")
@LIMIT
@SET
@CONFIG
@JSON
def check(
    pipeline: str,
    limit_files: int | None,
    flags: tuple[str, ...],
    config: Path | None,
    *,
    published: bool,
    full: bool,
    anyway: bool,
    as_json: bool,
) -> None:
    """Read, transform and check everything; write nothing."""
    from pipelines.engine import checkup, commands, texts

    commands.refuse_together(
        {"--published": published}, {"--full": full, "--limit-files": limit_files, "--anyway": anyway}
    )
    if published or full:
        found = (
            commands.check_published(pipeline, config, parse(flags))
            if published
            else commands.check_full(pipeline, config, parse(flags), limit_files, anyway=anyway, quiet=as_json)
        )
        show(lambda: checkup.text(found), found.as_dict(), as_json=as_json)
        sys.exit(0 if found.passed else 3)
    from pipelines.engine.typed import Typed

    report = commands.check(pipeline, config, parse(flags), limit_files, anyway=anyway, quiet=as_json)
    typed = Typed(pipeline, config, parse(flags))
    show(lambda: texts.completed(report, typed), report.as_dict(), as_json=as_json)


@cli.command()
@click.argument("pipeline")
@click.option("--dry-run", is_flag=True, help="Show the plan; read no rows, write nothing.")
@click.option("--no-publish", is_flag=True, help="Stage and verify, then wait for: firn publish RUN.")
@click.option("--allow-failed", multiple=True, metavar="FILE", help="Keep this file's published rows when it fails.")
@click.option("--accept-missing", multiple=True, metavar="FILE", help="Let the rows of a file that is gone leave.")
@click.option(
    "--file", "files", multiple=True, metavar="FILE", help="Replace this file's rows only; a path may be local."
)
@click.option("--customer", default="", metavar="NAME", help="Replace the rows of this customer's files only.")
@click.option("--full-refresh", "--full", is_flag=True, help="Read every file or table whole, changed or not.")
@click.option("--tables", default="", metavar="NAME,...", help="Only these tables of a replication, or of these tiers.")
@click.option("--exclude", default="", metavar="NAME,...", help="Leave these tables out, or the tables of these tiers.")
@click.option("--lock", is_flag=True, help="Keep everybody from writing the tables while a replication reads them.")
@click.option("--anyway", is_flag=True, help="Read the source also in its office hours; this is recorded.")
@click.option("--sample", is_flag=True, help="Stage a sample in which nothing is cut off; never published.")
@click.option("--extract-only", is_flag=True, help="Store what the source gives under the run's name, and stop.")
@click.option("--transform-only", is_flag=True, help="Open no source: read the latest stored extract.")
@click.option("--from-run", metavar="RUN", help="The run whose stored extract is read.")
@click.option("--from-backup", metavar="NAME", help="Open no source: read this raw backup, see firn backup --raw.")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value="inf",
    default=0.0,
    metavar="[SECONDS]",
    help="Wait for another run of the pipeline, so long at most; else to its end.",
)
@LIMIT
@SET
@CONFIG
@JSON
def run(
    pipeline: str,
    flags: tuple[str, ...],
    config: Path | None,
    *,
    dry_run: bool,
    no_publish: bool,
    extract_only: bool,
    transform_only: bool,
    from_run: str | None,
    from_backup: str | None,
    wait_s: float,
    as_json: bool,
    **asked: Any,  # noqa: ANN401 (the options that narrow a run)
) -> None:
    """Run a pipeline and publish its tables, all at once or not at all."""
    from pipelines.engine import commands, texts
    from pipelines.engine.typed import Typed

    typed = Typed(pipeline, config, parse(flags))
    others = {"--transform-only": transform_only, "--from-run": from_run, "--no-publish": no_publish}
    narrowing = {
        f"--{name.removesuffix('s').replace('_', '-')}": given for name, given in asked.items() if name != "limit_files"
    }
    commands.refuse_together({"--extract-only": extract_only}, {"--dry-run": dry_run, **others, **narrowing})
    sources = {"--extract-only": extract_only, "--transform-only": transform_only, "--from-run": from_run}
    commands.refuse_together({"--from-backup": from_backup}, {"--dry-run": dry_run, **sources})
    options = commands.options(**asked, publish=not no_publish)
    if dry_run:
        from pipelines.engine import plan as work

        plan, text = work.plan(
            pipeline, config, parse(flags), options, transform_only=transform_only, from_run=from_run
        )
        return show(lambda: text, plan, as_json=as_json)
    report = commands.run(
        pipeline,
        config,
        parse(flags),
        options=options,
        extract_only=extract_only,
        transform_only=transform_only,
        from_run=from_run,
        from_backup=from_backup,
        wait_s=wait_s,
        quiet=as_json,
    )
    return show(lambda: texts.completed(report, typed), report.as_dict(), as_json=as_json)


@cli.command()
@click.argument("run_id", metavar="[RUN|PIPELINE]", required=False)
@SET
@CONFIG
@JSON
def resume(run_id: str | None, flags: tuple[str, ...], config: Path | None, *, as_json: bool) -> None:
    """Go on with a run that failed or was killed, by default the latest; what is still valid is not done again."""
    from pipelines.engine import resumption, texts
    from pipelines.engine.typed import Typed

    report = resumption.resume(run_id, config, parse(flags), quiet=as_json)
    show(lambda: texts.completed(report, Typed(config=config)), report.as_dict(), as_json=as_json)


@cli.command()
@click.argument("pipeline")
@click.option("--dry-run", is_flag=True, help="Show what changed; write nothing.")
@click.option("--accept-loss", is_flag=True, help="Take it as it is, even if the source lost most of its tables.")
@click.option("--exit-code", is_flag=True, help="Exit with 6 when nothing changed at the source.")
@SET
@CONFIG
@JSON
def discover(
    pipeline: str,
    flags: tuple[str, ...],
    config: Path | None,
    *,
    dry_run: bool,
    accept_loss: bool,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Look at the tables of a pipeline's source, say what changed, and decide how each is read."""
    from pipelines.replication import survey as work

    done = work.survey(pipeline, config, parse(flags), dry_run=dry_run, accept_loss=accept_loss)
    show(lambda: work.text(done), work.document(done), as_json=as_json)
    sys.exit(work.UNCHANGED if exit_code and done.status == "unchanged" else 0)


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option("--again", is_flag=True, help="Publish a run that was rolled back, as a new generation.")
@CONFIG
@JSON
def publish(run_id: str, config: Path | None, *, again: bool, as_json: bool) -> None:
    """Publish a run that was staged with --no-publish."""
    from pipelines.engine import commands, texts

    published, before = commands.publish(run_id, config, again=again)
    show(lambda: texts.published_text(published, before), texts.document(published), as_json=as_json)


@cli.command()
@click.argument("name", metavar="RUN|PIPELINE")
@click.option("--against", metavar="SCHEMA", help="Compare what production shows of a pipeline with this schema.")
@click.option("--tables", metavar="A,B", help="Only these tables; with --against.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["type", "rounding", "empty", "columns", "tables"]),
    help="Tell such differences, and count a table that has no others as equal; with --against.",
)
@click.option(
    "--accept", is_flag=True, help="Record which tables are equal, so that firn may own them; with --against."
)
@click.option("--rows", type=click.IntRange(min=0), default=10, show_default=True, help="How many to show of a table.")
@CONFIG
@JSON
def diff(
    name: str,
    config: Path | None,
    *,
    against: str | None,
    tables: str | None,
    allow: tuple[str, ...],
    rows: int,
    accept: bool,
    as_json: bool,
) -> None:
    """Show what publishing a run would change in production, or how production differs from another schema.

    Nothing is written but, with --accept, which tables are equal. Exit code 1 where production differs from the schema.
    """
    from pipelines.engine import against as contrast
    from pipelines.engine import commands, comparison
    from pipelines.engine.typed import Typed

    typed = Typed(config=config)
    if not against:
        commands.refuse_without("--against", {"--tables": tables, "--allow": allow, "--accept": accept})
        found = comparison.compare(name, config, rows)
        return show(lambda: typed.again(comparison.text(found)), found, as_json=as_json)
    from pipelines.replication import ownership

    named = [one.strip() for one in tables.split(",")] if tables else None
    found = contrast.compare(name, against, config, named, rows, allow, ownership.accept if accept else None)
    show(lambda: typed.again(contrast.text(found)), found, as_json=as_json)
    sys.exit(0 if found["equal"] else 1)


@cli.command()
@click.argument("run_id", metavar="RUN")
@CONFIG
@JSON
def discard(run_id: str, config: Path | None, *, as_json: bool) -> None:
    """Drop what a run staged."""
    from pipelines.engine import commands, texts

    done = commands.discard(run_id, config)
    show(lambda: texts.discarded_text(done), done, as_json=as_json)


@cli.command()
@click.argument("pipeline")
@click.option("--to", type=click.IntRange(min=0), metavar="GENERATION", help="Which: firn show PIPELINE lists them.")
@click.option(
    "--emergency", is_flag=True, help="Also disable the pipeline, call the configured hook, write an incident report."
)
@click.option("--reason", metavar="TEXT", help="Why; it is recorded. With --emergency.")
@CONFIG
@JSON
def rollback(
    pipeline: str, to: int | None, reason: str | None, config: Path | None, *, emergency: bool, as_json: bool
) -> None:
    """Make an earlier generation of a pipeline's tables visible again, by default the one before."""
    from pipelines.engine import commands, texts

    if emergency:
        from pipelines.engine import emergency as work

        handled = work.handle(pipeline, config, reason or "", to)
        show(lambda: work.text(handled), work.document(handled.incident, handled.report), as_json=as_json)
        sys.exit(handled.error.exit_code if handled.error else 0)
    commands.refuse_without("--emergency", {"--reason": reason})
    published = commands.rollback(pipeline, config, to)
    show(lambda: texts.rolled_back_text(published), texts.document(published), as_json=as_json)


@cli.command()
@click.argument("pipeline", required=False)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value="all",
    metavar="[TIER]",
    help="Follow the run that goes on to its end; of its tables tell those of a tier only.",
)
@CONFIG
@JSON
def runs(pipeline: str | None, last: int, watch: str | None, config: Path | None, *, as_json: bool) -> None:
    """List the latest runs."""
    from pipelines.engine import commands, texts

    if watch:
        from pipelines.engine import watching

        for line in watching.watch(pipeline, config, "" if watch == "all" else watch, as_json=as_json):
            click.echo(line)
        return
    found = commands.runs(pipeline, last, config)
    show(lambda: texts.runs_text(found), found, as_json=as_json)


@cli.command()
@click.argument("run_id", metavar="[RUN|PIPELINE]", required=False)
@click.option(
    "--compliance", is_flag=True, help="What is kept of every audit table of a pipeline, and what was purged."
)
@click.option("--anyway", is_flag=True, help="Count at the source also in its office hours.")
@SET
@CONFIG
@JSON
def report(
    run_id: str | None, flags: tuple[str, ...], config: Path | None, *, compliance: bool, anyway: bool, as_json: bool
) -> None:
    """Show the figures of a run, by default the latest (of a pipeline); or what is kept of its audit tables."""
    from pipelines.engine import commands, texts

    if compliance:
        from pipelines.replication import compliance as work

        if not run_id:
            raise ConfigError("Which pipeline?", "firn report clinic --compliance")
        kept = work.look(run_id, config, parse(flags), anyway=anyway)
        return show(lambda: work.text(kept), work.document(kept), as_json=as_json)
    commands.refuse_without("--compliance", {"--set": flags, "--anyway": anyway})
    found = commands.report(run_id, config)
    return show(lambda: texts.report_text(found), found.as_dict(), as_json=as_json)


@cli.command("show")
@click.argument("pipeline", metavar="PIPELINE|RUN")
@click.option("--headers", "file", metavar="FILE", help="Only what the headers of a workbook feed: a path, or a name.")
@SET
@CONFIG
@JSON
def show_pipeline(
    pipeline: str, file: str | None, flags: tuple[str, ...], config: Path | None, *, as_json: bool
) -> None:
    """Show tables, settings, what production shows of a pipeline, and what it can show again.

    Of a run: its settings, without secrets, and what of them is other than in the last run before it that went well.
    """
    from pipelines.engine import commands, headers, overview, run_overview
    from pipelines.engine.typed import Typed

    if commands.is_run(pipeline):
        commands.refuse_together({"A run": True}, {"--headers": file, "--set": flags})
        told = run_overview.overview(pipeline, config)
        return show(lambda: run_overview.text(told), told, as_json=as_json)
    typed = Typed(pipeline, config, parse(flags))
    if file:
        with typed.repeated():
            fed = headers.headers(pipeline, config, parse(flags), file)
        return show(lambda: headers.headers_text(fed), fed, as_json=as_json)
    found, text = overview.overview(pipeline, config, parse(flags))
    return show(lambda: text, found, as_json=as_json)


@cli.command()
@click.argument("pipeline", required=False)
@click.option("--fix", is_flag=True, help="Drop what dead runs left; never anything that somebody else made.")
@CONFIG
@JSON
def doctor(pipeline: str | None, config: Path | None, *, fix: bool, as_json: bool) -> None:
    """Look at the target, at every pipeline or closer at one, and at what dead runs left. Exit code 1: see to it."""
    from pipelines.engine import doctor as work
    from pipelines.engine.typed import Typed

    found = work.look(config, pipeline or "", fix=fix)
    show(lambda: Typed(config=config).again(work.text(found)), work.document(found), as_json=as_json)
    sys.exit(0 if work.is_well(found) else 1)


@cli.group()
def quarantine() -> None:
    """Work on the cells that could not be published."""


@quarantine.command("list")
@click.argument("pipeline", required=False)
@CUSTOMER
@click.option("--file", default="", metavar="FILE", help="Only this workbook.")
@REASON
@TABLE
@click.option("--all", "resolved", is_flag=True, help="Also the entries that a later run resolved, and which run.")
@click.option("--limit", type=click.IntRange(min=1), help="How many lines, or entries with --json.")
@SET
@CONFIG
@JSON
def quarantine_list(
    *,
    pipeline: str | None,
    customer: str,
    file: str,
    reason: str,
    table: str,
    limit: int | None,
    flags: tuple[str, ...],
    config: Path | None,
    resolved: bool,
    as_json: bool,
) -> None:
    """List the cells that production does not show, by workbook and reason; every cell with --json."""
    from pipelines.engine import quarantine as work
    from pipelines.engine.typed import Typed

    name, wanted, most = (
        work.pipeline_name(pipeline),
        work.Wanted(customer, file, reason, table),
        limit if as_json else None,
    )
    typed = Typed(name, config, parse(flags))
    with typed.repeated():
        found = work.listing(name, config, parse(flags), wanted, limit=most, resolved=resolved)
    show(lambda: typed.again(work.listing_text(found, limit)), found, as_json=as_json)


@quarantine.command("export")
@click.argument("pipeline", required=False)
@CUSTOMER
@click.option("--file", default="", metavar="FILE", help="Only this workbook.")
@REASON
@TABLE
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the copies.")
@click.option("--force", is_flag=True, help="Replace copies; annotate also what was saved again since it was read.")
@SET
@CONFIG
@JSON
def quarantine_export(
    *,
    pipeline: str | None,
    customer: str,
    file: str,
    reason: str,
    table: str,
    out: Path,
    flags: tuple[str, ...],
    config: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Copy workbooks with every such cell highlighted and a comment that says what was expected."""
    from pipelines.engine import export as work
    from pipelines.engine.quarantine import Wanted, pipeline_name
    from pipelines.engine.typed import Typed

    name = pipeline_name(pipeline)
    typed = Typed(name, config, parse(flags))
    with typed.repeated():
        copies = work.export(name, config, parse(flags), Wanted(customer, file, reason, table), out, force=force)
        if not as_json or not any(copy.error for copy in copies):
            show(lambda: typed.again(work.text(name, copies)), work.document(copies), as_json=as_json)
        work.refuse_failed(copies)


@cli.command()
@click.argument("pipeline", required=False)
@CUSTOMER
@click.option("--file", default="", metavar="FILE", help="Only this workbook; or the path of a corrected local copy.")
@REASON
@TABLE
@click.option("--anyway", is_flag=True, help="Read the source also in its office hours; this is recorded.")
@SET
@CONFIG
@JSON
def replay(
    *,
    pipeline: str | None,
    customer: str,
    file: str,
    reason: str,
    table: str,
    anyway: bool,
    flags: tuple[str, ...],
    config: Path | None,
    as_json: bool,
) -> None:
    """Read the workbooks or tables with values in quarantine again, by today's rules, and publish just these."""
    from pipelines.engine import replay as work
    from pipelines.engine.quarantine import Wanted, pipeline_name
    from pipelines.engine.typed import Typed

    name, wanted = pipeline_name(pipeline), Wanted(customer, file, reason, table)
    typed = Typed(name, config, parse(flags))
    with typed.repeated():
        done = work.replay(name, config, parse(flags), wanted, anyway=anyway, quiet=as_json)
    show(lambda: work.text(name, wanted, done, typed), done.as_dict(), as_json=as_json)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@CONFIG
def psql(arguments: tuple[str, ...], config: Path | None) -> None:
    """Open psql on the target; SQL given as one argument is run and printed."""
    from pipelines.engine import commands

    sys.exit(commands.psql(arguments, config))
