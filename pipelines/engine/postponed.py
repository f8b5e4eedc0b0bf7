"""Packages that take long to import and that not every command needs: each is imported when a name of it is asked for.

``firn runs`` asks the target one question, and Polars alone takes longer to import than the answer takes. Modules go on
importing what they use at their top; the first use of a name is then what imports the package.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

__all__ = ["postpone"]

_LEAVING = Lock()


class Postponed(ModuleType):
    """Stands for a package until somebody asks for one of its names, from whichever thread."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (a name of any package)
        with _LEAVING:  # and no longer: while a package is imported, Python's own locks keep threads apart
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        package = import_module(self.__name__)
        value = getattr(package, name)
        if not getattr(package.__spec__, "_initializing", False):  # until then a name may come to mean something else
            self.__dict__[name] = value
        return value


def postpone(*packages: str) -> None:
    """Have each package imported by the first use of one of its names, and not by the statement that names it.

    Args:
        packages: Their names; one that is imported already stays as it is.
    """
    for name in packages:
        sys.modules.setdefault(name, Postponed(name))
