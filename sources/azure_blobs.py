"""A container of Azure Blob storage as a place with files; azure's packages are imported when it is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, PositiveFloat, field_validator

from firn import ConfigError, is_reference, reveal
from sources.azure_container import Container
from sources.azure_errors import CONNECTION_STRING, SAS_TOKEN, Credential

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

RETRIES = 2
"""How often a request is repeated when nothing answers."""


def _split(given: object) -> object:
    return tuple(given.split(",")) if isinstance(given, str) else given


class AzureBlobs(BaseModel):
    """A container of Azure Blob storage, or some folders of it.

    Secrets are no settings: they are fetched when the container is opened, from where ``secret`` says that they are,
    else from the environment. With ``account_url`` that is a SAS token, else ``AZURE_STORAGE_SAS_TOKEN`` where it is
    set, else the identity that azure-identity finds; without it a connection string, else
    ``AZURE_STORAGE_CONNECTION_STRING``.

    Attributes:
        container: The container's name.
        account_url: The account, as ``https://NAME.blob.core.windows.net``.
        secret: Where the SAS token, or the connection string, is: ``env:NAME``, ``file:PATH`` or
            ``command:PROGRAM ARGUMENT ...``.
        prefixes: The folders that are read, such as one a region; equal file names in two of them are two workbooks.
        processed: What becomes of a workbook once its rows are published: nothing, a tag, or a move.
        processed_prefix: Where it is moved to. A workbook that lies there is still read, under its first name.
        timeout_s: How long the account may stay silent before a request is given up and repeated, at most twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    container: str
    account_url: str = ""
    secret: str | None = None
    prefixes: Annotated[tuple[str, ...], BeforeValidator(_split)] = ("",)
    processed: Literal["keep", "tag", "move"] = "keep"
    processed_prefix: str = "processed/"
    timeout_s: PositiveFloat = 5.0

    @field_validator("account_url")
    @classmethod
    def _no_secret(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.query or parts.fragment or parts.username:
            raise ValueError(f"holds a secret; put what stands behind the question mark into {SAS_TOKEN}")
        if url and not (parts.scheme in {"https", "http"} and parts.netloc):
            raise ValueError("is no address such as https://NAME.blob.core.windows.net")
        return url.rstrip("/")

    @field_validator("secret")
    @classmethod
    def _check_reference(cls, secret: str | None) -> str | None:
        if secret is not None and not is_reference(secret):
            raise ValueError("must say where it is: env:NAME, file:PATH or command:PROGRAM ARGUMENT ...")
        return secret

    @field_validator("prefixes")
    @classmethod
    def _as_folders(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_folder(prefix) for prefix in prefixes)) or ("",)

    @field_validator("processed_prefix")
    @classmethod
    def _as_folder(cls, prefix: str) -> str:
        if not _folder(prefix):
            raise ValueError("must name a folder of its own")
        return _folder(prefix)

    def rights(self) -> str:
        """Return the commands that give an identity, or a token, the least that this needs; nothing is asked."""
        reads = self.processed == "keep"
        account = (urlsplit(self.account_url).hostname or "ACCOUNT").partition(".")[0]
        scope = "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Storage/storageAccounts"
        done = "to list and read" if reads else "to list and read, and to tag or move what is published"
        role = (
            f"az role assignment create --assignee FIRN --role 'Storage Blob Data {'Reader' if reads else 'Owner'}' "
            f"--scope {scope}/{account}/blobServices/default/containers/{self.container}"
        )
        token = (
            f"az storage container generate-sas --account-name {account} --name {self.container} "
            f"--permissions {'rl' if reads else 'rlwdt'} --expiry DATE --https-only --output tsv"
        )
        return f"# Blob storage: {done}; one of the two.\n{role}\n{token}"

    def open(self) -> Container:
        """Take the credential from the environment and make a client; nothing is asked yet.

        Raises:
            ConfigError: There is no credential, or it cannot be one.
        """
        service, credential = self._service()
        return Container(self, service.get_container_client(self.container), credential)

    def _service(self) -> tuple[BlobServiceClient, Credential]:
        from azure.storage.blob import BlobServiceClient

        told = reveal(self.secret, "of the container") if self.secret else ""
        given, token = told or os.environ.get(CONNECTION_STRING, ""), told or os.environ.get(SAS_TOKEN, "")
        if not self.account_url:
            try:
                service = BlobServiceClient.from_connection_string(given, **self._patience())
            except ValueError:
                raise _no_account(given) from None
            return service, Credential(CONNECTION_STRING, place=self.secret or "")
        if token := token.strip().lstrip("?"):
            expires = parse_qs(token).get("se", [""])[0]
            service = BlobServiceClient(self.account_url, token, **self._patience())
            return service, Credential(SAS_TOKEN, expires, self.secret or "")
        from azure.identity import DefaultAzureCredential

        return BlobServiceClient(self.account_url, DefaultAzureCredential(), **self._patience()), Credential()

    def _patience(self) -> dict[str, Any]:
        from azure.storage.blob import LinearRetry

        return {
            "retry_policy": LinearRetry(backoff=1, retry_total=RETRIES, random_jitter_range=0),
            "connection_timeout": self.timeout_s,
            "read_timeout": self.timeout_s,
        }


def _folder(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def _no_account(given: str) -> ConfigError:
    if given:
        message = f"{CONNECTION_STRING} is no connection string. Nothing was read or written."
    else:
        message = f"[blobs] has no account_url, and {CONNECTION_STRING} is not set. Nothing was read or written."
    return ConfigError(
        message,
        f"Set account_url, or {CONNECTION_STRING} to what this prints: "
        "az storage account show-connection-string --name ACCOUNT",
    )
