"""The line to type next repeats what the user typed, can be pasted, and never shows a secret."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from firn import SourceError
from pipelines.engine.report import Report
from pipelines.engine.typed import Typed

TYPED = Typed(
    "order_lists", Path("my settings.toml"), {"folder": "it's here", "target.dsn": "postgresql://u:secret@h/d"}
)


def test_options_are_repeated_and_quoted() -> None:
    words = shlex.split(TYPED.again("firn run order_lists --allow-failed 'a b.xlsx'"))
    assert words[:7] == ["firn", "run", "order_lists", "--config", "my settings.toml", "--set", "folder=it's here"]
    assert words[-2:] == ["--allow-failed", "a b.xlsx"]


def test_a_secret_is_not_repeated() -> None:
    said = TYPED.again("firn run order_lists")
    assert "secret" not in said
    assert "--set target.dsn=..." in said


@pytest.mark.parametrize("verb", ["publish", "discard", "rollback", "report"])
def test_verbs_without_settings_get_the_file_only(verb: str) -> None:
    assert TYPED.again(f"firn {verb} x") == f"firn {verb} --config 'my settings.toml' x"


def test_options_are_repeated_once() -> None:
    once = TYPED.again("Mend it:\nfirn run order_lists (or: firn discard x)")
    assert TYPED.again(once) == once


def test_nothing_typed_leaves_the_line_as_it_is() -> None:
    assert Typed("order_lists").again("firn run order_lists") == "firn run order_lists"


def test_words_about_firn_are_no_command() -> None:
    said = "This is a fault of firn, not of the file; the firn runs of last week are fine."
    assert Typed("order_lists").again(said) == said


def test_the_stored_report_has_the_same_hint_as_the_error() -> None:
    error = SourceError("It failed.", "firn run order_lists")
    error.report = Report("r", "order_lists")  # type: ignore[attr-defined]
    with pytest.raises(SourceError) as caught, TYPED.repeated():
        raise error
    assert caught.value.hint.startswith("firn run order_lists --config ")
    assert error.report.hint == caught.value.hint  # type: ignore[attr-defined]
