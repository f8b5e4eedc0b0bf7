"""SHA-256 of texts, which identities are made of."""

from __future__ import annotations

import hashlib

import polars as pl

__all__ = ["sha256"]


def sha256(texts: pl.Series) -> pl.Series:
    """Hash each text as UTF-8; it is meant for distinct texts, of which there are few, and joined to the rows.

    Returns:
        64 upper-case hexadecimal digits per text.
    """
    hashes = [hashlib.sha256(text.encode()).hexdigest().upper() for text in texts.to_list()]
    return pl.Series(texts.name, hashes, dtype=pl.String)
