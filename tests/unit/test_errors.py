"""The errors: one root, one file, drawn as the tree that they are."""

import inspect
import re

import pytest

import firn

CLASSES = [c for c in vars(firn).values() if inspect.isclass(c) and issubclass(c, firn.FirnError)]


def drawn() -> dict[str, tuple[str, int]]:
    """Parent and exit code of each class in the drawing."""
    found: dict[str, tuple[str, int]] = {}
    stack: list[str] = []
    for line in (firn.__doc__ or "").splitlines():
        match = re.match(r"^([│├└─ ]*)(\w+)\s+(?:exit (\d+))?", line)
        if match and match[2] in vars(firn):
            depth = len(match[1]) // 4
            stack[depth:] = [match[2]]
            found[match[2]] = (stack[depth - 1] if depth else "", int(match[3] or 1))
    return found


def test_the_drawing_shows_every_error_under_its_parent_with_its_exit_code() -> None:
    real = {c.__name__: (c.__bases__[0].__name__ if c is not firn.FirnError else "", c.exit_code) for c in CLASSES}
    assert drawn() == real


@pytest.mark.parametrize("error", [c for c in CLASSES if c is not firn.FirnError])
def test_every_error_says_what_is_still_true_of_production(error: type) -> None:
    assert re.search(r"production is unchanged|othing was (read|published)", error.__doc__ or "", re.IGNORECASE)


def test_transient_errors_and_locks_exit_75() -> None:
    assert {c.__name__ for c in CLASSES if c.exit_code == 75} == {  # EX_TEMPFAIL of sysexits.h
        "SourceUnavailable",
        "TargetUnavailable",
        "RunLocked",
    }


def test_all_names_are_exported_and_sorted() -> None:
    kinds = inspect.isclass, inspect.isfunction
    public = [n for n, v in vars(firn).items() if any(k(v) for k in kinds) and v.__module__ == "firn" and n[0] != "_"]
    assert sorted([*public, "Policy", "Strategy"]) == sorted(firn.__all__)  # an alias is neither
