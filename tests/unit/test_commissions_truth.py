"""Of invented extracts, what becomes of each certificate is what whoever invented them says."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from benchmarks.commissions_source import HEADERS, Truth, generate
from sources.csv_headers import Layout
from sources.csvs import Csvs
from tests.unit.commission_chain import Frames, extracts, run
from transforms.commissions.typed_lines import CertificateRecords, certificate_lines

if TYPE_CHECKING:
    import dataframely as dy

    from transforms.commissions.lines import Extract, RaggedRecords

RAW = "raw_certificate_info"


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("commissions"), scale=0.01, seed=3)


@pytest.fixture(scope="module")
def frames(truth: Truth) -> Frames:
    made = typed(truth.path)
    rates = [{"schedule": code} for code in made.typed_certificates["schedule"].drop_nulls().unique().sort()]
    return run(extracts(rates) | made._asdict() | {"certificate_lines": made.typed_certificates})


def typed(folder: Path) -> CertificateRecords:
    """The typed lines of certificates, and which of them are incomplete."""
    layout = Layout(RAW, tuple(HEADERS[RAW]))
    tables = Csvs(folder=folder, layouts=(layout,), patterns={RAW: "CertificateInfo*.csv"}).tables()
    raw = {table.name: table.frame.collect() for table in tables}
    extract = cast("dy.DataFrame[Extract]", raw["extract"])
    return certificate_lines(raw[RAW], extract, cast("dy.DataFrame[RaggedRecords]", raw["ragged"]))


def test_every_certificate_is_routed_for_the_reason_it_was_made_with(truth: Truth, frames: Frames) -> None:
    expected = truth.certificates().select("certificate", "reason").collect()
    found = frames["cert_configs"].select("certificate").join(frames["routed_pha"], on="certificate", how="left")
    assert found.select("certificate", "reason").equals(expected.sort("certificate"))
    assert frames["routed_pha"]["reason"].n_unique() > 2


def test_proposals_are_those_that_were_made_with_their_members_days_and_pairs(truth: Truth, frames: Frames) -> None:
    certificates = truth.certificates().collect().drop_nulls("proposal")
    members = certificates.join(frames["proposal_members"], on="certificate", how="full", coalesce=True)
    twins = members.select("proposal", "proposal_id").unique()
    assert twins.null_count().row(0) == (0, 0)
    assert twins["proposal"].n_unique() == twins["proposal_id"].n_unique() == twins.height
    days = twins.join(truth.proposals().collect(), on="proposal").sort("proposal_id")
    proposals = frames["proposals"].sort("id")
    assert days["proposal_id"].to_list() == proposals["id"].to_list()
    assert days.select("start", "until").rows() == proposals.select("effective_from", "effective_to").rows()
    pairs = truth.proposal_pairs().collect().join(twins, on="proposal").select("proposal_id", "product", "plan")
    sold = frames["proposal_products"].select("proposal_id", "product_code", "plan_code")
    assert sorted(pairs.rows()) == sorted(sold.rows())


def test_hierarchies_have_the_brokers_that_were_made(truth: Truth, frames: Frames) -> None:
    counts = truth.counts
    assert frames["premium_split_participants"].height == counts["proposal_splits"]
    assert frames["policy_hierarchy_assignments"].height == counts["pha_splits"]
    assert frames["policy_hierarchy_participants"].height == counts["pha_lines"]
    assert frames["hierarchy_participants"].height == counts["proposal_lines"] + counts["pha_lines"]
