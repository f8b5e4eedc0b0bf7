"""Environments: which schemas, role, database and sources play which part, and that no two share any of it.

``[env.NAME]`` of the settings lies over ``[target]`` and the pipelines' own tables: what it states replaces what they
state. Its schemas and its role are never inherited: where it states none, they are named for it.
"""

from __future__ import annotations

import os
import re
import shlex
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from firn import PRODUCTION, ConfigError, Namespace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loaders.postgres import Postgres

__all__ = ["ENVIRONMENT", "Environment", "asked", "chosen", "named", "overlaid", "refuse_shared", "rules", "typed"]

ENVIRONMENT = "FIRN_ENV"
NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
OWN = ("production", "staging", "previous", "state", "role")
"""The settings of a target that no environment has of another."""
CATALOGUE = "catalogue"
"""The setting that names a file which discovery writes: each environment has one of its own."""
NOTHING = "Nothing was read or written."


class Environment(BaseModel):
    """What is decided of one environment, beside its target and its pipelines.

    Attributes:
        sources: ``own`` has no pipeline read what production reads: the environment names its sources. ``production``
            has those read that it does not name, and leaves them as they are.
        checksums: What is compared of the schemas that it must not touch: ``rows`` every row of them, ``counters``
            only how often the server counted that rows were written.
        differences: Whether any difference fails a run, or one that its role cannot have made is only told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: Literal["own", "production"] = "own"
    checksums: Literal["rows", "counters"] = "rows"
    differences: Literal["fail", "tell"] = "fail"


def named(values: Mapping[str, Any]) -> list[str]:
    """Name the environments of a settings file, production first: there always is one."""
    return [PRODUCTION, *(name for name in blocks(values) if name != PRODUCTION)]


def blocks(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is stated of each environment.

    Raises:
        ConfigError: It is no table, or a name cannot be one of schemas.
    """
    found = values.get("env", {})
    if not isinstance(found, dict) or not all(isinstance(block, dict) for block in found.values()):
        raise ConfigError(f"env is no table of environments. {NOTHING}", "write [env.poc] and its settings below it")
    for name in found:
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"Environment {name} cannot name schemas. {NOTHING}",
                "use a name of at most 30 lower-case letters, digits and _, beginning with a letter",
            )
    return found


def chosen(values: Mapping[str, Any]) -> str:
    """Name the environment that is asked for, or that the file says is meant where none is.

    Raises:
        ConfigError: None is asked for and the file does not say which is meant; or there is none of that name.
    """
    known, name = named(values), asked(values)
    if not name and len(known) == 1:
        return PRODUCTION
    if not name:
        raise ConfigError(
            f"The settings have the environments {', '.join(known)}, and do not say which is meant. {NOTHING}",
            f'add --env {known[-1]}, or default_env = "{known[-1]}" to the settings',
        )
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}. Another begins with [env.{name}]"
        raise ConfigError(f"There is no environment {name}. {NOTHING}", hint)
    return name


def asked(values: Mapping[str, Any]) -> str:
    """Return the name that is asked for, or that the file says is meant; whether there is one of it is not said."""
    return os.environ.get(ENVIRONMENT, "") or str(values.get("default_env", ""))


def typed() -> str:
    """Return the option that asks for the environment that was asked for; empty where none was."""
    name = os.environ.get(ENVIRONMENT, "")
    return f" --env {shlex.quote(name)}" if name else ""


def rules(values: Mapping[str, Any], name: str) -> Environment:
    """Return what is decided of an environment beside its target and its pipelines.

    Raises:
        ConfigError: A setting is unknown or wrong.
    """
    own = {key: value for key, value in blocks(values).get(name, {}).items() if not isinstance(value, dict)}
    try:
        return Environment.model_validate(own)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = str(first["loc"][0])
        known = [*Environment.model_fields, "target"]
        close = get_close_matches(key, known, n=1)
        raise ConfigError(
            f"[env.{name}] {key} is refused: {first['msg']}. {NOTHING}",
            f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}, and the pipelines.",
        ) from None


