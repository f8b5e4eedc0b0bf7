"""Writes the references of commands and of commissions from what they describe: ``python docs/reference.py``."""

import inspect
import re
from pathlib import Path
from typing import Any

import click
import dataframely as dy

from pipelines.commissions import Commissions, Patterns
from pipelines.engine.cli import cli
from transforms.commissions.changes import RULES
from transforms.commissions.columns import CERTIFICATES, EXTRACTS, Records
from transforms.commissions.exports import ADDED, EXPORTS
from transforms.commissions.kinds import KINDS
from transforms.commissions.legacy import LEGACY
from transforms.commissions.lines import REASONS
from transforms.commissions.relations import RELATIONS

PAGE = Path(__file__).parent / "reference" / "commands.md"
COMMISSIONS = Path(__file__).parent / "reference" / "commissions.md"

BEGINNING = """# Commissions

Written by `python docs/reference.py` from the contracts of the tables.

`firn run commissions` reads ten extracts, and two older rosters where they are there, and publishes {count} tables in
one transaction. Every record of an extract becomes a typed line, or is accounted for: historical, repeated, or in
`commission_rejects` with file, line, column, value and reason.
A run in which these do not add up to the records read publishes nothing. Nor does one in which a
check finds anything: a reference that leads nowhere, a policy with both a proposal and assignments, or with neither, a
hierarchy that is not what the records of a certificate say, one that could be paid though a rejected record names its
certificate.

Of rosters, licences, insurances, rates, fees and assignments, `commission_set_aside` lists the lines that were read
well and are not published, with file, line and header, because another line says the same or what they need is not
there. Lines of schedules that no certificate names are left out unless `all_schedules` asks for them; a group has one
of the lines that describe it.

Several files of one extract are read as one. A record of certificates that two files have counts once. So do payments
and postings that are alike in every column: of those there are as many as in the file that has most of them, since a
file has all of the days that it is about, and two that have the same posting are about the same day. The report counts
what stands in several files, and a note names each; to the record and to the cent, what was read is what was made and
what is told as repeated, or nothing is published.

A policy with a premium and no posting has a transaction of its own, `source` 1, except where a rejected record of
premiums names its certificate: it has been posted, nobody can say how, and the report counts these policies. A ragged
record names none, as its cells may have shifted.

What is left of a certificate of which a record was rejected may look whole and not be: an upline that went missing
would be paid to nobody, and a split that did would leave its share to the others. So such a certificate stands under no
proposal. It is assigned to private hierarchies of the records that were read, for the reason `RejectedRecords` and with
`entry_type` 5, and these hierarchies and their versions are suspended, `status` 2: nothing may be paid by them until
the record is corrected. One of which every record was rejected is no policy; the report counts such certificates. Where
a rejected record does not tell its certificate, because its number is bad, its cells have shifted or it has run into
another, any certificate may lack it: the report counts these records, and a note names their file."""

READ = """A file has all columns of its extract in this order; others are named in a note and not read. A record is
rejected without a good value in a bold one. Newer rosters also have `BankRoutingNumber`, `AccountNumber` and
`AccountType`: they are read and published as `broker_banking_infos` only where `banking = true`. No ragged record of
such a file is ever shown.

These columns of certificates may be blank, and other text that is no good value rejects a record: {refused}."""

FORMER = """`firn diff commissions --against SCHEMA` knows the former tables and columns by their names, in any case:
`EmployerGroups` is `employer_groups`, `GroupName` is `group_name`; the exceptions are in
`transforms/commissions/legacy.py`. Rows are matched by a key that means the same in both, or where ids were numbered by
rows and there is no other key, by all that they hold."""

POLICIES = """A table's policy says [which rows it holds](../explanation/changes.md#rows-that-stay) after a publication.
The former exports were to add rows only and never to touch one that was there, and did both. Here settings say so, by
table, or with `"*"` for every table that is not named:

```toml
[commissions.table_policies]
"*" = "insert_only"              # what is there stays bit by bit as it is
brokers = "keep_missing"
```

A reference must lead somewhere in production, too: so rows may stay in a table only where they do in those that it
refers to, and other settings are refused. What else the checks prove holds of the rows of each run. Where derived rows
of several runs stay, a policy may have the proposal of one and the assignments of another. Other policies hold from the
next publication on; `firn run commissions --full-refresh` publishes at once."""


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


def commissions() -> str:
    """Compose the page of the commissions: extracts, reasons, exports, and every table with its columns."""
    made = {table: step.name for step in Commissions.steps for table in step.makes}
    count = len(Commissions.publishes)
    sections = [
        BEGINNING.format(count=count),
        extracts(),
        reasons(),
        rules(),
        numbers(),
        exports(),
        policies(),
        "## Tables",
    ]
    sections += [table(name, contract, made[name]) for name, contract in Commissions.publishes.items()]
    return "\n\n".join(sections) + "\n"


