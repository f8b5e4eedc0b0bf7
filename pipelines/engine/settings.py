"""Settings: flags over variables over the file over defaults; an error names file, line, key and likely key."""

from __future__ import annotations

import difflib
import importlib
import json
import os
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

import pipelines
from firn import PRODUCTION, ConfigError
from pipelines.engine import environments
from pipelines.engine.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from loaders.postgres import Postgres
    from pipelines.engine.environments import Environment

Table = TypeVar("Table", bound=BaseModel)

CONFIG = "firn.toml"
PREFIX = "FIRN_"
PATHS = ("folder", "home", "file", "catalogue", "option_file", "checkpoints", "sslrootcert", "ca")
SECRETS = ("dsn", "password", "secret")
"""Settings that may say where a secret is: in a file, perhaps."""
SHARED = ("target", "retry")
"""The tables of settings that hold for every pipeline which has none of its own."""
OWN = ("backups", "emergency")
"""The tables that belong to no pipeline; what they may state takes longer to import than most commands do."""
NO_SETTINGS = ("FIRN_CONFIG", "FIRN_ENV", "FIRN_HOME")
"""Variables that say which settings are meant and where the embedded server is, and are no settings themselves."""


def names() -> list[str]:
    """Name the pipelines: the modules of the folder ``pipelines``, without its packages."""
    return sorted(module.name for module in pkgutil.iter_modules(pipelines.__path__) if not module.ispkg)


def pipeline_class(name: str) -> type[Pipeline]:
    """Import the pipeline of a name.

    Raises:
        ConfigError: There is none of this name; the message names the likely one.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        known = f"Known pipelines: {', '.join(names())}."
        raise ConfigError(f"There is no pipeline {name}.", f"Did you mean {close[0]}?" if close else known)
    module = importlib.import_module(f"pipelines.{name}")
    (found,) = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Pipeline) and value.__module__ == module.__name__
    ]
    return found


def load(name: str, config: Path | None = None, flags: dict[str, str] | None = None) -> Pipeline:
    """Make a pipeline from its settings.

    Args:
        name: The pipeline, which is also the table of its settings in the file.
        config: The file; ``firn.toml`` in the working directory, where it exists, when not given.
        flags: Settings of the command line, by dotted key relative to the pipeline's table.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown, missing or wrong.
    """
    cls = pipeline_class(name)
    path = config_path(config)
    held = stated(path)
    made = settings_class(cls, name, held.beneath(name))
    given: dict[str, Any] = {}
    for key, value in (flags or {}).items():
        put(given, [name, *key.split(".")], value)
    try:
        settings = made(**given)
    except ValidationError as error:
        raise explain(error, path, cls, name, flags) from None
    pipeline: Pipeline = getattr(settings, name)
    shared = {name: getattr(settings, name) for name in SHARED if name not in pipeline.model_fields_set}
    target = shared.get("target", pipeline.target)
    return pipeline.model_copy(update={**shared, "target": held.alone(target)})


def load_target(config: Path | None = None) -> Postgres:
    """Make the target alone, for commands that name no pipeline.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown, missing or wrong.
    """
    path = config_path(config)
    held = stated(path)
    return held.alone(target_of(held.values, path))


def load_environment(config: Path | None, name: str) -> tuple[Postgres, Environment]:
    """Make the target of an environment, whichever is asked for, and what is decided of it.

    Raises:
        ConfigError: There is no such environment, or a setting is unknown, missing or wrong.
    """
    path = config_path(config)
    held = stated(path, name)
    return held.alone(target_of(held.values, path)), environments.rules(held.whole, name)


def decided(config: Path | None) -> Environment:
    """Return what is decided of the environment that is asked for, beside its target and its pipelines.

    Raises:
        ConfigError: The file cannot be read, or does not say which environment is meant.
    """
    held = stated(config_path(config))
    return environments.rules(held.whole, held.environment)


def target_of(values: dict[str, Any], path: Path | None) -> Postgres:
    """Make the target that settings state for all pipelines.

    Raises:
        ConfigError: A setting of it is unknown or wrong.
    """

    class TargetOnly(Pipeline):
        pass

    try:
        made = settings_class(TargetOnly, "none", {k: v for k, v in values.items() if k == "target"})()
    except ValidationError as error:
        raise explain(error, path, TargetOnly, "none") from None
    return made.target  # type: ignore[attr-defined, no-any-return]


class Stated(NamedTuple):
    """What a settings file states, and what of it holds in the environment that is asked for.

    Attributes:
        path: The file, where there is one.
        whole: All of it.
        environment: The environment.
        values: What holds there.
    """

    path: Path | None
    whole: dict[str, Any]
    environment: str
    values: dict[str, Any]

    def alone(self, target: Postgres) -> Postgres:
        """Return a target as that of the environment, once it is known to be no other's.

        Raises:
            ConfigError: Two environments share a schema or a role in one database.
        """
        known = environments.named(self.whole)
        if len(known) > 1:
            held = {name: self.targets(name) for name in known}
            held[self.environment].append(target)
            environments.refuse_shared(held)
        return target.within(self.environment)

    def beneath(self, pipeline: str) -> dict[str, Any]:
        """Return what holds for a pipeline, whose own target is outside production the environment's with changes."""
        own = self.values.get(pipeline, {})
        if self.environment == PRODUCTION or "target" in own:
            return self.values
        target = target_of(self.values, self.path).model_dump(exclude_unset=True)
        return {**self.values, pipeline: {**own, "target": target}}

    def targets(self, name: str) -> list[Postgres]:
        """Return where an environment's tables go: its own target, and those that pipelines have of their own."""
        values = environments.overlaid(self.whole, name, places())
        own = [values[one]["target"] for one in names() if "target" in values.get(one, {})]
        return [target_of(each, self.path) for each in (values, *({"target": one} for one in own))]


