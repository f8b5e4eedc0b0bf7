"""Where tables come from."""

from sources.azure_blobs import AzureBlobs
from sources.memory import Memory
from sources.mysql import MySQL
from sources.source import Source
from sources.workbooks import Workbooks

__all__ = ["AzureBlobs", "Memory", "MySQL", "Source", "Workbooks"]