def extracts() -> str:
    """List the extracts: which files they are, and their columns; those needed are bold."""
    patterns = Patterns().model_dump()
    rows = [
        (
            f"`{one.table}`{' (optional)' if one.optional else ''}",
            f"`{patterns[one.table]}`",
            ", ".join(bold(*column) for column in headers(one)),
        )
        for one in EXTRACTS
    ]
    refused = ", ".join(code(column.header) for column in CERTIFICATES.columns if column.refused)
    return f"## Extracts\n\n{READ.format(refused=refused)}\n\n" + rows_of(("extract", "files", "columns"), rows)


def headers(records: Records[Any]) -> list[tuple[str, bool]]:
    """List the headers of an extract once, and whether a record needs a good value there."""
    needed = {column.header for column in records.columns if column.needed}
    return [(header, header in needed) for header in records.headers]


def reasons() -> str:
    """List why records are rejected."""
    rows = [(f"`{reason}`", expected) for reason, expected in REASONS.items()]
    return "## Reasons\n\n" + rows_of(("reason", "what was expected"), rows)


def rules() -> str:
    """List the rules that change values."""
    rows = [(f"`{rule}`", told) for rule, told in RULES.items()]
    text = (
        "`commission_changes` has how many values each rule set, by table and column, and by file where it reads cells."
        "\nHow every text of a column is read is not counted: without blanks around it, dates and numbers by value,"
        "\n`P007` as the broker 7, `N/A` as the plan `*`, a missing `IsResidenceLicense` as no."
    )
    return f"## Rules that set values\n\n{text}\n\n" + rows_of(("rule", "what it does"), rows)


def numbers() -> str:
    """List the numbers of every enumeration that a column has, as the contracts name them."""
    columns: dict[Any, list[str]] = {}
    for name, contract in Commissions.publishes.items():
        for column, one in contract.columns().items():
            if one.metadata:
                columns.setdefault(one.metadata["numbers"], []).append(f"`{name}.{column}`")
    rows = [
        (code(of.__name__), ", ".join(f"{one.value} {one.name}" for one in of), ", ".join(named))
        for of, named in columns.items()
    ]
    return "## Numbers\n\n" + rows_of(("enumeration", "numbers", "columns"), rows)


def exports() -> str:
    """List what the former exports wrote, and which tables have it now."""
    rows = [(f"`{name}`", ", ".join(map(former, tables))) for name, tables in EXPORTS.items()]
    added = f"No export wrote {', '.join(map(code, ADDED))}."
    return f"## The former exports\n\n{FORMER}\n\n" + rows_of(("export", "tables"), rows) + f"\n\n{added}"


def former(name: str) -> str:
    """Write a table with the name that it had."""
    return f"{code(name)} ({LEGACY[name].table})"


def policies() -> str:
    """List which rows the tables hold, and why."""
    rows = [(one.title, f"`{one.policy}`", one.reason, ", ".join(map(code, one.tables))) for one in KINDS]
    return f"## Policies\n\n{POLICIES}\n\n" + rows_of(("kind", "policy", "why", "tables"), rows)


def table(name: str, contract: type[dy.Schema], step: str) -> str:
    """Describe one table: what it is, who makes it, how it is published, and its columns."""
    text = inspect.cleandoc(contract.__doc__ or "")
    told = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE))
    to = {relation.column: f"`{relation.to}.{relation.key}`" for relation in RELATIONS if relation.table == name}
    rows = [
        (
            bold(column, one.primary_key),
            str(one.dtype).replace("(precision=", "(").replace(" scale=", " "),
            "may be null" if one.nullable else "",
            to.get(column, "") or (code(one.metadata["numbers"].__name__) if one.metadata else ""),
            " ".join(told.get(column, "").split()),
        )
        for column, one in contract.columns().items()
    ]
    summary = text.partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    made = f"Made by `{step}`, policy `{Commissions.policies[name]}`."
    return f"### {name}\n\n{summary} {made}\n\n" + rows_of(("column", "type", "", "refers to", ""), rows)


def rows_of(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Lay out a table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("``", "`") for line in lines)


def bold(name: str, strong: bool) -> str:  # noqa: FBT001 (columns are pairs of both)
    """Write a name as code, and in bold where it counts."""
    return f"**{code(name)}**" if strong else code(name)


def code(name: str) -> str:
    """Write a name as code."""
    return f"`{name}`"


def fenced(text: str) -> str:
    """Show text as it is."""
    return f"```text\n{text}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    COMMISSIONS.write_text(commissions(), encoding="utf-8")
