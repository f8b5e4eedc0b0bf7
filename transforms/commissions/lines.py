"""The typed lines of the extracts, and what became of every record that was read.

Text is trimmed; blank and ``NULL`` are null. A record whose bad value is needed is rejected as a whole; another bad
value is null in its line and counted, and one that is read otherwise than it is written is counted, too. ``line`` is
the line of the file on which the record begins; the header is on line 1. Lines of one table may come from several
files, so ``line`` is no key; where a line may have to be found again, ``file`` is beside it.
"""

from __future__ import annotations

from typing import Final

import dataframely as dy

__all__ = [
    "REASONS",
    "YEARS",
    "Accounting",
    "CertificateLines",
    "CommissionLines",
    "EoLines",
    "Extract",
    "FeeLines",
    "IndividualLines",
    "LicenseLines",
    "OrganizationLines",
    "PerfGroupLines",
    "PremiumLines",
    "RaggedRecords",
    "Rejects",
    "ScheduleLines",
]

REASONS: Final = {
    "ragged": "as many cells as the header has",
    "missing": "a value",
    "not_a_date": "a date, YYYY-MM-DD or MM/DD/YYYY",
    "not_a_number": "a number",
    "not_whole": "a whole number",
    "out_of_range": "a number that the column has room for",
    "not_a_broker": "P and digits, or digits",
    "not_a_group": "a number without a blank inside, and at most one G before it",
    "not_a_code": "a code without a blank inside",
    "not_a_state": "two letters, or the name of a state",
}
"""Why a record may be rejected, and what was expected instead."""

YEARS: Final = (*range(1, 17), 66, 99)
"""The policy years that a schedule has a rate for: 16 stands for 16 to 65, 66 for 66 to 98, 99 for all later ones."""


# --- What arrives -----------------------------------------------------------------------------------------------------


class Extract(dy.Schema):
    """The file that a part is; one row.

    Attributes:
        file: Its path in the folder or container.
        table: The raw table that it belongs to.
        records: Records below the header, ragged ones included.
        unread: Headers of columns that no table has, with commas between them.
    """

    file = dy.String(nullable=False)
    table = dy.String(nullable=False)
    records = dy.Int64(nullable=False)
    unread = dy.String(nullable=False)


class RaggedRecords(dy.Schema):
    """The records that have more or fewer cells than the header.

    Attributes:
        line: The line on which the record begins.
        cells: How many it has.
        header: How many the header has.
        raw: The record; null where it may not be shown.
        texts: What stands where the columns of the extract have to, in their order; null where the record has ended.
    """

    line = dy.Int64(nullable=False)
    cells = dy.Int64(nullable=False)
    header = dy.Int64(nullable=False)
    raw = dy.String(nullable=True)
    texts = dy.List(dy.String(nullable=True), nullable=False)


# --- What becomes of it -----------------------------------------------------------------------------------------------


class Rejects(dy.Schema):
    """A record that no table takes.

    Attributes:
        file: The file.
        line: The line on which the record begins.
        table: The raw table.
        column: The header of the column whose value is the reason; empty for a record that is ragged.
        raw: The value as the file has it, or the record where it is ragged; null where there is none.
        reason: One of ``REASONS``.
    """

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    table = dy.String(nullable=False)
    column = dy.String(nullable=False)
    raw = dy.String(nullable=True)
    reason = dy.String(nullable=False)


class Accounting(dy.Schema):
    """How many records of a file became what.

    Attributes:
        file: The file.
        table: The raw table.
        figure: ``records_read``, ``records_active``, ``records_historical``, ``records_repeated``,
            ``records_rejected``, ``cells_nulled``, ``cells_rounded`` or ``cells_recoded``.
        item: The reason of a rejection, or the header of cells nulled, rounded or recoded; else empty.
        count: How many.
    """

    file = dy.String(nullable=False)
    table = dy.String(nullable=False)
    figure = dy.String(nullable=False)
    item = dy.String(nullable=False)
    count = dy.Int64(nullable=False)


