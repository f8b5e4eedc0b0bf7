"""Imports go one way: firn.py <- sources, transforms, loaders <- pipelines, without exceptions."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "firn": set(),
    "sources": {"firn", "sources"},
    "transforms": {"firn", "transforms"},
    "loaders": {"firn", "loaders"},
    "pipelines": {"firn", "sources", "transforms", "loaders", "pipelines"},
    "benchmarks": {"firn", "pipelines", "loaders", "benchmarks"},
}
GENERATORS = {"benchmarks"}


def modules(package: str) -> list[Path]:
    single = ROOT / f"{package}.py"
    return [single] if single.exists() else sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    ours = set(MAY_IMPORT) | {"tests"}
    for path in modules(package):
        assert imported(path) & ours <= MAY_IMPORT[package], path


def test_the_shared_vocabulary_imports_only_the_standard_library_when_it_runs() -> None:
    tree = ast.parse((ROOT / "firn.py").read_text(encoding="utf-8"))
    at_run_time = {n.module for n in tree.body if isinstance(n, ast.ImportFrom)}
    at_run_time |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert {str(name).partition(".")[0] for name in at_run_time} <= set(sys.stdlib_module_names)


def test_generators_and_the_code_they_check_do_not_import_one_another() -> None:
    for path in modules("benchmarks"):
        if path.stem not in {"crowd", "publications", "demo", "postgres", "sampling"}:
            assert not imported(path) & {"sources", "transforms", "loaders", "pipelines"}, path


BANNED = ("Manager", "Helper", "Util", "Handler", "Processor", "Context")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_class_or_module_has_a_name_that_says_nothing(package: str) -> None:
    for path in modules(package):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] + [path.stem.title()]
        assert not [name for name in names for word in BANNED if name.endswith((word, word + "s"))], path
