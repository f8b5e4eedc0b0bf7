"""What the verbs of ``firn env`` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firn import PRODUCTION, ConfigError, FirnError
from pipelines.engine import environments, isolated, settings
from pipelines.engine.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loaders.postgres import Postgres

__all__ = [
    "copied_text",
    "copy",
    "create",
    "created_text",
    "listed",
    "listed_text",
    "question",
    "refuse_production",
    "reset",
    "reset_text",
    "verified_text",
    "verify",
]


def listed(config: Path | None) -> list[dict[str, Any]]:
    """Describe the environments of the settings, and say of each whether it is made."""
    whole = settings.read(settings.config_path(config))
    try:
        meant = environments.chosen(whole)
    except ConfigError:
        meant = ""
    return [_described(name, config, is_meant=name == meant) for name in environments.named(whole)]


def _described(name: str, config: Path | None, *, is_meant: bool) -> dict[str, Any]:
    target, decided = settings.load_environment(config, name)
    names = target.namespace
    return {
        "name": name,
        "is_meant": is_meant,
        "database": target.database,
        "production": names.production,
        "staging": names.staging,
        "previous": names.previous,
        "state": names.state,
        "role": target.role,
        **decided.model_dump(),
        "status": _status(target),
    }


def _status(target: Postgres) -> str:
    try:
        with target.spaces() as spaces:
            lacking = spaces.lacking()
    except FirnError as error:
        return error.message.partition(" Production is unchanged.")[0]
    return "made" if not lacking else "made by its first run" if not target.role else "not made"


def listed_text(found: Sequence[Mapping[str, Any]]) -> str:
    """Lay the environments out for reading."""
    lines = []
    for one in found:
        lines.append(f"{one['name']}{' (meant where none is named)' if one['is_meant'] else ''}: {one['status']}")
        lines.append(f"  database    {one['database']}, role {one['role'] or 'of the login'}")
        lines.append(f"  schemas     {one['production']}, {one['state']}, {one['staging']}_*, {one['previous']}_*")
        if one["name"] != PRODUCTION:
            decided = ", ".join(f"{key} {one[key]}" for key in ("sources", "checksums", "differences"))
            lines.append(f"  decided     {decided}")
        if one["status"] == "not made":
            lines.append(f"  Next: firn env create {one['name']}")
    return "\n".join(lines)


def create(name: str, config: Path | None, *, execute: bool) -> dict[str, Any]:
    """Make what is missing of an environment, or only say what is.

    Raises:
        FirnError: The settings are wrong, or the login may not. Nothing was made.
    """
    target, _ = settings.load_environment(config, name)
    with Typed(config=config).repeated(), target.spaces() as spaces:
        statements = spaces.create() if execute else spaces.lacking()
        reach = spaces.reach() if execute and target.role else []
        return {"name": name, "statements": statements, "role": target.role, "role_may": list(reach)}


def created_text(made: Mapping[str, Any], *, executed: bool) -> str:
    """Say what was made, or print what is to be executed."""
    statements = [f"{statement};" for statement in made["statements"]]
    if not executed:
        return "\n".join(statements) or "-- Nothing is missing."
    told = [*statements, f"Environment {made['name']} is made."] if statements else ["Nothing was missing."]
    if made["role_may"]:
        told += [f"Its role {made['role']} may do more than it should:", *(f"  {what}" for what in made["role_may"])]
        told += ["Try: REVOKE this from the role, or from PUBLIC."]
    elif made["role"]:
        told += [f"The server refuses whatever role {made['role']} tries to write outside its schemas."]
    return "\n".join(told)


def verify(name: str, config: Path | None, *, record: bool) -> dict[str, Any]:
    """Compare everything outside an environment with what was recorded last, and look at what its role may write.

    Raises:
        FirnError: The settings are wrong, or the environment is not made.
    """
    refuse_production(name)
    target, decided = settings.load_environment(config, name)
    with Typed(config=config).repeated(), target.open() as loader:
        guard = isolated.Guard(loader, decided)
        guard.begin()
        now, before = guard.before, loader.recorded_elsewhere()
        differences = isolated.differing(before, now) if before else []
        if record or not before:
            loader.record_elsewhere(now)
        guard.before = before
        told = guard.figures(now, differences)
    may = told["role_may"] if target.role else []
    passed = not may and (record or not differences)
    return {**told, "role": target.role, "recorded": record or not before, "passed": passed}


def verified_text(found: Mapping[str, Any]) -> str:
    """Say whether the environment keeps to itself."""
    name, role = found["environment"], found["role"]
    may = found["role_may"] if role else []
    lines = [f"FAIL  role {role} may {what}" for what in may]
    if not role:
        lines.append(f"note  environment {name} has no role of its own: the server would not stop a stray write")
    elif not may:
        lines.append(f"pass  role {role} has no right to write outside its schemas")
    differ = "note" if found["recorded"] else "FAIL"
    lines += [f"{differ}  {difference}" for difference in found["differences"]]
    figures = f"{found['tables']:,} tables, {found['rows']:,} rows, {found['objects']:,} definitions"
    kept = "are recorded now" if found["recorded"] else "differ" if found["differences"] else "are what was recorded"
    lines.append(
        f"{'FAIL' if kept == 'differ' else 'pass'}  {figures} of {', '.join(found['schemas']) or 'no schema'} {kept}"
    )
    if kept == "differ":
        lines.append(f"Try: docs/runbooks/isolation.md; if all of it is meant: firn env verify {name} --record")
    return "\n".join(lines)


def refuse_production(name: str) -> None:
    """Refuse to do with production what is done with environments only.

    Raises:
        ConfigError: It is production.
    """
    if name == PRODUCTION:
        raise ConfigError(
            "This is not done to production. Nothing was read or written.", "name another environment: firn env list"
        )


def question(name: str, config: Path | None) -> str:
    """Ask whether an environment may be reset, naming what would go."""
    target, _ = settings.load_environment(config, name)
    with target.spaces() as spaces:
        found = ", ".join(spaces.schemas()) or "no schema: there is none"
    return f"Drop {found} of environment {name}, in {target.database}?"


def reset(name: str, config: Path | None) -> dict[str, Any]:
    """Drop an environment's schemas and make it anew.

    Raises:
        FirnError: It is production, a run of it goes on, or something outside would go too. Nothing was dropped.
    """
    refuse_production(name)
    target, _ = settings.load_environment(config, name)
    with Typed(config=config).repeated(), target.spaces() as spaces:
        return {"name": name, "dropped": spaces.reset()}


def reset_text(done: Mapping[str, Any]) -> str:
    """Say what was dropped."""
    return f"Dropped {', '.join(done['dropped']) or 'nothing'}. Environment {done['name']} is empty."


def copy(name: str, config: Path | None, origin: str, most: int | None) -> dict[str, Any]:
    """Copy the tables that another environment shows.

    Raises:
        FirnError: It is in another database, shows nothing, or a table is there already. Nothing was copied.
    """
    refuse_production(name)
    target, _ = settings.load_environment(config, name)
    source, _ = settings.load_environment(config, origin)
    if origin == name or source.database != target.database:
        raise ConfigError(
            f"Environments {origin} and {name} are not two of one database. Nothing was copied.",
            "copy between databases with: pg_dump --schema",
        )
    with Typed(config=config).repeated(), target.spaces() as spaces:
        tables = [one._asdict() for one in spaces.copy(source.namespace, most)]
    return {"name": name, "from": origin, "tables": tables}


def copied_text(done: Mapping[str, Any]) -> str:
    """Say what was copied, and what was not."""
    lines = [f"  {one['table']:<32}{one['rows']:>12,} of {one['of']:,} rows" for one in done["tables"]]
    same = (
        "Tables whose keys begin with the same column have the same of its values; other references may lead nowhere."
    )
    left = f"Not copied: foreign keys, views, triggers, policies, grants. The values are those of {done['from']}"
    return "\n".join([f"Copied from {done['from']} to {done['name']}:", *lines, same, f"{left}, personal ones too."])