class CertificateLines(dy.Schema):
    """The current records of certificates: one for each certificate, split and broker level.

    Attributes:
        group_key: As ``group_key`` makes it; null for a certificate without a group.
        plan: As ``plan_key`` makes it: ``*`` for none.
        split_seq: Only its order among the splits of a certificate means anything.
        split_percent: The share of the split, the same on all its levels.
        writing_broker: Null where it is missing or not numeric.
        broker: Who earns at this level; null where it is missing.
        level: 1 is the writing level.
        paid_broker: Who is paid.
    """

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    company = dy.String(nullable=True)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    group_key = dy.String(nullable=True)
    product = dy.String(nullable=False)
    plan = dy.String(nullable=False)
    certificate = dy.Int64(nullable=False)
    effective_date = dy.Date(nullable=False)
    state = dy.String(nullable=True)
    premium = dy.Decimal(18, 2, nullable=True)
    split_seq = dy.Int32(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=True)
    customer = dy.String(nullable=True)
    hier_driver = dy.String(nullable=True)
    hier_version = dy.String(nullable=True)
    schedule = dy.String(nullable=True)
    commission_type = dy.String(nullable=True)
    writing_broker = dy.Int64(nullable=True)
    broker = dy.Int64(nullable=True)
    level = dy.Int32(nullable=False)
    reassigned_type = dy.String(nullable=True)
    paid_broker = dy.Int64(nullable=True)


class CommissionLines(dy.Schema):
    """One line per commission payment."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    company = dy.String(nullable=True)
    certificate = dy.Int64(nullable=False)
    effective_date = dy.Date(nullable=True)
    broker = dy.Int64(nullable=True)
    posted_date = dy.Date(nullable=False)
    paid_to_date = dy.Date(nullable=True)
    amount = dy.Decimal(18, 2, nullable=False)
    transaction_type = dy.String(nullable=True)
    invoice = dy.String(nullable=True)
    in_force_months = dy.Int32(nullable=True)
    rate = dy.Decimal(18, 4, nullable=True)
    real_rate = dy.Decimal(18, 4, nullable=True)
    paid_broker = dy.Int64(nullable=True)
    credit_card_type = dy.String(nullable=True)
    transaction_id = dy.String(nullable=True)


class PremiumLines(dy.Schema):
    """One line per premium posting; ``certificate`` is the column Policy."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    company = dy.String(nullable=True)
    group_key = dy.String(nullable=True)
    certificate = dy.Int64(nullable=False)
    old_policy = dy.String(nullable=True)
    last_name = dy.String(nullable=True)
    first_name = dy.String(nullable=True)
    product = dy.String(nullable=True)
    master_category = dy.String(nullable=True)
    category = dy.String(nullable=True)
    pay_mode = dy.String(nullable=True)
    state = dy.String(nullable=True)
    division = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    posted_date = dy.Date(nullable=False)
    paid_to_date = dy.Date(nullable=True)
    amount = dy.Decimal(18, 2, nullable=False)
    transaction_type = dy.String(nullable=True)
    invoice = dy.String(nullable=True)
    commission_type = dy.String(nullable=True)
    group_name = dy.String(nullable=True)
    split_percent = dy.Decimal(18, 4, nullable=True)
    commission_hierarchy = dy.String(nullable=True)
    sales_hierarchy = dy.String(nullable=True)
    record = dy.Int64(nullable=True)


class IndividualLines(dy.Schema):
    """One line per person of the roster; a broker may be there twice. ``party`` is its number as it is delivered."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    broker = dy.Int64(nullable=False)
    party = dy.String(nullable=False)
    last_name = dy.String(nullable=True)
    first_name = dy.String(nullable=True)
    hire_date = dy.Date(nullable=True)
    email = dy.String(nullable=True)
    status = dy.String(nullable=True)
    broker_type = dy.String(nullable=True)
    bank_routing = dy.String(nullable=True)
    bank_account = dy.String(nullable=True)
    bank_account_type = dy.String(nullable=True)


class OrganizationLines(dy.Schema):
    """One line per organization of the roster; ``party`` is its number as it is delivered."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    broker = dy.Int64(nullable=False)
    party = dy.String(nullable=False)
    name = dy.String(nullable=True)
    hire_date = dy.Date(nullable=True)
    email = dy.String(nullable=True)
    status = dy.String(nullable=True)
    bank_routing = dy.String(nullable=True)
    bank_account = dy.String(nullable=True)
    bank_account_type = dy.String(nullable=True)


