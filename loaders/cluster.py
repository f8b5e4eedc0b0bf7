"""The data directory of the embedded PostgreSQL: making it, who owns it and may connect, and how a server is run on it.

The server listens on a Unix socket only, in a folder that nobody else may enter, and asks the kernel who connects
(``peer``): there is no password. Run by root, it runs as ``nobody``, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from firn import ConfigError, LoadError
from loaders.binaries import at_plain_path, empty_folder, find_binaries, package_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loaders.binaries import Binaries

__all__ = [
    "DURABLE",
    "ENVIRONMENT",
    "PORT",
    "THROWAWAY",
    "Account",
    "fitting_binaries",
    "major_of",
    "make_home",
    "prepare",
    "server_account",
    "server_command",
    "tail",
]

PORT = 5432
ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
DURABLE: Mapping[str, str] = {
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
THROWAWAY: Mapping[str, str] = {**DURABLE, "fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
_SOCKET_PATH_BYTES = 103  # of sun_path: 107 on Linux, 103 on macOS and the BSDs
_LOG_LINES = 12
_IDENT_ALL_MAJOR = 16  # from here on a system user may be any role
_BUILTIN_LOCALE_MAJOR = 17


class Account(NamedTuple):
    """The operating system's user that the server runs as."""

    uid: int
    gid: int
    name: str

    @property
    def is_other(self) -> bool:
        """Whether it is not the account of this process."""
        return self.uid != os.geteuid()


def server_account() -> Account:
    """The account of this process, or ``nobody`` if that is root; ConfigError if it has no name."""
    try:
        found = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError as exc:
        raise ConfigError(
            f"PostgreSQL needs an account with a name to run as: {exc.args[0]}.",
            "add it to /etc/passwd, or name a running PostgreSQL as the target",
        ) from exc
    return Account(found.pw_uid, found.pw_gid, found.pw_name)


def make_home(home: Path) -> Path:
    """Make the folder if need be, and only what is missing of the folders above it.

    Args:
        home: The folder of everything that belongs to the server, such as ``~/firn``.

    Returns:
        Its absolute path.

    Raises:
        ConfigError: It cannot be made, or it belongs to another account.
    """
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


def fitting_binaries(home: Path) -> Binaries:
    """The binaries of the data's version, or the preferred ones while there is no data.

    Raises:
        ConfigError: There are none, or none of the data's version.
    """
    if not (home / "data").exists():
        return find_binaries(home=home)
    try:
        return find_binaries(major_of(home / "data"), home=home)
    except ConfigError as exc:
        raise _wrong_version(home / "data", exc.message) from exc


def major_of(data: Path) -> str:
    """The major version of PostgreSQL that made a data directory, such as ``18``."""
    return (data / "PG_VERSION").read_text().strip()


def prepare(home: Path, binaries: Binaries, account: Account, *, durable: bool) -> Path:
    """Make what a server needs to start: the data on first use, the access rules, and the folder of its socket.

    Args:
        home: The folder of everything that belongs to the server.
        binaries: The programs, where the account can run them.
        account: Whom the data and the socket belong to.
        durable: Whether data that was made is on disk when this returns.

    Returns:
        The folder of the socket.

    Raises:
        ConfigError: The data is another version's, or data or socket belong to another account.
        LoadError: The data cannot be made.
        OSError: A file or folder cannot be written.
    """
    _check_data(home / "data", binaries, account)
    if not (home / "data").exists():
        _make_data(home, binaries, account, durable=durable)
    _write_access_rules(home, account, binaries)
    return _make_sockets(home, account)


def _check_data(data: Path, binaries: Binaries, account: Account) -> None:
    if not data.exists():
        return
    if data.stat().st_uid != account.uid:
        raise _belongs_to_another(data, account.uid)
    if major_of(data) != binaries.major:
        raise _wrong_version(data, f"The programs are those of PostgreSQL {binaries}.")


