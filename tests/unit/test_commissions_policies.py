"""Each certificate is a policy under one proposal, or assigned to private hierarchies; never both, never neither."""

import inspect
from datetime import date
from decimal import Decimal

import polars as pl

from tests.unit.commission_chain import Frames, extracts, made, reasons, run, split, whole
from tests.unit.commission_tables import DAY
from transforms.commissions.policies import policies


def test_a_policy_says_what_the_lowest_row_of_its_first_split_says() -> None:
    row = {"company": "APL", "category": "Dental", "premium": Decimal("12.5"), "customer": "C9", "plan": "A"}
    other = {"company": "XYZ", "premium": Decimal(99), "customer": "C0", "plan": "A"}
    frames = made(split(1, 75, "50", 13, **other), split(1, 74, "50", 11, **row))
    expected = {
        "id": "1",
        "status": 0,
        "broker_id": 11,
        "group_id": "G25",
        "carrier_name": "APL",
        "product_code": "DEN",
        "product_name": "Dental - DEN",
        "plan_code": "A",
        "insured_name": "C9",
        "premium": Decimal("12.50"),
        "effective_date": DAY,
        "state": "TX",
    }
    assert frames["policies"].select(*expected).row(0, named=True) == expected


def test_what_a_certificate_does_not_say_is_not_made_up() -> None:
    policy = made(whole(1, writing_broker=None, state=None))["policies"]
    unknown = ("broker_id", "carrier_name", "premium", "state", "paid_through_date", "customer_id")
    assert policy.select(unknown).row(0) == (None,) * 6
    assert policy["insured_name"].item() == "Insured-1"


def test_of_rows_in_one_place_the_least_counts_whatever_their_order() -> None:
    rows = split(1, 1, "100", 11, company="B", premium=Decimal(1)) + split(1, 1, "100", 11, company="A")
    lines = extracts(rows + whole(2))
    turned = lines | {"certificate_lines": lines["certificate_lines"].reverse()}
    assert [run(frames)["policies"]["carrier_name"].to_list() for frames in (lines, turned)] == [["A", None]] * 2


def test_a_policy_is_paid_through_the_latest_day_that_was_paid() -> None:
    payments = [{"paid_to_date": date(2024, month, 1)} for month in (3, 5, 4)] + [{"paid_to_date": None}]
    assert made(whole(1), whole(2), payments=payments)["policies"]["paid_through_date"].to_list() == [
        date(2024, 5, 1),
        None,
    ]


def test_policies_without_a_group_are_assigned_to_private_hierarchies() -> None:
    frames = made(split(9, 1, "100", 11, 12, group_key=None))
    assert frames["policies"].select("group_id", "proposal_id").rows() == [("G00000", None)]
    assigned = frames["policy_hierarchy_assignments"]
    assert assigned.drop("is_non_conforming").rows() == [
        ("PHA-9-1", "9", 9, "H-PHA-9-1", Decimal("100.0000"), 11, 1, "DTC-NoGroup", 2)
    ]


def test_a_participant_of_a_policy_has_the_highest_rate_paid_and_who_is_paid() -> None:
    rows = split(1, 1, "100", 11, 12, group_key=None)
    rows[1] |= {"paid_broker": 77, "reassigned_type": "Assigned"}
    rates = [(12, "0.02", None), (12, "0.9", "0.03"), (12, None, None), (11, None, None), (99, "1", "1")]
    payments = [{"broker": b, "rate": r and Decimal(r), "real_rate": real and Decimal(real)} for b, r, real in rates]
    found = made(rows, payments=payments)["policy_hierarchy_participants"]
    assert found.select("id", "commission_rate", "paid_broker_id", "reassigned_type", "schedule_code").rows() == [
        ("PHA-1-1-L1", None, None, None, "S1"),
        ("PHA-1-1-L2", Decimal("0.0300"), 77, "Assigned", "S2"),
    ]


def unrouted(frames: Frames, *certificates: int) -> list[tuple[int, str | None, str | None]]:
    """What policies become of certificates that no step routed: certificate, proposal, source."""
    lost = pl.col("certificate").is_in(certificates)
    frames = frames | {name: frames[name].filter(~lost) for name in ("proposal_members", "routed_pha")}
    made_anew = policies(*(frames[name] for name in inspect.signature(policies).parameters))
    return made_anew.filter(lost).select("certificate", "proposal_id", "proposal_assignment_source").rows()


def test_certificates_that_were_never_routed_get_the_nearest_proposal_by_a_counted_fallback() -> None:
    frames = made(
        whole(1, effective_date=date(2020, 1, 1)),
        whole(2, 12, effective_date=date(2022, 1, 1)),
        whole(3, 13, product="VIS", effective_date=date(2021, 1, 1)),
        whole(4, effective_date=date(2019, 1, 1), split_percent=Decimal(1)),
        whole(5, effective_date=date(2023, 1, 1), split_percent=Decimal(1)),
        whole(6, product="LIFE", split_percent=Decimal(1)),
        whole(7, group_key="99", split_percent=Decimal(1)),
    )
    members = dict(frames["proposal_members"].iter_rows())
    assert set(reasons(frames)) == {4, 5, 6, 7}
    assert unrouted(frames, 4, 5, 6, 7) == [
        (4, members[1], "year_adjacent"),
        (5, members[2], "year_adjacent"),
        (6, members[2], "group_fallback"),
        (7, None, None),
    ]


def test_of_two_proposals_as_near_the_earlier_one_is_taken() -> None:
    contested = {"effective_date": date(2021, 1, 1)}
    frames = made(
        whole(1, effective_date=date(2020, 1, 1)), whole(2, 12, effective_date=date(2022, 1, 1)), whole(3, **contested)
    )
    # Both are 365 days away: the first ends on the second of January 2020, the second begins on the first of 2022.
    is_first = pl.col("effective_to").is_not_null()
    days = frames["proposal_key_mapping"].with_columns(effective_to=pl.when(is_first).then(pl.lit(date(2020, 1, 3))))
    members = dict(frames["proposal_members"].iter_rows())
    assert unrouted(frames | {"proposal_key_mapping": days}, 3) == [(3, members[1], "year_adjacent")]


def test_no_fallback_is_ever_needed_when_every_certificate_is_routed() -> None:
    sources = made(whole(1), split(2, 1, "9", 11), whole(3, group_key=None))["policies"]["proposal_assignment_source"]
    assert sources.to_list() == ["exact", None, None]
