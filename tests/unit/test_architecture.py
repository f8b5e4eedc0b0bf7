"""Imports go one way: firn.py <- sources, transforms, loaders <- pipelines, without exceptions."""

import ast
import re
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


SCHEMA = re.compile(
    r"(?<!DISTINCT )\b(?:FROM|JOIN|INTO|UPDATE|TABLE|VIEW|REFERENCES|TRUNCATE|SCHEMA)\s+"
    r'(?:(?:ONLY|IF NOT EXISTS|IF EXISTS)\s+)?"?([a-zA-Z_]\w*)"?\s*\.\s*"?\w'
)
"""A name with its schema, where SQL has one."""
POSTGRES_OWN = ("pg_catalog", "pg_temp", "information_schema")


def schemas_named(text: str) -> set[str]:
    return {found[1] for found in SCHEMA.finditer(text)} - {*POSTGRES_OWN}


def test_sql_that_names_a_schema_is_seen() -> None:
    assert schemas_named("SELECT 1 FROM public.orders JOIN {state}.run USING (id)") == {"public"}
    assert schemas_named('INSERT INTO "etl"."x" SELECT 1 FROM pg_catalog.pg_class') == {"etl"}


@pytest.mark.parametrize("package", ["loaders", "pipelines", "sources", "transforms"])
def test_no_text_names_a_schema(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.sql")):
        assert not schemas_named(path.read_text(encoding="utf-8")), path
    for path in modules(package):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert not [text for text in texts if schemas_named(text)], path
        assert not {"public", "firn_stage", "firn_previous"} & set(texts), path
