"""A certificate of which a record was rejected is no agreement, whatever is left of it: nothing may be paid by that."""

from tests.unit.commission_chain import breaches, made, reasons, split, whole
from transforms.commissions.hierarchies import HierarchyStatus

CUT = (split(1, 1, "100", 11, 12, 13), split(2, 1, "100", 11, 12, 13)[:2], whole(3, group_key="26"))
"""Two certificates of one agreement; the record of the highest upline of the second was rejected."""


def test_without_the_rule_a_chain_that_was_cut_would_be_an_agreement_and_the_check_would_find_it() -> None:
    frames = made(*CUT[1:])
    assert reasons(frames) == {}
    incomplete = made(*CUT[1:], incomplete=[2])["incomplete_certificates"]
    ((home,),) = frames["policies"].filter(certificate=2).select("proposal_id").rows()
    assert frames["premium_split_versions"].filter(proposal_id=home)["total_split_percent"].to_list() == [100]
    found = breaches(frames | {"incomplete_certificates": incomplete}, "incomplete_suspended")
    assert found == [("policies", "2", "a proposal, though a record was rejected")]


def test_it_gets_suspended_hierarchies_of_the_rows_that_were_read_and_contests_no_agreement() -> None:
    frames = made(*CUT, incomplete=[2, None, 4])
    assert reasons(frames) == {2: "RejectedRecords"}
    assert frames["policy_hierarchy_assignments"].select("id", "entry_type").rows() == [("PHA-2-1", 5)]
    suspended = frames["hierarchies"].filter(status=HierarchyStatus.SUSPENDED.value)
    assert suspended["id"].to_list() == ["H-PHA-2-1"]
    versions = frames["hierarchy_versions"].filter(status=HierarchyStatus.SUSPENDED.value)
    assert versions["hierarchy_id"].to_list() == ["H-PHA-2-1"]
    people = frames["hierarchy_participants"].filter(hierarchy_version_id=suspended["current_version_id"].item())
    assert people["broker_id"].to_list() == [11, 12]


def test_it_is_told_as_incomplete_whatever_else_its_other_rows_seem_to_say() -> None:
    cases = (
        whole(1, group_key=None),
        whole(2, group_key="27"),
        split(3, 1, "50", 11),
        whole(4, writing_broker=None),
        split(5, 1, "100", 11)[0:1] + split(5, 1, "50", 12),
    )
    frames = made(*cases, incomplete=range(1, 6), excluded_groups=("G27",))
    assert set(reasons(frames).values()) == {"RejectedRecords"}
    assert len(reasons(frames)) == 5
    assert frames["group_conformance"]["group_id"].to_list() == ["G25"]


def test_hierarchies_that_are_suspended_for_no_reason_are_found_and_so_are_those_that_are_not() -> None:
    frames = made(*CUT, incomplete=[2])
    table = frames["incomplete_certificates"]
    told = {key for _, key, _ in breaches(frames | {"incomplete_certificates": table.clear()}, "incomplete_suspended")}
    assert told == {"H-PHA-2-1"}
    for name in ("hierarchies", "hierarchy_versions"):
        active = frames[name].with_columns(status=HierarchyStatus.ACTIVE.value)
        ((found, _, breach),) = breaches(frames | {name: active}, "incomplete_suspended")
        assert (found, breach) == (name, "not suspended, though a record was rejected")
