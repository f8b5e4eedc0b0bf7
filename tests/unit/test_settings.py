"""Settings: flag over environment over file over default; an error names file, line, key and the likely key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firn import ConfigError
from pipelines.engine import settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    path = Path("firn.toml").resolve()
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_in_the_working_directory_is_read_and_its_paths_are_relative_to_it() -> None:
    path = write('[order_lists]\nfolder = "books"\n')
    assert settings.load("order_lists").folder == path.parent / "books"  # type: ignore[attr-defined]


def test_the_environment_wins_over_the_file_and_a_flag_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[order_lists]\nfolder = "file"\nphantom_rows = "keep"\n')
    monkeypatch.setenv("FIRN_ORDER_LISTS__FOLDER", "/environment")
    loaded = settings.load("order_lists")
    assert str(loaded.folder) == "/environment"  # type: ignore[attr-defined]
    assert loaded.phantom_rows == "keep"  # type: ignore[attr-defined]
    assert str(settings.load("order_lists", flags={"folder": "/flag"}).folder) == "/flag"  # type: ignore[attr-defined]


def test_the_target_of_all_pipelines_is_used_unless_a_pipeline_has_its_own() -> None:
    write('[target]\nproduction = "sales"\n[order_lists]\nfolder = "."\n')
    assert settings.load("order_lists").target.production == "sales"
    write('[target]\nproduction = "sales"\n[order_lists]\nfolder = "."\n[order_lists.target]\nproduction = "mine"\n')
    assert settings.load("order_lists").target.production == "mine"
    assert settings.load_target().production == "sales"


def test_a_misspelt_key_is_answered_with_file_line_and_the_likely_key() -> None:
    path = write('[order_lists]\nfolder = "."\nfantom_rows = "keep"\n')
    with pytest.raises(ConfigError) as error:
        settings.load("order_lists")
    assert f"{path}, line 3: [order_lists] fantom_rows" in error.value.message.replace("firn.toml", str(path), 1) or (
        "firn.toml, line 3: [order_lists] fantom_rows" in error.value.message
    )
    assert error.value.hint == "Did you mean phantom_rows?"


def test_a_misspelt_table_is_answered_with_the_likely_one() -> None:
    write('[order_list]\nfolder = "."\n')
    with pytest.raises(ConfigError, match=r"line 1: there is no table \[order_list\]") as error:
        settings.load("order_lists")
    assert error.value.hint == "Did you mean order_lists?"


def test_a_missing_setting_says_where_to_set_it() -> None:
    with pytest.raises(ConfigError, match=r"\[order_lists\] Neither folder nor blobs is set") as error:
        settings.load("order_lists")
    assert "FIRN_ORDER_LISTS__FOLDER" in error.value.hint


def test_a_folder_and_a_container_are_one_place_too_many() -> None:
    write('[order_lists]\nfolder = "."\n[order_lists.blobs]\ncontainer = "lists"\n')
    with pytest.raises(
        ConfigError, match=r"\[order_lists\] Both folder and blobs are set.*Nothing was read or written"
    ):
        settings.load("order_lists")


def test_a_misspelt_setting_of_a_table_that_may_be_missing_is_answered_with_the_likely_one() -> None:
    write('[order_lists.blobs]\ncontainer = "lists"\nprocesed = "tag"\n')
    with pytest.raises(ConfigError, match=r"line 3: \[order_lists\.blobs\] procesed is no setting") as error:
        settings.load("order_lists")
    assert error.value.hint == "Did you mean processed?"


def test_a_secret_in_a_setting_is_refused_and_not_shown() -> None:
    write('[order_lists.blobs]\ncontainer = "lists"\naccount_url = "https://x.invalid/?sig=abc"\n')
    with pytest.raises(ConfigError, match=r"line 3: \[order_lists\.blobs\] account_url is refused") as error:
        settings.load("order_lists")
    assert "AZURE_STORAGE_SAS_TOKEN" in error.value.message
    assert "abc" not in error.value.message + error.value.hint


def test_a_list_can_be_set_in_the_environment_and_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRN_ORDER_LISTS__BLOBS__CONTAINER", "lists")
    monkeypatch.setenv("FIRN_ORDER_LISTS__BLOBS__PREFIXES", '["USA"]')
    assert settings.load("order_lists").blobs.prefixes == ("USA/",)  # type: ignore[attr-defined]
    flags = {"blobs.prefixes": "USA,/EU/west/"}
    assert settings.load("order_lists", flags=flags).blobs.prefixes == ("USA/", "EU/west/")  # type: ignore[attr-defined]


def test_a_wrong_value_is_not_shown() -> None:
    write('[target]\ndsn = 12345\n[order_lists]\nfolder = "."\n')
    with pytest.raises(ConfigError) as error:
        settings.load("order_lists")
    assert "12345" not in error.value.message + error.value.hint
    assert "line 2: [target] dsn" in error.value.message


def test_a_file_that_is_not_toml_names_its_line() -> None:
    write("[order_lists\n")
    with pytest.raises(ConfigError, match="line 1"):
        settings.load("order_lists")


def test_a_named_file_must_exist() -> None:
    with pytest.raises(ConfigError, match=r"no settings file other\.toml"):
        settings.load("order_lists", Path("other.toml"))


def test_an_unknown_pipeline_is_answered_with_the_likely_one() -> None:
    with pytest.raises(ConfigError) as error:
        settings.load("order_list")
    assert error.value.hint == "Did you mean order_lists?"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("FIRN_ORDER_LIST__FOLDER", "FIRN_ORDER_LISTS__FOLDER"),
        ("FIRN_TARGT__DSN", "FIRN_TARGET__DSN"),
        ("FIRN_TARGET__DNS", "FIRN_TARGET__DSN"),
        ("FIRN_ORDER_LISTS__LIMITS__MAX_ROW", "FIRN_ORDER_LISTS__LIMITS__MAX_ROWS"),
        ("FIRN_HOMES", "FIRN_HOME"),
    ],
)
@pytest.mark.parametrize("load", [lambda: settings.load("order_lists"), settings.load_target])
def test_a_misspelt_variable_is_answered_with_the_likely_one(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[], object], variable: str, meant: str
) -> None:
    write('[order_lists]\nfolder = "."\n')
    monkeypatch.setenv(variable, "its value")
    with pytest.raises(ConfigError, match=f"environment variable {variable} names no setting") as error:
        load()
    assert error.value.hint == f"Did you mean {meant}?"
    assert "its value" not in error.value.message


def test_every_setting_has_a_variable_in_either_case(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIRN_HOME", str(tmp_path))
    monkeypatch.setenv("FIRN_CONFIG", str(write("")))
    monkeypatch.setenv("firn_order_lists__folder", "books")
    monkeypatch.setenv("FIRN_ORDER_LISTS__LIMITS__MAX_ROWS", "7")
    monkeypatch.setenv("FIRN_ORDER_LISTS__TARGET__PRODUCTION", "sales")
    loaded = settings.load("order_lists")
    assert loaded.limits.max_rows == 7  # type: ignore[attr-defined]
    assert loaded.target.production == "sales"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"phantom_rows": "kep"}, r"--set: \[order_lists\] phantom_rows must be 'keep' or 'set_aside'"),
        ({"limits.max_rows": "many"}, r"--set: \[order_lists.limits\] max_rows must be a whole number"),
        ({"limits.max_rows": "0"}, r"--set: \[order_lists.limits\] max_rows must be more than 0"),
        ({"target.max_wait_s": "-1"}, r"--set: \[order_lists.target\] max_wait_s must be at least 0"),
        ({"target.state": "public"}, r"four different schemas"),
    ],
)
def test_a_wrong_value_is_answered_in_plain_words(flags: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings.load("order_lists", flags={"folder": "."} | flags)


def test_a_wrong_value_of_the_environment_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[order_lists]\nfolder = "."\nphantom_rows = "keep"\n')
    monkeypatch.setenv("FIRN_ORDER_LISTS__PHANTOM_ROWS", "kep")
    with pytest.raises(ConfigError, match=r"^FIRN_ORDER_LISTS__PHANTOM_ROWS: "):
        settings.load("order_lists")


def test_the_tables_that_belong_to_no_pipeline_are_known_by_name_without_importing_what_they_state() -> None:
    assert tuple(settings.own_tables()) == settings.OWN
