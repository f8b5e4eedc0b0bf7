"""Which run is resumed where none is named, and that it is asked for as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from firn import ConfigError, Run, StateError
from loaders.memory import Memory
from pipelines.engine import asked, resumption
from pipelines.engine.execution import Options
from pipelines.engine.typed import Typed
from pipelines.order_lists import OrderLists

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = Options(
    load=False,
    publish=False,
    limit=3,
    allow_failed=frozenset({"b", "a"}),
    accept_missing=frozenset({"c"}),
    full_refresh=True,
    files=("x.xlsx", "./y.xlsx"),
    customer="ASHFORD",
    extract_to=Path("/extracts"),
    extract_from=Path("/extracts/run"),
    older_extract=True,
    keep_copies=True,
    tables=("patient", "critical"),
    exclude=("audit",),
    lock=True,
    anyway=True,
    sample=True,
)


def recorded(statuses: Sequence[tuple[str, str]]) -> Memory:
    """Runs by pipeline and status, the oldest first."""
    loader = Memory()
    for pipeline, status in statuses:
        run = Run.start(pipeline)
        loader.start(run)
        loader.attempt(run, {"options": {}} if status != "kept ready" else {"options": {"publish": False}}, {}, {})
        loader.finish(run, status.removeprefix("kept "), {})
    return loader


@pytest.mark.parametrize(
    ("runs", "name", "found"),
    [
        ([("order_lists", "failed"), ("clinic", "published")], None, 0),
        ([("order_lists", "failed"), ("clinic", "failed")], None, 1),
        ([("order_lists", "failed"), ("clinic", "failed")], "order_lists", 0),
        ([("order_lists", "failed"), ("order_lists", "published")], None, None),
        ([("order_lists", "failed"), ("order_lists", "unchanged")], "order_lists", None),
        ([("order_lists", "failed"), ("order_lists", "discarded"), ("order_lists", "sample")], None, 0),
        ([("order_lists", "failed"), ("order_lists", "ready")], None, 1),
        ([("order_lists", "failed"), ("order_lists", "kept ready")], None, None),
        ([], None, None),
    ],
)
def test_the_latest_run_that_did_not_do_what_it_was_asked_for_is_resumed(
    runs: list[tuple[str, str]], name: str | None, found: int | None
) -> None:
    loader = recorded(runs)
    if found is None:
        with pytest.raises(StateError, match=r"^No run.* is to be resumed.* Production is unchanged\.$"):
            resumption.find(name, loader)
        return
    row = resumption.find(name, loader)
    assert [row["pipeline"], row["status"]] == [runs[found][0], runs[found][1]]


def test_every_option_is_asked_for_again_as_it_was() -> None:
    differing = [name for name in EVERY.__slots__ if getattr(EVERY, name) == getattr(Options(), name)]
    assert not differing
    for options in (Options(), EVERY):
        told = json.loads(json.dumps({"options": dict(asked.plain(options))}))
        assert asked.options(told) == options


def test_what_state_keeps_of_a_run_has_no_secret_and_says_which_setting_is_missing(tmp_path: Path) -> None:
    flags = {"folder": str(tmp_path), "target.dsn": "postgresql://firn:not-to-be-told@host/db"}
    pipeline = OrderLists(folder=tmp_path, target={"dsn": flags["target.dsn"]})  # type: ignore[arg-type]

    kept, settings, prints = asked.told(pipeline, Options(), Typed("order_lists", None, flags))

    assert "not-to-be-told" not in json.dumps([kept, settings, prints])
    assert (kept["flags"], kept["secrets"]) == ({"folder": str(tmp_path)}, ["target.dsn"])
    assert sorted(prints) == ["code", "settings"]
    with pytest.raises(ConfigError, match=r"secret settings, which were not kept: target\.dsn") as error:
        asked.again("order_lists_1", "order_lists", kept, None, {})
    assert error.value.hint == "firn resume order_lists_1 --set target.dsn=..."
    assert asked.again("order_lists_1", "order_lists", kept, None, flags).flags == flags


def test_of_a_command_that_tells_a_secret_state_keeps_the_first_word(tmp_path: Path) -> None:
    command = "command:vault kv get -token=not-to-be-told secret/firn"
    pipeline = OrderLists(folder=tmp_path, target={"password": command})  # type: ignore[arg-type]
    flags = {"target": f'{{"password": "{command}"}}'}

    kept, settings, _ = asked.told(pipeline, Options(), Typed("order_lists", None, flags))

    assert settings["target"].items() >= {"password": "command:vault"}.items()
    assert "not-to-be-told" not in json.dumps([kept, settings])
    assert (kept["flags"], kept["secrets"]) == ({}, ["target"])
    assert asked.without_arguments({"a": [{"b": command}, 1, "env:X Y"]}) == {
        "a": [{"b": "command:vault"}, 1, "env:X Y"]
    }


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"code": "older"}, "code changed since"),
        ({"code": "older", "settings": "older"}, "code and settings changed since"),
        ({"inputs": "older"}, "the source changed since"),
        ({"inputs": None}, "its source has no fingerprint"),
    ],
)
def test_a_verified_run_is_published_as_it_is_only_where_nothing_changed_that_made_it(
    tmp_path: Path, changed: dict[str, str | None], told: str
) -> None:
    (tmp_path / "one.xlsx").write_bytes(b"listed, not read")
    pipeline, run, loader = OrderLists(folder=tmp_path), Run.start("order_lists"), Memory()
    kept, _, prints = asked.told(pipeline, Options(), Typed("order_lists", None, {}))
    row: dict[str, Any] = {"asked": kept, "fingerprints": {}}
    prints["inputs"] = resumption.inputs(row, pipeline, run, loader)
    row["fingerprints"] = {name: print_ for name, print_ in {**prints, **changed}.items() if print_}

    assert resumption.since_verified(row, pipeline, run, loader) == told


def test_settings_that_changed_are_named() -> None:
    before = {"a": 1, "b": {"c": [1], "d": 2}, "gone": 1}
    assert list(asked.changed(before, {"a": 1, "b": {"c": [2], "d": 2}})) == ["b.c", "gone"]
