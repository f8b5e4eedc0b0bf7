"""An environment shares neither schema, role nor source with another, whichever way its settings are stated."""

import json
from pathlib import Path

import pytest

from firn import Checksum, ConfigError, Namespace
from pipelines.engine import settings
from pipelines.engine.environments import overlaid
from pipelines.engine.isolated import differing, digest
from pipelines.engine.typed import Typed

BOOKS = '[order_lists]\nfolder = "books"\nphantom_rows = "keep"\n'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "firn.toml") -> Path:
    path = Path(name).resolve()
    path.write_text(text, encoding="utf-8")
    return path


def test_an_environment_has_schemas_and_a_role_of_its_own_and_inherits_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(f'[target]\nproduction = "sales"\nmax_wait_s = 7\n{BOOKS}[env.poc.order_lists]\nfolder = "other"\n')
    monkeypatch.setenv("FIRN_ENV", "poc")
    found = settings.load("order_lists")
    assert found.target.namespace == Namespace("poc_production", "poc_staging", "poc_previous", "poc_state", "poc")
    assert (found.target.role, found.target.max_wait_s) == ("firn_poc", 7)
    assert (found.folder, found.phantom_rows) == (Path("other").resolve(), "keep")  # type: ignore[attr-defined]
    monkeypatch.setenv("FIRN_ENV", "production")
    found = settings.load("order_lists")
    assert (found.target.production, found.target.role) == ("sales", "")
    assert found.folder == Path("books").resolve()  # type: ignore[attr-defined]


def test_an_environment_reads_nothing_that_production_reads_unless_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRN_ENV", "poc")
    write(f"{BOOKS}[env.poc]\n")
    with pytest.raises(ConfigError, match="Neither folder nor blobs is set"):
        settings.load("order_lists")
    assert settings.load("order_lists", flags={"folder": "mine"}).folder == Path("mine")  # type: ignore[attr-defined]
    write(f'{BOOKS}[env.poc]\nsources = "production"\n')
    assert settings.load("order_lists").folder == Path("books").resolve()  # type: ignore[attr-defined]


def test_an_environment_that_reads_the_files_of_production_leaves_them_where_they_are() -> None:
    blobs = {"container": "lists", "processed": "move", "processed_prefix": "done/"}
    whole = {"order_lists": {"blobs": blobs}, "env": {"poc": {"sources": "production"}}}
    laid = overlaid(whole, "poc", {"order_lists": ("folder", "blobs")})
    assert laid["order_lists"] == {"blobs": {"container": "lists"}}


def test_discovery_writes_a_catalogue_of_the_environments_own_and_the_rules_of_the_source_stay() -> None:
    source = {"database": "practice", "host": "db", "connections": 2}
    places = {"clinic": ("source.database", "source.host", "catalogue")}
    whole = {"clinic": {"source": source, "catalogue": "/etc/tables.yaml"}, "env": {"poc": {}}}
    assert overlaid(whole, "poc", places)["clinic"] == {
        "source": {"connections": 2},
        "catalogue": "/etc/tables.poc.yaml",
    }
    whole["env"]["poc"] = {"sources": "production"}
    assert overlaid(whole, "poc", places)["clinic"] == {"source": source, "catalogue": "/etc/tables.poc.yaml"}


