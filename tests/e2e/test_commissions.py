"""The commissions as people meet them: extracts are published, nothing is done twice, and bad files are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.commissions_source import Dirt, generate
from tests.storage import CONNECTION_STRING, SAS_TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.conftest import Installation
    from tests.storage import Store

OLDER = b"""PartyUniqueId,IndividualLastName,IndividualFirstName,HireDate,EmailAddress,CurrentStatus,BrokerType
P077777,Heron,Ida,2001-02-03,,Active,Agent
"""
UNCHANGED = "production is unchanged."


def refused(firn: Installation, *told: str, code: int = 1) -> None:
    """Run, and expect to be told so and production to stay as it is."""
    before = firn.production()
    done = firn.firn("run", "commissions", "--set", "folder=extracts")
    assert done.returncode == code, done.stdout + done.stderr
    text = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert all(one in text for one in (*told, UNCHANGED, "firn run commissions")), text
    assert firn.production() == before


def rewritten(path: Path, old: bytes, new: bytes) -> bytes:
    """Change a file, and return what it was."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return content


def test_extracts_are_published_once_and_what_is_wrong_with_a_file_is_told(
    installation: Installation, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    firn, books = installation, installation.folder / "extracts"
    truth = generate(firn.folder, scale=0.0045, dirt=Dirt(banking=True))
    report = firn.json("run", "commissions", "--set", "folder=extracts")
    assert report["status"] == "published"
    rejected = sum(extract.rejects for extract in truth.extracts.values())
    assert (
        report["rows_read"] == sum(extract.rows for extract in truth.extracts.values()) - truth.dirt["rejected_ragged"]
    )
    assert report["tables"]["policies"] == truth.counts["policies"]
    assert report["tables"]["proposals"] == truth.counts["proposals"]
    assert report["tables"]["commission_rejects"] == rejected == sum(step["rejects"] for step in report["steps"][:10])
    assert set(report["strategies"].values()) == {"swap"}
    assert any("columns that are not read: BankRoutingNumber" in note for note in report["notes"])
    ((line, column, raw),) = firn.query(
        "select line, \"column\", raw from commission_rejects where reason = 'not_a_date' order by file, line limit 1"
    )
    file = next(path for path in books.iterdir() if path.name.startswith("CertificateInfo"))
    assert column == "CertEffectiveDate"
    assert raw in file.read_text(encoding="utf-8-sig").splitlines()[line - 1]

    assert firn.json("run", "commissions", "--set", "folder=extracts")["status"] == "unchanged"

    monkeypatch.delenv(SAS_TOKEN, raising=False)
    monkeypatch.setenv(CONNECTION_STRING, store.connection_string())
    for path in books.iterdir():
        store.put(path.name, path)
    shown = firn.production()
    again = firn.json("run", "commissions", "--set", f"blobs.container={store.name}", "--full-refresh")
    assert (again["status"], again["rows_read"]) == ("published", report["rows_read"])
    assert firn.production() == shown

    (books / "individual-roster-old.csv").write_bytes(OLDER)
    asked = firn.json("run", "commissions", "--set", "folder=extracts", "--set", "banking=true")
    assert asked["rows_read"] == report["rows_read"] + 1
    assert firn.query("select name, external_party_id from brokers where id = 77777") == [("Heron, Ida", "P077777")]
    accounts = "select count(*) > 0, bool_and(routing_number = '011000015') from broker_banking_infos"
    assert report["tables"]["broker_banking_infos"] == 0
    assert firn.query(accounts) == [(True, True)]
    assert not any("BankRoutingNumber" in note for note in asked["notes"])

    fees = next(path for path in books.iterdir() if path.name.startswith("Fees"))
    content = rewritten(fees, b"PRODUCTCAT", b"PRODUCTCATEGORY")
    refused(
        firn,
        f"{fees.name} does not have the columns of raw_fees",
        "missing: PRODUCTCAT (is it PRODUCTCATEGORY?)",
        code=3,
    )
    fees.write_bytes(content + b"1,\0\n")
    refused(firn, f"{fees.name} cannot be read: line {content.count(chr(10).encode()) + 1} holds a NUL byte")
    fees.unlink()
    before = firn.production()
    missing = firn.firn("run", "commissions", "--set", "folder=extracts")
    assert missing.returncode == 1
    assert "has no file for raw_fees: none matches Fees*.csv" in missing.stderr
    assert "--set patterns.raw_fees=" in missing.stderr
    assert firn.production() == before