def stated(path: Path | None, environment: str = "") -> Stated:
    """Read what a settings file states for an environment, by default the one that is asked for.

    Raises:
        ConfigError: It cannot be read, names what there is not, or does not say which environment is meant.
    """
    refuse_unknown_variables()
    whole = read(path)
    refuse_unknown_tables(path, whole)
    name = environment or environments.chosen(whole)
    if name not in environments.named(whole):
        raise ConfigError(
            f"There is no environment {name}. Nothing was read or written.",
            f"it begins with [env.{name}] in the settings; known: {', '.join(environments.named(whole))}",
        )
    for each in environments.named(whole):
        environments.rules(whole, each)
    return Stated(path, whole, name, environments.overlaid(whole, name, places()) if "env" in whole else whole)


def places() -> dict[str, tuple[str, ...]]:
    """Name by pipeline the settings that say where its tables come from."""
    return {name: pipeline_class(name).places for name in names()}


def load_table(model: type[Table], config: Path | None = None) -> Table:
    """Make what a table of the settings states that belongs to no pipeline.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown or wrong.
    """
    name = next(name for name, known in own_tables().items() if known is model)
    path = config_path(config)
    values = stated(path).values
    fields: dict[str, Any] = {name: (model, FieldInfo(default=model()))}
    made = create_model("Settings", __base__=sources_class({k: v for k, v in values.items() if k == name}), **fields)
    try:
        return getattr(made(), name)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise explain(error, path, model, name) from None


def is_stated(name: str, config: Path | None) -> bool:
    """Tell whether any setting of a pipeline is stated, in the file or in a variable."""
    own = f"{PREFIX}{name.upper()}"
    given = any(variable.upper() == own or variable.upper().startswith(f"{own}__") for variable in os.environ)
    return given or name in stated(config_path(config)).values


def settings_class(cls: type[Pipeline], name: str, values: dict[str, Any]) -> type[BaseSettings]:
    """Make the settings model of one pipeline: its own table and the target's."""
    fields: dict[str, Any] = {name: (cls, FieldInfo(default={}, validate_default=True))}
    for shared in SHARED:
        made = cls.model_fields[shared].annotation
        fields[shared] = (made, made())  # type: ignore[misc]
    return create_model("Settings", __base__=sources_class(values), **fields)


