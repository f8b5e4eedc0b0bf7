"""What Azure's errors mean to a person; nothing of what they say themselves is passed on but their code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firn import SourceError, SourceUnavailable
from sources.blobs import UNCHANGED, replaced

if TYPE_CHECKING:
    from sources.azure_container import Container

CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 (the name of a variable)
DENIED = (401, 403)
GONE = 404
REPLACED = 412
BUSY = (408, 429)
BROKEN = 500


@dataclass(frozen=True, slots=True)
class Credential:
    """How a container was opened.

    Attributes:
        variable: The variable of the environment that holds the secret; empty for an identity.
        expires: When a SAS token ends, as it says itself.
        place: Where the secret is instead, as the settings say.
    """

    variable: str = ""
    expires: str = ""
    place: str = ""

    def __str__(self) -> str:
        """Name it in a sentence, without the secret."""
        until = f" (expires {self.expires})" if self.expires else ""
        return f"{self.named}{until}" if self.named else "the identity that azure-identity found"

    @property
    def named(self) -> str:
        """Where the secret is; of a command the program, because its arguments are its own."""
        return self.place.split(" ")[0] or self.variable

    def hint(self, container: Container) -> str:
        """Say how to get a credential that is accepted."""
        account, name = container.client.account_name, container.settings.container
        rights = "rl" if container.settings.processed == "keep" else "rlwdt"
        if self.variable == CONNECTION_STRING:
            return f"Set {self.named} to what this prints: az storage account show-connection-string --name {account}"
        if self.variable == SAS_TOKEN:
            return (
                f"Set {self.named} to what this prints: az storage container generate-sas --account-name {account} "
                f"--name {name} --permissions {rights} --expiry DATE --output tsv"
            )
        role = "Data Reader" if container.settings.processed == "keep" else "Data Owner"
        return f"az login, or set {SAS_TOKEN}; the identity needs the role Storage Blob {role} on {account}."


def explained(error: Exception, what: str, doing: str, container: Container) -> SourceError:
    """Make firn's error of one of Azure's.

    Args:
        error: What was raised.
        what: The file or container that was asked for.
        doing: What was to be done to it: read, or changed.
        container: Where.

    Returns:
        A ``SourceUnavailable`` where another try may succeed.
    """
    from azure.core.exceptions import ClientAuthenticationError

    status, code = getattr(error, "status_code", None), _code(error)
    if isinstance(error, ClientAuthenticationError) or status in DENIED:
        return _denied(code, f"{what} may not be {doing}", container)
    if code.startswith("Container"):
        return _no_container(container)
    if status == GONE:
        return SourceError(f"{what} is not there, or no longer. {UNCHANGED}", container.look)
    if status == REPLACED:
        return replaced(what)
    if status is None or status in BUSY or status >= BROKEN:
        passing = unanswered(what, doing, container, f"answered {status} {code}".strip() if status else "")
        passing.code = str(status or "")
        return passing
    return SourceError(f"{what} cannot be {doing}: the storage answered {status} {code}. {UNCHANGED}", container.look)


def unanswered(what: str, doing: str, container: Container, answer: str = "") -> SourceUnavailable:
    """Make the error of a request to which no answer came, or none that helps."""
    return SourceUnavailable(
        f"{what} could not be {doing} just now: {container.host} {answer or 'did not answer'}. {UNCHANGED}",
        f"Run again; see whether this machine can reach it, and whether the setting account_url or {CONNECTION_STRING} "
        "names the right account.",
    )


def _denied(code: str, told: str, container: Container) -> SourceError:
    said = f" ({code})" if code else ""
    return SourceError(
        f"{told} with {container.credential}{said}. {UNCHANGED}",
        container.credential.hint(container),
    )


def _no_container(container: Container) -> SourceError:
    name, account = container.settings.container, container.client.account_name
    return SourceError(
        f"There is no container {name} at {container.host}, so nothing was read. {UNCHANGED}",
        f"Change the setting container, or make it: az storage container create --account-name {account} --name {name}",
    )


def _code(error: Exception) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
