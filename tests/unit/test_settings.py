"""Settings: flag over environment over file over default; an error names file, line, key and the likely key."""

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
    with pytest.raises(ConfigError, match=r"\[order_lists\] folder: Field required") as error:
        settings.load("order_lists")
    assert "FIRN_ORDER_LISTS__FOLDER" in error.value.hint


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