def sources_class(values: dict[str, Any]) -> type[BaseSettings]:
    """Make a settings model without settings, which takes them from the environment, and then from a file's values."""

    class Sources(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    return Sources


def config_path(given: Path | None) -> Path | None:
    """Find the settings file: the one given, ``FIRN_CONFIG``, or ``firn.toml`` here where it exists.

    Raises:
        ConfigError: A file was named that does not exist.
    """
    named = given or (Path(os.environ["FIRN_CONFIG"]) if os.environ.get("FIRN_CONFIG") else None)
    if named and not named.is_file():
        raise ConfigError(f"There is no settings file {named}.", "Name another with --config, or leave it out.")
    here = Path(CONFIG)
    return named or (here if here.is_file() else None)


def read(path: Path | None) -> dict[str, Any]:
    """Read a settings file, JSON where its name ends in .json, else TOML; paths in it are relative to it.

    Raises:
        ConfigError: It is neither; the message names the line.
    """
    if path is None:
        return {}
    parse = json.loads if path.suffix == ".json" else tomllib.loads
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}. Nothing was read or written.", "Mend the line named.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is no JSON object. Nothing was read or written.", '{"target": {...}}')
    return relative_to(path.resolve().parent, values)


def relative_to(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Resolve every path that is a setting against the settings file's own folder."""
    return {
        key: relative_to(folder, value) if isinstance(value, dict) else placed(folder, key, value)
        for key, value in values.items()
    }


def placed(folder: Path, key: str, value: Any) -> Any:  # noqa: ANN401 (whatever a setting is)
    """Resolve a setting that is a path, or a reference to a file, against a folder."""
    if not isinstance(value, str):
        return value
    if key in SECRETS and value.startswith("file:"):
        return f"file:{folder / Path(value.removeprefix('file:')).expanduser()}"
    system = key == "sslrootcert" and value == "system"
    return str(folder / Path(value).expanduser()) if key in PATHS and not system else value


def refuse_unknown_tables(path: Path | None, values: dict[str, Any]) -> None:
    """Raise a ConfigError for the first table of the file, or of an environment of it, that no pipeline has."""
    known = known_tables()
    found = [[key] for key in values if key not in ("default_env", "env")]
    for name, block in environments.blocks(values).items():
        found += [["env", name, key] for key, value in block.items() if isinstance(value, dict)]
    for keys in found:
        if keys[-1] not in known:
            table = ".".join(keys)
            raise ConfigError(
                f"{path}, line {line_of(path, keys)}: there is no table [{table}]. Nothing was read or written.",
                likely(keys[-1], known if len(keys) > 1 else [*known, "env"]),
            )


def own_tables() -> Mapping[str, type[BaseModel]]:
    """Return what the tables that belong to no pipeline may state, by name."""
    from pipelines.engine.stated import TABLES

    return TABLES


def known_tables() -> list[str]:
    """Name the tables that a settings file may have."""
    return [*SHARED, *OWN, *names()]


def refuse_unknown_variables() -> None:
    """Raise a ConfigError for the first FIRN_ variable of the environment that no setting has; its value is not shown.

    A misspelt variable would otherwise be passed over, and a run go to a target that nobody meant.
    """
    for given in sorted(variable for variable in os.environ if variable.upper().startswith(PREFIX)):
        variable = given.upper()
        table = variable.removeprefix(PREFIX).partition("__")[0].lower()
        if variable not in {*NO_SETTINGS, *variables_of(table)}:
            known = [*NO_SETTINGS, *(name for table in known_tables() for name in variables_of(table))]
            raise ConfigError(
                f"The environment variable {given} names no setting. Nothing was read or written.",
                likely(variable, known, "docs/reference/settings.md lists every setting."),
            )


def variables_of(table: str) -> list[str]:
    """Name the environment variables of a table's settings; none of a table that nobody has."""
    if table in SHARED:
        return [one for one in variables(Pipeline, PREFIX) if one.startswith(f"{PREFIX}{table.upper()}")]
    if table in OWN:
        return list(variables(own_tables()[table], f"{PREFIX}{table.upper()}__"))
    own = f"{PREFIX}{table.upper()}"
    return [own, *variables(pipeline_class(table), f"{own}__")] if table in names() else []


def variables(cls: type[BaseModel], prefix: str) -> Iterator[str]:
    """Name the environment variables of a model's settings and of those within them."""
    for name, field in cls.model_fields.items():
        yield f"{prefix}{name.upper()}"
        for within in models(field.annotation):
            yield from variables(within, f"{prefix}{name.upper()}__")


def models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 (an annotation is anything)
    """List the models in an annotation such as ``Limits | None``."""
    return [one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]


def is_secret(name: str, key: str) -> bool:
    """Tell whether the value of a pipeline's setting, by dotted key, must never be shown."""
    if key.rpartition(".")[2] in SECRETS:
        return True
    cls: type[BaseModel] | None = pipeline_class(name)
    annotation: Any = None
    for part in key.split("."):
        field = cls.model_fields.get(part) if cls else None
        annotation = field.annotation if field else None
        cls = next(iter(models(annotation)), None)
    return SecretStr in (annotation, *get_args(annotation))


def put(values: dict[str, Any], keys: list[str], value: str) -> None:
    """Set a value at a path of keys, making the tables on the way."""
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values[keys[-1]] = value


def explain(
    error: ValidationError, path: Path | None, cls: type[BaseModel], name: str, flags: Mapping[str, str] | None = None
) -> ConfigError:
    """Say where the first wrong setting stands, and which key was likely meant. Never shows a value."""
    found = error.errors(include_input=False, include_url=False)
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    keys = [str(key) for key in first["loc"]]
    table, key = ".".join(keys[:-1]) or name, keys[-1] if keys else name
    place = where(path, keys, flags or {})
    message = f"{place}: [{table}] {key} {complaint(first)}. Nothing was read or written."
    if first["type"] == "extra_forbidden":
        return ConfigError(message, likely(key, known_keys(cls, keys[:-1] if keys[0] in SHARED else keys[1:-1])))
    return ConfigError(message, f"Set it in {path or CONFIG}, or as {variable_of(keys)}.")


def where(path: Path | None, keys: list[str], flags: Mapping[str, str]) -> str:
    """Name the place of a setting that won: the command line, the environment, or a line of the file."""
    if ".".join(keys[1:]) in flags:
        return "--set"
    if variable_of(keys) in {variable.upper() for variable in os.environ}:
        return variable_of(keys)
    line = line_of(path, ["env", environments.asked(read(path)), *keys]) or line_of(path, keys)
    return f"{path}, line {line}" if path and line else "settings"


def variable_of(keys: list[str]) -> str:
    """Name the environment variable of a setting."""
    return f"{PREFIX}{'__'.join(keys).upper()}"


COMPLAINTS = {
    "missing": "is not set",
    "extra_forbidden": "is no setting",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
    "model_type": "must be a table of settings",
    "model_attributes_type": "must be a table of settings",
    "value_error": "is refused: {error}",
}
"""What is wrong with a setting, by pydantic's name for it, to follow the setting's own."""


def complaint(error: ErrorDetails) -> str:
    """Say in plain words what is wrong with a setting."""
    known = COMPLAINTS.get(error["type"])
    return known.format_map(error.get("ctx", {})) if known else f"is refused: {error['msg']}"


def known_keys(cls: type[Any], keys: list[str]) -> list[str]:
    """Name the settings of the model that a path of keys leads to."""
    for key in keys:
        field = cls.model_fields.get(key)
        cls = next(iter(models(field.annotation if field else None)), cls)
    return list(cls.model_fields)


def likely(key: str, known: list[str], otherwise: str = "") -> str:
    """Suggest the key that was likely meant."""
    close = difflib.get_close_matches(key, known, n=1)
    return f"Did you mean {close[0]}?" if close else otherwise or f"Known: {', '.join(known)}."


def line_of(path: Path | None, keys: list[str]) -> int:
    """Find the line of the innermost key in the file; 0 when it does not stand there."""
    if path is None:
        return 0
    text = path.read_text(encoding="utf-8")
    return line_in_json(text, keys) if path.suffix == ".json" else line_in_toml(text, keys)


def line_in_json(text: str, keys: list[str]) -> int:
    """Find the line of a key within those around it; 0 when one of them does not stand there."""
    at = 0
    for key in keys:
        found = re.compile(rf"{re.escape(json.dumps(key))}\s*:").search(text, at)
        if not found:
            return 0
        at = found.end()
    return text.count("\n", 0, at) + 1


def line_in_toml(text: str, keys: list[str]) -> int:
    """Find the line of a key in its table, or of the table; 0 when it does not stand there."""
    table, found = "", 0
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if line.startswith("["):
            table = line.strip("[] ")
            found = number if table == ".".join(keys) else found
        elif line.split("=")[0].strip(" \"'") == keys[-1] and table == ".".join(keys[:-1]):
            return number
    return found
