"""A package that is postponed is imported once, whole, by its first use, and behaves like any other."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from pipelines.engine.postponed import postpone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = "import sys, time\nsys.imports.append(__name__)\ntime.sleep(0.05)\nfrom large.part import inside\nlast = 7\n"


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was imported of a package ``large``, which takes a while and imports a part of its own."""
    (tmp_path / "large").mkdir()
    (tmp_path / "large/__init__.py").write_text(LARGE, encoding="utf-8")
    (tmp_path / "large/part.py").write_text("inside = 8\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "imports", [], raising=False)
    yield sys.imports  # type: ignore[attr-defined]
    for name in [name for name in sys.modules if name.partition(".")[0] in {"large", "missing"}]:
        del sys.modules[name]


def test_the_statement_imports_nothing_and_the_first_use_everything(imports: list[str]) -> None:
    postpone("large")
    large = importlib.import_module("large")
    assert imports == []
    assert (large.last, large.inside) == (7, 8)
    assert importlib.import_module("large").last == 7
    assert imports == ["large"]


def test_threads_that_use_it_first_at_once_all_see_it_whole(imports: list[str]) -> None:
    postpone("large")
    large, together = importlib.import_module("large"), Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(lambda: (together.wait(), large.last)[1]) for _ in range(8)]
        assert [one.result() for one in found] == [7] * 8
    assert imports == ["large"]


def test_a_part_of_it_can_be_imported_first(imports: list[str]) -> None:
    postpone("large")
    assert importlib.import_module("large.part").inside == 8
    assert imports == ["large"]


def test_what_is_imported_already_stays(imports: list[str]) -> None:
    large = importlib.import_module("large")
    postpone("large")
    assert importlib.import_module("large") is large
    assert imports == ["large"]


@pytest.mark.usefixtures("imports")
def test_a_package_that_is_missing_is_named_by_its_first_use() -> None:
    postpone("missing")
    missing = importlib.import_module("missing")
    with pytest.raises(ModuleNotFoundError, match="missing"):
        missing.name  # noqa: B018 (the use of a name)
