"""What the user typed before the verb's own words, repeated in the line to type next so that it can be pasted."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firn import FirnError
from pipelines.engine.environments import typed
from pipelines.engine.settings import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECRET = "..."  # noqa: S105 (what stands in a secret's place)
SETTABLE = re.compile(
    r"\bfirn (?:run|check|discover|replay|quarantine (?:list|export)) \w+\b(?! --(?:config|env|set) )"
)
OTHERS = re.compile(
    r"\bfirn (?:audit|backup(?: (?:drill|list))?|diff|disable|discard|doctor|enable|psql|publish|report|restore"
    r"|resume|rollback|runs|show)\b(?! --(?:config|env) )"
)


@dataclass(frozen=True, slots=True)
class Typed:
    """The options that hold for a whole command line.

    Attributes:
        pipeline: Whose settings ``flags`` are.
        config: The settings file that was named.
        flags: Settings by dotted key, as ``--set`` gave them.
    """

    pipeline: str = ""
    config: Path | None = None
    flags: Mapping[str, str] = field(default_factory=dict)

    def again(self, text: str) -> str:
        """Add the options to every command of firn in a text, once; a secret's place is shown, not the secret."""
        text = SETTABLE.sub(lambda found: found[0] + self._config() + self._flags(), text)
        return OTHERS.sub(lambda found: found[0] + self._config(), text)

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Add the options to the hint of an error raised inside, and to that of the report that it carries."""
        try:
            yield
        except FirnError as error:
            error.hint = self.again(error.hint)
            if report := getattr(error, "report", None):
                report.hint = error.hint
            raise

    def _config(self) -> str:
        return typed() + (f" --config {shlex.quote(str(self.config))}" if self.config else "")

    def _flags(self) -> str:
        return "".join(f" --set {shlex.quote(f'{key}={self._shown(key)}')}" for key in self.flags)

    def _shown(self, key: str) -> str:
        return SECRET if is_secret(self.pipeline, key) else self.flags[key]
