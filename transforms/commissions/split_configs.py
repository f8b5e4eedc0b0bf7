"""The split configuration of each certificate: who shares its commission, and by which schedules."""

# No future import: the engine reads the annotations, which are the contract.
import dataframely as dy

__all__ = ["CertConfigs", "ConfigLines", "ConfigRows"]


class ConfigRows(dy.Schema):
    """What the configuration of a certificate is made of: its active rows, one per split and level."""

    certificate = dy.Int64(nullable=False)
    group_key = dy.String(nullable=True)
    product = dy.String(nullable=True)
    plan = dy.String(nullable=False)
    category = dy.String(nullable=True)
    effective_date = dy.Date(nullable=False)
    state = dy.String(nullable=True)
    split_seq = dy.Int32(nullable=False)
    split_percent = dy.Decimal(18, 4, nullable=True)
    schedule = dy.String(nullable=True)
    writing_broker = dy.Int64(nullable=True)
    broker = dy.Int64(nullable=True)
    level = dy.Int32(nullable=False)


class CertConfigs(dy.Schema):
    """A certificate: whose it is, and which configuration it has.

    ``config_hash`` is null where its rows contradict one another. ``total_percent`` is the sum over the splits, each
    counted once; null where one has none. ``names_brokers`` tells whether each split has a writing broker and each row
    a broker.
    """

    certificate = dy.Int64(primary_key=True)
    group_id = dy.String(nullable=False)
    effective_date = dy.Date(nullable=False)
    product = dy.String(nullable=True)
    plan = dy.String(nullable=False)
    category = dy.String(nullable=True)
    state = dy.String(nullable=True)
    config_hash = dy.String(nullable=True, regex="^[0-9A-F]{64}$")
    total_percent = dy.Decimal(18, 4, nullable=True)
    n_splits = dy.Int32(nullable=False, min=1)
    names_brokers = dy.Bool(nullable=False)


class ConfigLines(dy.Schema):
    """What a configuration says: of each split, numbered from 1 in its canonical order, the brokers by level."""

    config_hash = dy.String(primary_key=True, regex="^[0-9A-F]{64}$")
    split = dy.Int32(primary_key=True, min=1)
    level = dy.Int32(primary_key=True)
    broker = dy.Int64(nullable=True)
    schedule = dy.String(nullable=True)
    percent = dy.Decimal(18, 4, nullable=True)
