"""Where tables come from."""

from sources.memory import Memory
from sources.source import Source
from sources.workbooks import Workbooks

__all__ = ["Memory", "Source", "Workbooks"]