def overlaid(values: Mapping[str, Any], name: str, places: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Lay an environment over the settings.

    Args:
        values: The settings file.
        name: The environment.
        places: By pipeline the settings that say where its tables come from, as dotted keys.

    Returns:
        The settings as they hold there: ``target`` and the pipelines.
    """
    held, block = _tables(values), _tables(blocks(values).get(name, {}))
    if name == PRODUCTION:
        return _merged(held, block)
    own = rules(values, name).sources == "own"
    target = _merged(_without(held.pop("target", {}), OWN) | _derived(name), block.pop("target", {}))
    laid = {"target": target}
    for pipeline in {*held, *block}:
        below, above = _without(held.get(pipeline, {}), ["target"]), block.get(pipeline, {})
        keys = [key for key in places.get(pipeline, ()) if key != CATALOGUE]
        if CATALOGUE in places.get(pipeline, ()):
            below[CATALOGUE] = _beside(below.get(CATALOGUE, "tables.yaml"), name)
        below = _without(below, keys) if own or any(_has(above, key) for key in keys) else _read_only(below)
        if "target" in above:
            above = above | {"target": target | above["target"]}
        laid[pipeline] = _merged(below, above)
    return laid


def _beside(file: str, name: str) -> str:
    """Name the file that an environment writes in place of another's: tables.poc.yaml."""
    path = Path(file)
    return str(path.with_name(f"{path.stem}.{name}{path.suffix}"))


def _tables(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: dict(value) for key, value in values.items() if isinstance(value, dict) and key != "env"}


def _derived(name: str) -> dict[str, str]:
    usual = Namespace.of(name)
    schemas = {role: getattr(usual, role) for role in ("production", "staging", "previous", "state")}
    return {**schemas, "role": f"firn_{name}"}


def _without(table: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return a table without some keys, which may be dotted."""
    left = dict(table)
    for key in keys:
        first, _, rest = key.partition(".")
        if rest and isinstance(left.get(first), dict):
            left[first] = _without(left[first], [rest])
        elif not rest:
            left.pop(first, None)
    return left


def _has(table: Mapping[str, Any], key: str) -> bool:
    first, _, rest = key.partition(".")
    within = table.get(first)
    return first in table and (not rest or (isinstance(within, dict) and _has(within, rest)))


def _read_only(table: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the files of another environment where they are."""
    blobs = table.get("blobs")
    kept = {"blobs": _without(blobs, ["processed", "processed_prefix"])} if isinstance(blobs, dict) else {}
    return {**table, **kept}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = _merged(under, value) if isinstance(value, dict) and isinstance(under, dict) else value
    return both


def refuse_shared(targets: Mapping[str, Iterable[Postgres]]) -> None:
    """Refuse environments of which one could write what is another's.

    Args:
        targets: By environment where its tables go: its own target, and those that pipelines have of their own.

    Raises:
        ConfigError: Two of one database share a schema or a role; both are named.
    """
    for (one, mine), (other, theirs) in combinations(targets.items(), 2):
        for a, b in ((a, b) for a in mine for b in theirs if a.database == b.database):
            _refuse_schemas(one, a, other, b)
            if a.role and a.role == b.role:
                raise ConfigError(
                    f'Environments {one} and {other} have the same role "{a.role}": the server could not tell them '
                    f"apart. {NOTHING}",
                    f'[env.{other}.target] role = "firn_{other}"',
                )


def _refuse_schemas(one: str, a: Postgres, other: str, b: Postgres) -> None:
    for mine, is_prefix in _schemas(a):
        for theirs, is_other_prefix in _schemas(b):
            within = (is_other_prefix and mine.startswith(f"{theirs}_")) or (
                is_prefix and theirs.startswith(f"{mine}_")
            )
            if mine == theirs or within:
                same = f'"{mine}"' if mine == theirs else f'"{mine}" and "{theirs}", of which one begins like the other'
                raise ConfigError(
                    f"Environments {one} and {other} share schemas of one database: {same}. {NOTHING}",
                    f"give [env.{other if other != PRODUCTION else one}.target] schemas of its own, or none: "
                    "then they are named for it",
                )


def _schemas(target: Postgres) -> list[tuple[str, bool]]:
    """List the schemas of a target, and whether what it makes only begins with that name."""
    return [(target.production, False), (target.state, False), (target.staging, True), (target.previous, True)]