def _make_data(home: Path, binaries: Binaries, account: Account, *, durable: bool) -> None:
    """Make a data directory with the database in it; it appears complete or not at all."""
    partial = empty_folder(home, ".data-")
    if account.is_other:
        os.chown(partial, account.uid, account.gid)
    with at_plain_path(binaries) as plain:
        initdb = [str(plain.folder / "initdb"), "-D", str(partial)]
        _run_as(account, [*initdb, *_initdb_options(binaries, durable=durable)])
    single = [str(binaries.folder / "postgres"), "--single", "-D", str(partial), "-c", "exit_on_error=on"]
    _run_as(account, [*single, "-c", f"fsync={'on' if durable else 'off'}", "postgres"], b"CREATE DATABASE firn\n")
    partial.rename(home / "data")
    _sync(home)


def _initdb_options(binaries: Binaries, *, durable: bool) -> list[str]:
    options = ["--username=firn", "--encoding=UTF8", "--auth-local=peer", "--auth-host=reject", "--data-checksums"]
    options += ["--locale=C.UTF-8"] if sys.platform == "linux" else _portable_locale(binaries)
    return options if durable else [*options, "--no-sync"]


def _portable_locale(binaries: Binaries) -> list[str]:
    """PostgreSQL's own C.UTF-8, since version 17, for systems that have none."""
    if int(binaries.major) < _BUILTIN_LOCALE_MAJOR:
        return ["--locale=C"]
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def _run_as(account: Account, command: Sequence[str], text: bytes = b"") -> None:
    other = account.is_other
    done = subprocess.run(  # noqa: S603 (programs of the PostgreSQL that was found)
        command,
        input=text,
        capture_output=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
    )
    if done.returncode:
        said = tail(done.stderr) or tail(done.stdout)
        raise LoadError(
            f"The embedded database cannot be made: {Path(command[0]).name} failed. No data existed.\n{said}",
            "remove the cause above (often a full disk or missing rights) and run the same command again",
        )


def tail(said: bytes) -> str:
    """The last lines of what a program said."""
    return "\n".join(said.decode(errors="replace").strip().splitlines()[-_LOG_LINES:])


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_access_rules(home: Path, account: Account, binaries: Binaries) -> None:
    """Admit the server's own account, and root where root started it, by the kernel's word and not by a password."""
    names = {account.name, _name(os.geteuid())}
    role = "all" if int(binaries.major) >= _IDENT_ALL_MAJOR else "firn"
    _write(home / "pg_hba.conf", "local all all peer map=firn\n")
    _write(home / "pg_ident.conf", "".join(f'firn "{name}" {role}\n' for name in sorted(names)))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _make_sockets(home: Path, account: Account) -> Path:
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


def _socket_folders(home: Path, account: Account) -> Iterator[Path]:
    yield home / "run"
    name = f"firn-{account.uid}-{blake2b(os.fsencode(home), digest_size=6).hexdigest()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and Path(runtime).is_dir() and not account.is_other:
        yield Path(runtime) / name
    yield Path("/tmp") / name  # noqa: S108 (its owner and mode are checked)


def _fits(folder: Path) -> bool:
    # libpq reads a comma in a host as a list of hosts.
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    return len(path) <= _SOCKET_PATH_BYTES and b"," not in path


def server_command(home: Path, binaries: Binaries, sockets: Path, settings: Mapping[str, str]) -> list[str]:
    """The command line of the server; no setting overrides those that keep it private."""
    fixed = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": '"{}"'.format(str(sockets).replace('"', '""')),
        "unix_socket_permissions": "0700",
        "hba_file": str(home / "pg_hba.conf"),
        "ident_file": str(home / "pg_ident.conf"),
        "logging_collector": "off",
        "log_destination": "stderr",
    }
    options = [word for name, value in {**settings, **fixed}.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(home / "data"), *options]


def _belongs_to_another(path: Path, uid: int) -> ConfigError:
    return ConfigError(
        f"{path} must belong to {_name(uid)}, as whom the embedded database works on it; "
        f"it belongs to {_name(path.lstat().st_uid)} or is open to others. Nothing in it was changed.",
        "run firn as the user that made it, or export FIRN_HOME=/another/folder",
    )


def _wrong_version(data: Path, found: str) -> ConfigError:
    major = major_of(data)
    return ConfigError(
        f"{data} was made by PostgreSQL {major}, and only PostgreSQL {major} can read it. {found} Its data is kept.",
        f"apt install {package_name(major)}, or export FIRN_HOME=/another/folder to start with empty data",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
