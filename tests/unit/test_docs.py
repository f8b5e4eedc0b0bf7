"""The documents are true: short where they promise it, complete where they list, and free of broken links."""

import importlib.util
import inspect
import re
import tomllib
from dataclasses import asdict, fields
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from firn import Published, Run
from loaders.memory import Memory
from loaders.postgres import Postgres
from pipelines.clinic import Clinic
from pipelines.commissions import Commissions, Patterns, SampleLimits
from pipelines.engine import commands
from pipelines.engine.cli import cli
from pipelines.engine.environments import Environment, overlaid
from pipelines.engine.pipeline import Pipeline
from pipelines.engine.progress import Silent
from pipelines.engine.report import Report
from pipelines.engine.retries import Retry
from pipelines.engine.runner import Options, execute
from pipelines.engine.settings import SHARED
from pipelines.engine.stated import TABLES
from pipelines.order_lists import OrderLists, Thresholds
from pipelines.replication.overrides import POLICIES, Override, Policy, TierPolicy
from sources import AzureBlobs, MySQL
from sources.mysql import Rules
from sources.xlsx.limits import Limits
from transforms.commissions.conformance_routing import EntropyThresholds
from transforms.commissions.exports import ADDED, EXPORTS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def imported(path: Path) -> Any:  # noqa: ANN401 (a module)
    """Import a file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_read_in_one_go() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_verb_has_help(verb: str) -> None:
    assert cli.commands[verb].help


def test_the_command_reference_is_what_the_commands_say() -> None:
    module = imported(ROOT / "docs/reference.py")
    assert (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8") == module.page(), (
        "run: python docs/reference.py"
    )


def test_the_reference_of_the_commissions_has_the_numbers_of_every_enumeration() -> None:
    written = (ROOT / "docs/reference/commissions.md").read_text(encoding="utf-8")
    found = [one for one in IntEnum.__subclasses__() if one.__module__.startswith("transforms.commissions")]
    assert found
    rows = [f"| `{one.__name__}` | {', '.join(f'{m.value} {m.name}' for m in one)} |" for one in found]
    assert [row for row in rows if row not in written] == []


def test_the_reference_of_the_commissions_is_what_their_contracts_say() -> None:
    written = (ROOT / "docs/reference/commissions.md").read_text(encoding="utf-8")
    assert written == imported(ROOT / "docs/reference.py").commissions(), "run: python docs/reference.py"


def test_the_eighteen_former_exports_have_their_tables_and_every_table_is_accounted_for() -> None:
    assert len(EXPORTS) == 18
    assert [name for name, tables in EXPORTS.items() if not tables] == []
    named = [name for tables in EXPORTS.values() for name in tables]
    assert sorted([*named, *ADDED]) == sorted(Commissions.publishes)


def test_the_example_settings_name_every_setting_with_its_default() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("["))
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head:]))
    examples = {line.split()[1] for line in lines if "# example" in line}
    thresholds = shown["order_lists"].pop("thresholds")
    assert thresholds == Thresholds().model_dump()
    limits = shown["order_lists"].pop("limits")
    assert limits == Limits().model_dump()
    blobs = shown["order_lists"].pop("blobs")
    assert set(blobs) == set(AzureBlobs.model_fields)
    defaults = AzureBlobs(container="x").model_dump(mode="json")
    assert all(name in examples or value == defaults[name] for name, value in blobs.items())
    assert shown["retry"] == Retry().model_dump()
    assert set(shown["target"]) == set(Postgres.model_fields)
    assert set(shown["order_lists"]) | {"limits", "thresholds", "blobs", *SHARED} == set(OrderLists.model_fields)
    for name, value in shown["target"].items():
        assert name in examples or value == Postgres.model_fields[name].default
    for name, value in shown["order_lists"].items():
        assert name in examples or value == OrderLists.model_fields[name].default


def test_the_example_settings_name_the_tables_that_belong_to_no_pipeline_with_their_defaults() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("["))
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head:]))
    examples = {line.split()[1] for line in lines if "# example" in line}
    for name, model in TABLES.items():
        assert (
            model.model_validate({key: value for key, value in shown[name].items() if key not in examples}) == model()
        )
        assert set(shown[name]) == set(model.model_fields)


def test_the_example_settings_of_an_environment_name_every_setting_with_its_default_and_its_derived_schemas() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = lines.index(next(line for line in lines if line.startswith("# [env.poc]")))
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head:]))
    block = shown["env"]["poc"]
    own = {key: value for key, value in block.items() if not isinstance(value, dict)}
    assert own == Environment().model_dump()
    laid = overlaid({"env": {"poc": {}}}, "poc", {})["target"]
    assert {key: value for key, value in block["target"].items() if key != "dsn"} == laid


def test_the_example_settings_of_the_clinic_name_every_setting_with_its_default() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = lines.index("[clinic]")
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head:]))["clinic"]
    examples = {line.split()[1] for line in lines[head:] if "# example" in line}
    assert {*shown, *SHARED} == set(Clinic.model_fields)
    assert shown["catalogue"] == str(Clinic.model_fields["catalogue"].default)
    plain = ("max_workers", "consistency", "passes", "overlap_s", "may_delete", "reconciled_days", "longest_gap_days")
    assert {name: shown[name] for name in plain} == {name: Clinic.model_fields[name].default for name in plain}
    source, usual = shown["source"], MySQL(database="x").model_dump(mode="json")
    assert set(source) == set(usual)
    assert source.pop("rules") == usual["rules"]
    assert {key for rules in source.pop("columns").values() for key in rules} <= set(Rules.model_fields)
    assert all(name in examples or value == usual[name] for name, value in source.items())
    (policy,), (table,) = shown["tiers"].values(), shown["tables"].values()
    assert set(policy) == set(TierPolicy.model_fields)
    assert {key: policy[key] for key in Policy.__dataclass_fields__} == asdict(POLICIES["critical"])
    assert set(table) == set(Override.model_fields)
    Clinic.model_validate(shown)


def test_the_example_settings_of_the_commissions_name_every_setting_with_its_default() -> None:
    lines = (ROOT / "firn.example.toml").read_text(encoding="utf-8").splitlines()
    head = lines.index("[commissions]")
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines[head : lines.index("[clinic]")]))
    found = shown["commissions"]
    assert {*found, "blobs", *SHARED} == set(Commissions.model_fields)
    assert found.pop("patterns") == Patterns().model_dump()
    assert found.pop("sample") == SampleLimits().model_dump()
    assert found.pop("entropy") == asdict(EntropyThresholds())
    assert found.pop("table_policies")["brokers"] == Commissions.policies["brokers"]
    del found["folder"]
    assert Commissions(folder=ROOT, **found).model_dump(include=set(found), mode="json") == found
    assert Commissions(folder=ROOT).model_dump(include=set(found), mode="json") == found


def excerpt(page: str) -> str:
    """The first piece of Python on a page."""
    found = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_excerpt_of_the_readme_stands_in_the_pipeline() -> None:
    source = re.sub(r"\s", "", (ROOT / "pipelines/order_lists.py").read_text(encoding="utf-8"))
    at = 0
    for piece in re.split(r"\.\.\.|\n", re.sub(r"  # .*", "", excerpt("README.md"))):
        wanted = re.sub(r"\s", "", piece)
        assert wanted in source[at:], piece
        at = source.index(wanted, at) + len(wanted)


def test_the_pipeline_of_the_reference_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shops_of_the_reference.py").write_text(excerpt("docs/reference/pipelines.md"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    loader = Memory()
    module = importlib.import_module("shops_of_the_reference")
    report = execute(module.Shops(), Run.start("shops"), loader, Options(), Silent())
    assert report.status == "published"
    assert loader.production["sales"].rows() == [("north", "hat", 3), ("south", "hat", 3)]


def test_the_reference_explains_every_attribute_and_method_of_a_pipeline() -> None:
    page = (ROOT / "docs/reference/pipelines.md").read_text(encoding="utf-8")
    methods = [name for name, value in vars(Pipeline).items() if inspect.isfunction(value) and name[0] != "_"]
    own = [*Pipeline.__class_vars__, *methods]
    named = set(re.findall(r"`(\w+)[`(]", page))
    assert {*own, *Pipeline.model_fields} - {"model_config"} <= named
    assert "sources" in methods


def test_the_reference_lists_every_key_of_a_listed_run_and_of_a_report() -> None:
    page = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    row = {"report": None, "tables": {}} | dict.fromkeys(
        ["run_id", "pipeline", "status", "started_at", "finished_at", "generation", "published_as", "error"]
    )
    promised = {*commands.listed(row), *(field.name for kind in (Report, Published) for field in fields(kind))}
    assert promised <= set(re.findall(r"`(\w+)`", page))


def test_the_tables_reference_explains_every_reason_for_which_a_cell_is_in_quarantine() -> None:
    page = (ROOT / "docs/reference/tables.md").read_text(encoding="utf-8")
    table = page.partition("| reason | meaning |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(\w+)`", "".join(first))) == sorted(OrderLists.reasons)
