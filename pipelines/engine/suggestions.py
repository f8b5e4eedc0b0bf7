"""Which of the names that are known somebody probably meant."""

from __future__ import annotations

import difflib
import re
import shlex
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from firn import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

CUTOFF = 0.6
SHOWN = 5
"""How many known names tell of what kind they are."""


def refuse_unknown(option: str, asked: Iterable[str], known: Sequence[str], wrong: str) -> None:
    """Refuse a name that an option gives and nobody knows.

    Raises:
        ConfigError: Names it, and the likely intended one.
    """
    for name in asked:
        if name not in known:
            meant = likely(name, known)
            some = ", ".join(shlex.quote(one) for one in known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
            hint = f"Did you mean {shlex.quote(meant)}?" if meant else f"Known: {some or 'none'}"
            raise ConfigError(f"{option} {name}: {wrong}. Production is unchanged.", hint)


def likely(name: str, known: Sequence[str]) -> str:
    """Find the known name that is most like one typed; empty where none is.

    Case does not matter, of a path only the last part counts, and words that most of the names have tell nothing.
    """
    words = {one: words_of(one) for one in known}
    counts = Counter(word for found in words.values() for word in set(found))
    shared = {word for word, count in counts.items() if count > 1 and 2 * count > len(known)}
    telling = {without(found, shared): one for one, found in words.items()}
    close = difflib.get_close_matches(without(words_of(name), shared), telling, n=1, cutoff=CUTOFF)
    return telling[close[0]] if close else ""


def words_of(name: str) -> list[str]:
    """Split the last part of a path into words of lower case."""
    return re.findall(r"[^\W_]+", PurePath(name).name.casefold())


def without(words: Sequence[str], shared: Collection[str]) -> str:
    """Put the words that tell a name apart together."""
    return " ".join(word for word in words if word not in shared)
