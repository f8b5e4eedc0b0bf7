"""What the commission transforms must make of small data, told again slowly: plain Python, no frames, nothing of firn.

It is written from the rules in the docstrings of ``transforms/commissions``, not from their code.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import math
import re
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DIRECT = "G00000"
WIDE = Context(prec=60)
Row = TypeVar("Row")
Key = TypeVar("Key")
Level = tuple[int, int | None, str | None]
Pair = tuple[str, str]


class Entropy(NamedTuple):
    """From where on the configurations of a group are too scattered for proposals."""

    unique_ratio: float = 0.2
    shannon: float = 5.0
    dominant_share: float = 0.5
    cluster_size: int = 3


class Rules(NamedTuple):
    """What the settings ask for; ``incomplete`` are the certificates of which a record was rejected."""

    excluded_groups: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()
    entropy: Entropy | None = None
    bridge_gaps: bool = False
    seq_sensitive: bool = False
    collapse_single_state: bool = False
    incomplete: frozenset[int | None] = frozenset()


USUAL = Rules()


class Line(NamedTuple):
    """An active row of a certificate."""

    certificate: int
    effective_date: dt.date
    product: str
    plan: str
    split_seq: int
    level: int
    group_key: str | None
    state: str | None
    split_percent: Decimal | None
    broker: int | None
    schedule: str | None
    writing_broker: int | None
    paid_broker: int | None = None
    reassigned_type: str | None = None
    premium: Decimal | None = None


# --- Typing -----------------------------------------------------------------------------------------------------------

NEEDED = {
    "GroupId": "group",
    "Product": "code",
    "CertificateId": "int64",
    "CertEffectiveDate": "date",
    "CertSplitSeq": "int32",
    "SplitBrokerSeq": "int32",
}
REFUSED = {"CertSplitPercent": "number", "SplitBrokerId": "broker", "PaidBrokerId": "broker"}
MAY_MISS = {"GroupId", *REFUSED}
COLUMNS = 24


class Typed(NamedTuple):
    """What became of the records of a certificate file, by the lines on which they begin.

    ``incomplete`` has the certificate of each rejected record, and null where it cannot be told, or not for sure.
    """

    lines: dict[int, Line]
    rejects: dict[int, tuple[str, str]]
    incomplete: set[tuple[int, int | None]]
    historical: int
    repeated: int


def type_certificates(text: str) -> Typed:
    """Type the records of a file; one that says all that an earlier one says is repeated."""
    reader = csv.reader(text.splitlines(keepends=True))
    header = next(reader)
    lines: dict[int, Line] = {}
    rejects: dict[int, tuple[str, str]] = {}
    incomplete: set[tuple[int, int | None]] = set()
    seen: list[tuple[Any, ...]] = []
    historical = repeated = 0
    line = reader.line_num + 1
    for record in reader:
        here, line = line, reader.line_num + 1
        if len(record) < len(header) or any(record[len(header) :]):
            rejects[here] = ("", "ragged")
            incomplete |= {(here, one) for one in told_by(record, header)}
            continue
        cells = dict(zip(header, map(filled, record), strict=False))
        if not is_current(cells):
            historical += 1
        elif (bad := first_bad(cells)) is not None:
            rejects[here] = bad
            incomplete.add((here, whole_of(cells["CertificateId"], 64)))
        else:
            made, rest = typed(cells)
            if (made, rest) in seen:
                repeated += 1
            else:
                seen.append((made, rest))
                lines[here] = made
    return Typed(lines, rejects, incomplete, historical, repeated)


def told_by(record: Sequence[str], header: Sequence[str]) -> set[int | None]:
    """Find of whom a ragged record is: a whole number and a date stand where they should.

    With cells too many it may be two records, and where columns are not known their dates may stand there.
    """
    cells = dict(zip(header, map(filled, record), strict=False))
    number, date = whole_of(cells.get("CertificateId"), 64), cells.get("CertEffectiveDate")
    told = number if date is not None and date_of(date) else None
    return {told} | ({None} if len(record) > len(header) or len(header) > COLUMNS else set())


def whole_of(text: str | None, bits: int) -> int | None:
    return int(Decimal(text)) if text is not None and why_not_whole(text, bits) is None else None


def is_current(cells: dict[str, str | None]) -> bool:
    record, certificate = ((cells[name] or "").upper() for name in ("RecStatus", "CertStatus"))
    return record == "A" and certificate in {"A", "ACTIVE"}


def filled(text: str) -> str | None:
    trimmed = text.strip()
    return None if trimmed in {"", "NULL"} else trimmed


def first_bad(cells: dict[str, str | None]) -> tuple[str, str] | None:
    """Find the first column that is needed and has no value, in the order of the file, and why; some may miss."""
    kinds = NEEDED | REFUSED
    for column in [name for name in cells if name in kinds]:
        text = cells[column]
        if text is None and column not in MAY_MISS:
            return column, "missing"
        if text is not None and (why := why_not(text, kinds[column])) is not None:
            return column, why
    return None


def why_not(text: str, kind: str) -> str | None:
    """Say why text is no value of a kind."""
    if kind.startswith("int"):
        return why_not_whole(text, int(kind[3:]))
    if kind == "number":
        why = "not_a_number" if number_of(text) is None else "out_of_range"
        return why if decimal_of(text, 4) is None else None
    good = {
        "group": re.fullmatch(r"[^\sG]\S*", group_of(text) or ""),
        "code": not re.search(r"\s", text),
        "date": date_of(text),
        "broker": broker_of(text) is not None,
    }
    return None if good[kind] else f"not_a_{kind}"


def why_not_whole(text: str, bits: int) -> str | None:
    number = number_of(text)
    if number is None:
        return "not_a_number"
    if number != number.to_integral_value():
        return "not_whole"
    return None if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else "out_of_range"


def number_of(text: str) -> Decimal | None:
    try:
        return Decimal(text) if re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", text) else None
    except InvalidOperation:
        return None


def decimal_of(text: str | None, places: int) -> Decimal | None:
    """Read a number of at most 18 digits, so many of them behind the point."""
    number = number_of(text) if text is not None else None
    if number is None or abs(number) >= 10 ** (18 - places):
        return None
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, WIDE)


def date_of(text: str) -> dt.date | None:
    day = re.sub(r"([ T]00:00(:00(\.0+)?)?| 0?0:00(:00)?| 12:00:00 AM)$", "", text)
    iso = re.fullmatch(r"([1-9]\d{3})-(\d{2})-(\d{2})", day)
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/([1-9]\d{3})", day)
    try:
        if iso:
            return dt.date(*map(int, iso.groups()))
        if american:
            month, day, year = map(int, american.groups())
            return dt.date(year, month, day)
    except ValueError:
        pass
    return None


def broker_of(text: str | None) -> int | None:
    found = re.fullmatch(r"P?([0-9]{1,18})", text or "")
    return int(found[1]) if found else None


def state_of(text: str | None) -> str | None:
    """Read a state: two letters, or one of the names that files are drawn with."""
    said = (text or "").upper()
    if re.fullmatch("[A-Z]{2}", said):
        return said
    return {"TEXAS": "TX", "NEW YORK": "NY"}.get(" ".join(said.split()))


def group_of(text: str | None) -> str | None:
    return filled(text.removeprefix("G")) if text is not None else None


def typed(cells: dict[str, str | None]) -> tuple[Line, tuple[Any, ...]]:
    """Read a record whose needed values are good: its line, and what else it says."""
    plan = cells["PlanCode"]
    line = Line(
        certificate=int(Decimal(str(cells["CertificateId"]))),
        effective_date=date_of(str(cells["CertEffectiveDate"])) or dt.date.min,
        product=str(cells["Product"]),
        plan="*" if plan in {None, "N/A"} else str(plan),
        split_seq=int(Decimal(str(cells["CertSplitSeq"]))),
        level=int(Decimal(str(cells["SplitBrokerSeq"]))),
        group_key=group_of(cells["GroupId"]),
        state=state_of(cells["CertIssuedState"]),
        split_percent=decimal_of(cells["CertSplitPercent"], 4),
        broker=broker_of(cells["SplitBrokerId"]),
        schedule=cells["CommissionsSchedule"],
        writing_broker=broker_of(cells["WritingBrokerID"]),
        paid_broker=broker_of(cells["PaidBrokerId"]),
        reassigned_type=cells["ReassignedType"],
        premium=decimal_of(cells["CertPremium"], 2),
    )
    others = ("Company", "ProductMasterCategory", "ProductCategory", "CustomerId", "HierDriver", "HierVersion")
    return line, tuple(cells[name] for name in (*others, "CommissionType"))


# --- Configurations ---------------------------------------------------------------------------------------------------


class Certificate(NamedTuple):
    """A certificate; ``config`` is null where its rows contradict one another."""

    certificate: int
    group_id: str
    effective_date: dt.date
    product: str
    plan: str
    state: str | None
    config: str | None
    total: Decimal | None
    names_brokers: bool


class Split(NamedTuple):
    """A split of a configuration: its percent, and who earns on each level, from the lowest up; its number if asked."""

    percent: Decimal | None
    levels: tuple[Level, ...]
    seq: int | None = None

    @property
    def text(self) -> str:
        rows = ["\t".join("" if cell is None else str(cell) for cell in level) for level in self.levels]
        number = "" if self.seq is None else f"{self.seq}\t"
        return "\n".join([number + ("" if self.percent is None else f"{self.percent:.4f}"), *rows])


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    found: defaultdict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(found)


def group_id(key: str | None) -> str:
    bare = key.removeprefix("G") if key else ""
    return DIRECT if not bare.strip("0") else f"G{bare}"


def split_configs(
    lines: Iterable[Line], *, seq_sensitive: bool = False
) -> tuple[dict[int, Certificate], dict[str, list[Split]]]:
    """Describe each certificate, and say what each configuration means, its splits in canonical order."""
    certificates, configs = {}, {}
    for number, rows in grouped(lines, lambda line: line.certificate).items():
        splits = sorted(splits_of(rows, numbered=seq_sensitive), key=lambda split: (split.seq or 0, split.text))
        sound = all(map(is_sound, splits)) and len(splits) == len({row.split_seq for row in rows})
        digest = sha256("\n\n".join(split.text for split in splits))
        terms, is_one = terms_of(rows)
        if sound and is_one:
            configs[digest] = splits
        percents = [split.percent for split in splits]
        certificates[number] = Certificate(
            number,
            **terms,
            config=digest if sound and is_one else None,
            total=None if None in percents else sum(filter(None, percents), Decimal(0)),
            names_brokers=all(row.broker is not None for row in rows)
            and all(row.writing_broker is not None for row in rows if row.level == 1),
        )
    return certificates, configs


def splits_of(rows: Iterable[Line], *, numbered: bool) -> list[Split]:
    """Gather the splits of a certificate; one whose percents differ makes several."""
    levels: defaultdict[tuple[int, Decimal | None], set[Level]] = defaultdict(set)
    for row in rows:
        levels[row.split_seq, row.split_percent].add((row.level, row.broker, row.schedule))
    return [
        Split(percent, tuple(sorted(found, key=str_key)), seq if numbered else None)
        for (seq, percent), found in levels.items()
    ]


def str_key(level: Level) -> tuple[int, int, str]:
    return level[0], -1 if level[1] is None else level[1], level[2] or ""


def is_sound(split: Split) -> bool:
    numbers = [level for level, _, _ in split.levels]
    return 1 in numbers and len(set(numbers)) == len(numbers)


def terms_of(rows: Sequence[Line]) -> tuple[dict[str, Any], bool]:
    """Say what rows agree on and whether they do; if not, what the row of the lowest split and level says."""
    named = {
        "group_id": {group_id(row.group_key) for row in rows} - {DIRECT},
        "effective_date": {row.effective_date for row in rows},
        "product": {row.product for row in rows},
        "plan": {row.plan for row in rows} - {"*"},
        "state": {row.state for row in rows} - {None},
    }
    if any(len(values) > 1 for values in named.values()):
        first = min(rows, key=first_told)._asdict()
        return {**{name: first[name] for name in list(named)[1:]}, "group_id": group_id(first["group_key"])}, False
    missing = {"group_id": DIRECT, "plan": "*", "state": None}
    return {name: next(iter(values), missing.get(name)) for name, values in named.items()}, True


def first_told(row: Line) -> tuple[Any, ...]:
    """Order rows by split and level, then by what they say; what is missing comes last."""
    said = (row.group_key, row.effective_date, row.product, row.plan, row.state)
    return (row.split_seq, row.level, *((one is None, "" if one is None else str(one)) for one in said))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()


# --- Routing and proposals --------------------------------------------------------------------------------------------


def routes(certificates: Iterable[Certificate], rules: Rules) -> dict[int, str | None]:
    """Find why a certificate stands under no proposal; null where it stands under one."""
    found = {one.certificate: own_reason(one, rules) for one in certificates}
    left = [one for one in certificates if found[one.certificate] is None]
    for same in grouped(left, lambda one: (one.group_id, one.effective_date, one.product, one.plan)).values():
        if len({one.config for one in same}) > 1:
            found |= {one.certificate: "MultipleConfigs" for one in same}
    if rules.entropy is not None:
        left = [one for one in left if found[one.certificate] is None]
        for of_group in grouped(left, lambda one: one.group_id).values():
            found |= scatter(of_group, rules.entropy)
    return found


def own_reason(one: Certificate, rules: Rules) -> str | None:
    name = f"Group {one.group_id[1:]}"
    found = {
        "RejectedRecords": one.certificate in rules.incomplete,
        "DTC-NoGroup": one.group_id == DIRECT,
        "Excluded": one.group_id in rules.excluded_groups or name.startswith(rules.excluded_names or ("\0",)),
        "InconsistentLines": one.config is None,
        "CertificateSplitMismatch": one.total != Decimal(100),
        "InvalidBroker": not one.names_brokers,
    }
    return next((reason for reason, holds in found.items() if holds), None)


def scatter(of_group: Sequence[Certificate], limits: Entropy) -> dict[int, str | None]:
    """Judge the certificates of a group by how scattered their configurations are."""
    sizes = Counter(str(one.config) for one in of_group)
    total = len(of_group)
    shannon = -sum(size / total * math.log2(size / total) for size in sizes.values())
    ratio, share = round(len(sizes) / total, 9), round(max(sizes.values()) / total, 9)
    if ratio > limits.unique_ratio or round(shannon, 9) > limits.shannon or share < limits.dominant_share:
        return {one.certificate: "BusinessDrivenEntropy" for one in of_group}
    small = [one for one in of_group if sizes[str(one.config)] < limits.cluster_size]
    return {one.certificate: "HumanErrorOutlier" for one in small}


class Run(NamedTuple):
    """A configuration that a group has from a day on, until another day or for good."""

    group_id: str
    config: str
    start: dt.date
    until: dt.date | None


class Proposal(NamedTuple):
    """A run of some products and plans, and the certificates that stand under it."""

    run: Run
    pairs: frozenset[Pair]
    members: frozenset[int]

    @property
    def id(self) -> str:
        pairs = sorted(f"{product}\t{plan}" for product, plan in self.pairs)
        until = "" if self.run.until is None else str(self.run.until)
        said = "\n".join([self.run.config, str(self.run.start), until, *pairs])
        return f"P-{self.run.group_id}-{sha256(said)[:16]}"


def proposals(routed: Iterable[Certificate], *, bridge_gaps: bool = False) -> list[Proposal]:
    """Make the proposals of the certificates that stand under one."""
    found = []
    for group, of_group in grouped(routed, lambda one: one.group_id).items():
        if len(configs := {str(one.config) for one in of_group}) == 1:
            run = Run(group, configs.pop(), min(one.effective_date for one in of_group), None)
            found.append(Proposal(run, frozenset({("*", "*")}), frozenset(one.certificate for one in of_group)))
        else:
            found.extend(differentiated(of_group, bridge_gaps=bridge_gaps))
    return found


def differentiated(of_group: Sequence[Certificate], *, bridge_gaps: bool) -> list[Proposal]:
    pairs: defaultdict[Run, set[Pair]] = defaultdict(set)
    members: defaultdict[Run, set[int]] = defaultdict(set)
    cut = {pair: runs(of_pair) for pair, of_pair in grouped(of_group, lambda one: (one.product, one.plan)).items()}
    begun: defaultdict[tuple[str, dt.date | None], list[dt.date]] = defaultdict(list)
    for run, _ in (each for of_pair in cut.values() for each in of_pair):
        begun[run.config, run.until].append(run.start)
    for pair, of_pair in cut.items():
        for number, (own, of_run) in enumerate(of_pair):
            together = bridge_gaps and number == 0
            run = own._replace(start=min(begun[own.config, own.until])) if together else own
            pairs[run].add(pair)
            members[run] |= of_run
    return [Proposal(run, frozenset(pairs[run]), frozenset(members[run])) for run in pairs]


def runs(of_pair: Sequence[Certificate]) -> list[tuple[Run, set[int]]]:
    """Cut the days of a pair where the configuration changes."""
    found: list[tuple[Run, set[int]]] = []
    for one in sorted(of_pair, key=lambda one: one.effective_date):
        if found and found[-1][0].config == one.config:
            found[-1][1].add(one.certificate)
            continue
        if found:
            found[-1] = (found[-1][0]._replace(until=one.effective_date), found[-1][1])
        found.append((Run(one.group_id, str(one.config), one.effective_date, None), {one.certificate}))
    return found


# --- Hierarchies ------------------------------------------------------------------------------------------------------


class Chain(NamedTuple):
    """A hierarchy: who earns on each level, and the certificates for which it is paid."""

    id: str
    rows: frozenset[tuple[int, int | None, str | None, Decimal | None]]
    members: frozenset[int]
    suspended: bool = False


def chains(
    made: Iterable[Proposal],
    configs: dict[str, list[Split]],
    lines: Iterable[Line],
    reasons: dict[int, str | None],
) -> list[Chain]:
    """Make the chain of every split, of proposals and of certificates without one."""
    shared = [
        Chain(f"H-{one.id}-{number}", rows_of(split), one.members)
        for one in made
        for number, split in enumerate(configs[one.run.config], 1)
    ]
    private = grouped(
        (line for line in lines if reasons[line.certificate] is not None),
        lambda line: (line.certificate, line.split_seq),
    )
    return shared + [
        Chain(
            f"H-PHA-{certificate}-{seq}",
            frozenset((row.level, row.broker, row.schedule, row.split_percent) for row in rows),
            frozenset({certificate}),
            reasons[certificate] == "RejectedRecords",
        )
        for (certificate, seq), rows in private.items()
    ]


def rows_of(split: Split) -> frozenset[tuple[int, int | None, str | None, Decimal | None]]:
    return frozenset((*level, split.percent) for level in split.levels)


def state_rules(
    made: Iterable[Chain], certificates: dict[int, Certificate], *, collapse: bool = False
) -> tuple[set[str], set[str], Counter[str]]:
    """Return the ids of state rules and of hierarchy splits, and how many distributions each of those has."""
    rules, splits, distributions = set(), set(), Counter[str]()
    for chain in made:
        states = {number: certificates[number].state or "ALL" for number in chain.members}
        for number, state in states.items():
            rule = f"SR-{chain.id}-V1-{'ALL' if collapse and len(set(states.values())) == 1 else state}"
            split = f"{rule}-{certificates[number].product}"
            rules.add(rule)
            splits.add(split)
            distributions[split] = len(chain.rows)
    return rules, splits, distributions


class Assignment(NamedTuple):
    """A split of a certificate that stands under no proposal."""

    id: str
    hierarchy_id: str
    reason: str
    percent: Decimal | None
    writing_broker: int | None


def assignments(lines: Iterable[Line], reasons: dict[int, str | None]) -> set[Assignment]:
    """Assign each split of a certificate without a proposal to its private hierarchy."""
    found = set()
    unrouted = (line for line in lines if reasons[line.certificate] is not None)
    for (certificate, seq), rows in grouped(unrouted, lambda line: (line.certificate, line.split_seq)).items():
        writers = [row.writing_broker for row in rows if row.level == 1 and row.writing_broker is not None]
        lowest = min(rows, key=lambda row: row.level).split_percent
        place = f"PHA-{certificate}-{seq}"
        found.add(Assignment(place, f"H-{place}", str(reasons[certificate]), lowest, min(writers, default=None)))
    return found


class Outcome(NamedTuple):
    """Everything that is made of the lines."""

    certificates: dict[int, Certificate]
    configs: dict[str, list[Split]]
    reasons: dict[int, str | None]
    proposals: dict[str, Proposal]
    chains: dict[str, Chain]
    assignments: set[Assignment]
    rules: Rules


def outcome(lines: Sequence[Line], rules: Rules = USUAL) -> Outcome:
    """Follow lines through all rules."""
    certificates, configs = split_configs(lines, seq_sensitive=rules.seq_sensitive)
    reasons = routes(list(certificates.values()), rules)
    routed = [one for one in certificates.values() if reasons[one.certificate] is None]
    made = proposals(routed, bridge_gaps=rules.bridge_gaps)
    of_splits = chains(made, configs, lines, reasons)
    by_id = {one.id: one for one in made}
    chained = {one.id: one for one in of_splits}
    return Outcome(certificates, configs, reasons, by_id, chained, assignments(lines, reasons), rules)