@pytest.mark.parametrize(
    ("stated", "shared"),
    [
        ('[env.poc.target]\nproduction = "public"\n', '"public"'),
        ('[env.poc.target]\nstate = "public"\n', '"public"'),
        ('[env.poc.target]\nstate = "firn_stage"\n', '"firn_stage"'),
        ('[env.poc.target]\nproduction = "firn_stage_x"\n', "of which one begins like the other"),
        ("[env.poc]\n[env.poc_staging]\n", "of which one begins like the other"),
        ('[env.one.target]\nstate = "s"\n[env.other.target]\nproduction = "s"\n', '"s"'),
        ('[env.one]\n[env.other.target]\nrole = "firn_one"\n', 'the same role "firn_one"'),
        ('[order_lists.target]\nproduction = "poc_state"\n[env.poc]\n', '"poc_state"'),
    ],
)
def test_environments_of_one_database_that_share_anything_are_refused(
    stated: str, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of them is asked for."""
    write(f'default_env = "production"\n{stated}')
    with pytest.raises(ConfigError) as error:
        settings.load_target()
    assert shared in error.value.message
    assert "Nothing was read or written" in error.value.message
    monkeypatch.setenv("FIRN_ENV", settings.environments.named(settings.read(Path("firn.toml")))[-1])
    with pytest.raises(ConfigError, match=r"share schemas|have the same role"):
        settings.load_target()


def test_another_database_may_have_the_same_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    other = '[target]\ndsn = "host=a dbname=sales"\n[env.lab.target]\ndsn = "host=b dbname=sales"\n'
    write(f'default_env = "lab"\n{other}production = "public"\nstate = "firn"\n')
    assert settings.load_target().production == "public"
    monkeypatch.setenv("PGHOST", "a")
    write(f'default_env = "lab"\n{other}production = "public"\n'.replace("host=b ", ""))
    with pytest.raises(ConfigError, match="share schemas"):
        settings.load_target()


@pytest.mark.parametrize("variable", ["FIRN_TARGET__PRODUCTION", "FIRN_ORDER_LISTS__TARGET__PRODUCTION"])
def test_a_variable_or_a_flag_does_not_lead_an_environment_to_production(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f'default_env = "poc"\n{BOOKS}[env.poc.order_lists]\nfolder = "other"\n')
    with pytest.raises(ConfigError, match="share schemas of one database"):
        settings.load("order_lists", flags={"target.production": "public"})
    assert settings.load("order_lists", flags={"target.max_wait_s": "3"}).target.production == "poc_production"
    monkeypatch.setenv(variable, "public")
    with pytest.raises(ConfigError, match="share schemas of one database"):
        settings.load("order_lists")


def test_without_a_word_no_command_has_an_environment_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    write(f"{BOOKS}[env.poc]\n")
    with pytest.raises(ConfigError, match="environments production, poc, and do not say which is meant"):
        settings.load("order_lists")
    monkeypatch.setenv("FIRN_ENV", "pok")
    with pytest.raises(ConfigError) as error:
        settings.load("order_lists")
    assert error.value.hint == "Did you mean poc?"
    monkeypatch.delenv("FIRN_ENV")
    write(BOOKS)
    assert settings.load("order_lists").target.namespace == Namespace()


@pytest.mark.parametrize(
    ("stated", "said", "hint"),
    [
        ("[env.poc]\nsource = 1\n", r"\[env.poc\] source is refused", "Did you mean sources?"),
        ("[env.poc.order_list]\n", r"line 2: there is no table \[env.poc.order_list\]", "Did you mean order_lists?"),
        ("[env.Poc]\n", "Environment Poc cannot name schemas", "lower-case"),
        ("[env]\npoc = 1\n", "env is no table of environments", r"[env.poc]"),
        (
            "[env.poc.target]\nmax_wait_s = -1\n",
            r"firn.toml, line 3: \[target\] max_wait_s must be at least 0",
            "Set it",
        ),
    ],
)
def test_a_wrong_environment_is_answered_with_the_place_and_the_likely_word(stated: str, said: str, hint: str) -> None:
    write(f'default_env = "poc"\n{stated}')
    with pytest.raises(ConfigError, match=said) as error:
        settings.load_target()
    assert hint in error.value.hint


def test_settings_in_json_have_the_same_keys_environments_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {
        "target": {"max_wait_s": 7},
        "order_lists": {"folder": "books", "phantom_rows": "keep"},
        "env": {"poc": {"order_lists": {"folder": "other"}}},
    }
    path = write(json.dumps(document, indent=1), "settings.json")
    monkeypatch.setenv("FIRN_ENV", "poc")
    monkeypatch.setenv("FIRN_ORDER_LISTS__PHANTOM_ROWS", "set_aside")
    found = settings.load("order_lists", path)
    assert (found.target.production, found.target.max_wait_s) == ("poc_production", 7)
    assert (found.folder, found.phantom_rows) == (path.parent / "other", "set_aside")  # type: ignore[attr-defined]
    document["order_lists"] = {"folder": "books", "fantom_rows": "keep"}
    write(json.dumps(document, indent=1), "settings.json")
    with pytest.raises(ConfigError, match=r"settings.json, line 7: \[order_lists\] fantom_rows is no setting") as error:
        settings.load("order_lists", path)
    assert error.value.hint == "Did you mean phantom_rows?"
    for text, said in (("{", r"settings.json: .*line 1"), ("[]", "is no JSON object")):
        write(text, "settings.json")
        with pytest.raises(ConfigError, match=said):
            settings.load("order_lists", path)


def test_the_line_to_type_next_names_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRN_ENV", "poc")
    again = Typed("order_lists").again("firn run order_lists; firn publish RUN")
    assert again == "firn run order_lists --env poc; firn publish --env poc RUN"


def test_what_differs_is_named_and_equal_states_have_equal_digests() -> None:
    before = {("s", "a"): Checksum("x", 2, "1"), ("s", "b"): Checksum("x"), ("s", ""): Checksum("y")}
    assert differing(before, dict(reversed(before.items()))) == []
    assert digest(before) == digest(dict(reversed(before.items())))
    after = {("s", "a"): Checksum("x", 2, "2"), ("s", "c"): Checksum("x"), ("s", ""): Checksum("z")}
    assert differing(before, after) == [
        "s is defined otherwise",
        "s.a has other rows, 2 before and 2 now",
        "s.b is gone",
        "s.c is new",
    ]
    assert differing({("s", "a"): Checksum("x", 2, "1")}, {("s", "a"): Checksum("x", None, "1", is_exact=False)}) == [
        "s.a was read in another way and cannot be compared"
    ]