class LicenseLines(dy.Schema):
    """One line per licence of a broker in a state; ``is_residence`` is null where it says neither yes nor no."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    broker = dy.Int64(nullable=False)
    state = dy.String(nullable=True)
    status = dy.String(nullable=True)
    code = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    expiration_date = dy.Date(nullable=True)
    is_residence = dy.Bool(nullable=True)
    number = dy.String(nullable=True)
    county = dy.String(nullable=True)


class EoLines(dy.Schema):
    """One line per errors-and-omissions insurance of a broker."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    broker = dy.Int64(nullable=False)
    carrier = dy.String(nullable=True)
    policy = dy.String(nullable=True)
    from_date = dy.Date(nullable=True)
    to_date = dy.Date(nullable=True)
    deductible = dy.Decimal(18, 2, nullable=True)
    claim_max = dy.Decimal(18, 2, nullable=True)
    annual_max = dy.Decimal(18, 2, nullable=True)
    policy_max = dy.Decimal(18, 2, nullable=True)
    liability_limit = dy.Decimal(18, 2, nullable=True)


class ScheduleLines(dy.Schema):
    """One line per schedule, product, state and group size; a rate per policy year, null where there is none.

    ``state`` is null for all states, so text that is no state rejects the record.
    """

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    schedule = dy.String(nullable=False)
    description = dy.String(nullable=True)
    category = dy.String(nullable=True)
    product = dy.String(nullable=True)
    off_group_letter = dy.String(nullable=True)
    state = dy.String(nullable=True)
    size_from = dy.Int32(nullable=True)
    size_to = dy.Int32(nullable=True)
    size = dy.String(nullable=True)
    start_date = dy.Date(nullable=True)
    end_date = dy.Date(nullable=True)
    series_type = dy.String(nullable=True)
    special_offer = dy.String(nullable=True)
    year_1 = dy.Decimal(18, 6, nullable=True)
    year_2 = dy.Decimal(18, 6, nullable=True)
    year_3 = dy.Decimal(18, 6, nullable=True)
    year_4 = dy.Decimal(18, 6, nullable=True)
    year_5 = dy.Decimal(18, 6, nullable=True)
    year_6 = dy.Decimal(18, 6, nullable=True)
    year_7 = dy.Decimal(18, 6, nullable=True)
    year_8 = dy.Decimal(18, 6, nullable=True)
    year_9 = dy.Decimal(18, 6, nullable=True)
    year_10 = dy.Decimal(18, 6, nullable=True)
    year_11 = dy.Decimal(18, 6, nullable=True)
    year_12 = dy.Decimal(18, 6, nullable=True)
    year_13 = dy.Decimal(18, 6, nullable=True)
    year_14 = dy.Decimal(18, 6, nullable=True)
    year_15 = dy.Decimal(18, 6, nullable=True)
    year_16 = dy.Decimal(18, 6, nullable=True)
    year_66 = dy.Decimal(18, 6, nullable=True)
    year_99 = dy.Decimal(18, 6, nullable=True)
    level = dy.Decimal(18, 6, nullable=True)


class FeeLines(dy.Schema):
    """One line per fee of a group; ``formatted_amount`` is a share, 0.03 for 3 %, where the fee is one."""

    file = dy.String(nullable=False)
    line = dy.Int64(nullable=False)
    group_key = dy.String(nullable=False)
    category = dy.String(nullable=True)
    frequency = dy.String(nullable=True)
    amount = dy.Decimal(18, 4, nullable=True)
    formatted_amount = dy.Decimal(18, 6, nullable=True)
    kind = dy.String(nullable=True)
    end_date = dy.Date(nullable=True)
    start_date = dy.Date(nullable=True)
    maintenance = dy.String(nullable=True)
    method = dy.String(nullable=True)
    formatted_method = dy.String(nullable=True)
    persist_period = dy.String(nullable=True)
    record = dy.String(nullable=True)
    type = dy.String(nullable=True)
    broker = dy.Int64(nullable=True)


class PerfGroupLines(dy.Schema):
    """What the performance system knows of a group; several lines a group."""

    line = dy.Int64(nullable=False)
    group_key = dy.String(nullable=False)
    name = dy.String(nullable=True)
    state = dy.String(nullable=True)
    size = dy.String(nullable=True)
    broker = dy.Int64(nullable=True)
    reports_to = dy.Int64(nullable=True)
    agency = dy.String(nullable=True)
    product = dy.String(nullable=True)
    effective_date = dy.Date(nullable=True)
    funding = dy.String(nullable=True)
    commission_table = dy.String(nullable=True)
    fee_agreement = dy.String(nullable=True)
