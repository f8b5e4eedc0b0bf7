"""The embedded PostgreSQL, with real servers, real processes and real kills."""

from __future__ import annotations

import itertools
import os
import pwd
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from adbc_driver_postgresql import dbapi

from firn import ConfigError, LoadError, TargetUnavailable
from loaders.embedded import find_binaries, psql, serve, temporary
from loaders.supervisor import is_locked, postmaster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
PATIENCE = 60.0

ATTACH = """
import sys
from pathlib import Path
from loaders.embedded import serve
with serve(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""

FORK = """
import os, sys, time
from pathlib import Path
from loaders.embedded import serve
with serve(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        time.sleep(600)
    print(child, flush=True)
"""

TEMPORARY = """
import sys
from loaders.embedded import temporary
with temporary() as server:
    print(server.home, flush=True)
    sys.stdin.read()
"""


def eventually(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


def processes_naming(text: str) -> list[str]:
    """The command lines, zombies aside, that contain the text."""
    listed = subprocess.run(["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if text in line]


def servers(home: Path) -> list[str]:
    """The command lines of the servers on the folder's data."""
    return [line for line in processes_naming(f"/postgres -D {home}/data ") if "supervisor.py" not in line]


def has_stopped(home: Path) -> bool:
    return not (home / "data" / "postmaster.pid").exists() and not processes_naming(str(home))


@contextmanager
def running(script: str, *arguments: object, launcher: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """Run a script in another process until its standard input is closed."""
    command = [*launcher, sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def as_nobody() -> list[str]:
    """What runs a command as an ordinary user, who may also read an interpreter that is kept in root's home."""
    command = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
    interpreter = Path(sys.executable).resolve()
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in interpreter.parents):
        return command
    return [*command, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def run(dsn: str, command: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(command.encode())


def supervisor_pid(home: Path) -> int:
    return int((home / "supervisor.lock").read_text())


def started_at(dsn: str) -> object:
    return ask(dsn, "SELECT pg_postmaster_start_time()")


def seeded() -> random.Random:
    """Random numbers whose seed is printed when the test fails."""
    seed = time.time_ns() % 10_000
    print(f"seed {seed}")  # noqa: T201
    return random.Random(seed)  # noqa: S311


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the account nobody can enter, unlike pytest's own; no process may be left that names it."""
    folder = Path(tempfile.mkdtemp(prefix="firn-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    eventually(lambda: not processes_naming(str(folder)), f"no process names {folder}")
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """The folder of a server that was started once."""
    with open_folder() as folder:
        with serve(folder / "made"):
            pass
        eventually(lambda: has_stopped(folder / "made"), "the server stops")
        yield folder / "made"


def copied(made: Path, home: Path) -> Path:
    """Copy what lasts in the folder of a stopped server; its programs are linked."""
    home.mkdir()
    subprocess.run(["cp", "-a", made / "data", home], check=True)
    for programs in made.glob("postgresql-*"):
        subprocess.run(["cp", "-al", programs, home], check=True)
    return home


@pytest.fixture
def home(folder: Path, made: Path) -> Path:
    """A copy of the folder of a server that was started once."""
    return copied(made, folder / "home")


@pytest.fixture
def new_home(folder: Path) -> Path:
    """The name of a folder where no server was started yet."""
    return folder / "new"


def test_the_server_is_private_durable_and_in_utf8(new_home: Path) -> None:
    with serve(new_home) as server, psycopg.connect(server.dsn) as connection:
        settings: dict[str, str] = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
        who = connection.execute("SELECT session_user, current_database(), datcollate FROM pg_database").fetchone()
    assert who == ("firn", "firn", "C.UTF-8")
    assert settings["server_encoding"] == "UTF8"
    assert settings["listen_addresses"] == ""
    assert settings["unix_socket_permissions"] == "0700"
    assert (settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"]) == ("on", "on", "on")
    assert (settings["data_checksums"], settings["TimeZone"], settings["jit"]) == ("on", "UTC", "off")
    assert server.sockets.stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_uid == (NOBODY.pw_uid if IS_ROOT else os.geteuid())


def test_a_second_process_attaches_to_the_running_server(home: Path) -> None:
    with serve(home) as server, running(ATTACH, home) as other:
        assert first_line(other) == server.dsn
        eventually(lambda: len(servers(home)) == 1, "one server is left")


def test_a_reader_keeps_the_server_after_its_first_owner_has_left(home: Path) -> None:
    with running(ATTACH, home) as reader:
        with serve(home) as server:
            assert first_line(reader) == server.dsn
            before = started_at(server.dsn)
        time.sleep(0.5)
        assert started_at(server.dsn) == before


def test_data_persists_and_the_next_start_finds_a_clean_shutdown(home: Path) -> None:
    with serve(home) as server:
        run(server.dsn, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    eventually(lambda: has_stopped(home), "the server stops after its last client")
    assert "database system is shut down" in server.log.read_text()
    with serve(home) as server:
        assert ask(server.dsn, "SELECT sum(n) FROM kept") == 500_500
    assert "recovery" not in server.log.read_text()


def test_after_sigkill_of_its_owner_the_server_shuts_down_cleanly(home: Path) -> None:
    with running(ATTACH, home) as owner:
        dsn = first_line(owner)
        run(dsn, "CREATE TABLE kept (n int)")
        owner.kill()
        eventually(lambda: has_stopped(home), "the server stops")
    log = home / "server.log"
    assert log.read_text().rstrip().endswith("database system is shut down")
    with serve(home) as server:
        assert ask(server.dsn, "SELECT count(*) FROM kept") == 0
    assert "not properly shut down" not in log.read_text()


def test_after_sigkill_of_its_supervisor_the_server_shuts_down_cleanly(home: Path) -> None:
    with serve(home) as server:
        os.kill(supervisor_pid(home), signal.SIGKILL)
        eventually(lambda: has_stopped(home), "the server stops")
    assert server.log.read_text().rstrip().endswith("database system is shut down")


def test_after_sigkill_of_its_supervisor_the_next_process_starts_the_server_again(home: Path) -> None:
    with serve(home) as server:
        run(server.dsn, "CREATE TABLE kept (n int)")
        os.kill(supervisor_pid(home), signal.SIGKILL)
        eventually(lambda: not is_locked(home / "supervisor.lock"), "the supervisor is gone")
        with serve(home) as again:
            assert ask(again.dsn, "SELECT count(*) FROM kept") == 0
    assert "not properly shut down" not in server.log.read_text()


def test_after_sigterm_of_its_supervisor_the_server_shuts_down_cleanly(home: Path) -> None:
    with serve(home) as server:
        os.kill(supervisor_pid(home), signal.SIGTERM)
        eventually(lambda: has_stopped(home), "the server stops")
    assert server.log.read_text().rstrip().endswith("database system is shut down")


def test_after_sigkill_of_everything_committed_rows_are_recovered(home: Path) -> None:
    with serve(home) as server:
        run(server.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        found = postmaster(server.data)
        assert found
        os.kill(supervisor_pid(home), signal.SIGSTOP)
        os.kill(found.pid, signal.SIGKILL)
        os.kill(supervisor_pid(home), signal.SIGKILL)
        eventually(lambda: not processes_naming(f"-D {server.data} "), "everything has ended")
        with serve(home) as again:
            assert ask(again.dsn, "SELECT n FROM kept") == 42
    assert "not properly shut down" in server.log.read_text()


def test_processes_that_start_at_once_share_one_server(new_home: Path) -> None:
    with (
        running(ATTACH, new_home) as a,
        running(ATTACH, new_home) as b,
        running(ATTACH, new_home) as c,
        running(ATTACH, new_home) as d,
    ):
        dsns = {first_line(process) for process in (a, b, c, d)}
        assert len(dsns) == 1
        eventually(lambda: len(servers(new_home)) == 1, "one server is left")
    assert (new_home / "server.log").read_text().count("starting PostgreSQL") == 1


def test_coming_and_going_at_the_moment_of_shutdown_always_finds_a_server(home: Path) -> None:
    pauses, starts = seeded(), 0
    for number in itertools.count():
        with serve(home) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        time.sleep(pauses.uniform(0, 0.35))
        starts = server.log.read_text().count("starting PostgreSQL")
        if number >= 25 and starts > 3:
            break
        assert number < 500, f"only {starts} starts"  # the slower the machine, the more often it is still running
    assert "not properly shut down" not in server.log.read_text()


def test_a_start_killed_at_any_moment_leaves_a_folder_that_starts(folder: Path) -> None:
    moments = seeded()
    for number in range(6):
        home = folder / str(number)
        with running(ATTACH, home) as process:
            time.sleep(moments.uniform(0.05, 0.8))
            process.kill()
        with serve(home) as server:
            assert ask(server.dsn, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["a b", "it's", 'say "x"', "100%41", "a&b;c", "$HOME `id`", "a,b", "ä€", "l" * 120])
def test_any_folder_name_works_for_psycopg_adbc_and_psql(
    folder: Path, made: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(copied(made, folder / name)) as server:
        run(server.dsn, "CREATE TABLE t AS SELECT 7 AS n")
        with dbapi.connect(server.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT n FROM t")
            assert cursor.fetchall() == [(7,)]
        assert psql(server, ["-Atc", "SELECT n + 1 FROM t"]) == 0
    assert capfd.readouterr().out == "8\n"
    eventually(lambda: has_stopped(folder / name), "the server stops")


def test_data_is_made_in_a_folder_of_any_name(folder: Path) -> None:
    with serve(folder / 'it\'s "$HOME", `id` & 100%41; ä€ \\' / ("l" * 100)) as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_psql_returns_its_exit_code(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serve(home) as server:
        assert psql(server, ["-v", "ON_ERROR_STOP=1", "-c", "SELECT 1/0"]) == 1
    assert "division by zero" in capfd.readouterr().err


def test_psql_reaches_any_target_and_shows_its_password_to_nobody(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(home) as server:
        show = r"\! tr '\0' ' ' < /proc/$PPID/cmdline; echo; echo $PGPASSWORD"
        assert psql(f"{server.dsn}&password=hunter2", ["-c", show]) == 0
    shown = capfd.readouterr().out.splitlines()
    assert "psql" in shown[0]
    assert "hunter2" not in shown[0]
    assert shown[1] == "hunter2"
    with pytest.raises(ConfigError) as caught:
        psql("postgresql://x:hunter2%@host/db")
    assert "hunter2" not in str(caught.value)


def test_variables_of_the_environment_do_not_lead_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "x", "PGDATABASE": "x"}.items():
        monkeypatch.setenv(name, value)
    with serve(home) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        with dbapi.connect(server.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == [(1,)]


def test_secrets_of_the_environment_do_not_reach_the_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "hunter2")
    with serve(home) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TEMP TABLE environment (line text)")
        connection.execute("COPY environment FROM PROGRAM 'env'")
        lines = connection.execute("SELECT line FROM environment").fetchall()
    assert lines
    assert not [line for (line,) in lines if "hunter2" in line]


@pytest.mark.parametrize("version", ["15", "16", "18"])
def test_the_owner_may_act_as_another_role(version: str) -> None:
    with temporary(version) as server:
        run(server.dsn, "CREATE ROLE reader LOGIN")
        assert ask(f"{server.dsn}&options=-c%20role%3Dreader", "SELECT current_user") == "reader"


def test_an_ordinary_user_runs_it_as_themselves(folder: Path) -> None:
    own = folder / "own"
    own.mkdir(mode=0o700)
    user = NOBODY.pw_uid if IS_ROOT else os.geteuid()
    if IS_ROOT:
        os.chown(own, NOBODY.pw_uid, NOBODY.pw_gid)
    with running(ATTACH, own / "home", launcher=as_nobody() if IS_ROOT else ()) as owner:
        assert first_line(owner).startswith("postgresql://")
        assert (own / "home" / "data").stat().st_uid == user
        assert (own / "home" / "supervisor.lock").stat().st_uid == user
        owner.kill()
        eventually(lambda: has_stopped(own / "home"), "the server stops")
    assert (own / "home" / "server.log").read_text().rstrip().endswith("database system is shut down")


def test_another_account_cannot_use_the_folder(folder: Path) -> None:
    theirs = folder / "theirs"
    theirs.mkdir()
    if not IS_ROOT:
        theirs = Path("/var")
    else:
        os.chown(theirs, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(ConfigError, match=r"must belong to .*Nothing in it was changed"), serve(theirs):
        pass


def test_root_is_told_which_folder_is_closed_to_the_server(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    if not IS_ROOT:
        with serve(closed / "home") as server:
            assert ask(server.dsn, "SELECT 1") == 1
        return
    with pytest.raises(ConfigError, match=f"nobody, which may not enter {closed}") as caught, serve(closed / "home"):
        pass
    assert f"chmod o+x {closed}" in caught.value.hint
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_forked_child_does_not_keep_the_server(home: Path) -> None:
    with running(FORK, home) as parent:
        child = int(first_line(parent))
        try:
            eventually(lambda: not (home / "data" / "postmaster.pid").exists(), "the server stops")
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_an_executed_child_does_not_keep_the_server(home: Path) -> None:
    with serve(home):
        child = subprocess.Popen(["sleep", str(PATIENCE)], close_fds=False)
    with child:
        eventually(lambda: has_stopped(home), "the server stops")
        child.kill()


def test_a_caller_that_waits_for_all_output_is_not_held_up_by_the_server(home: Path) -> None:
    with serve(home) as server:
        done = subprocess.run(
            [sys.executable, "-c", ATTACH, home], cwd=ROOT, input="", capture_output=True, text=True, check=True
        )
    assert (done.stdout.strip(), done.stderr) == (server.dsn, "")


@pytest.mark.parametrize("left", ["", "{pid}\n", "{pid}\n{data}\n1\n5432\n{data}\n\n", "999999999\n"])
def test_a_pid_file_left_by_a_power_failure_is_no_obstacle(home: Path, left: str) -> None:
    with serve(home) as server:
        pass
    eventually(lambda: has_stopped(home), "the server stops")
    with subprocess.Popen(["sleep", str(PATIENCE)], user=server.data.stat().st_uid) as unrelated:
        (server.data / "postmaster.pid").write_text(left.format(pid=unrelated.pid, data=server.data))
        with serve(home) as server:
            assert ask(server.dsn, "SELECT 1") == 1
        assert unrelated.poll() is None
        unrelated.kill()


def test_data_of_an_older_version_is_served_by_the_programs_of_that_version(new_home: Path) -> None:
    with serve(new_home, binaries=find_binaries("16")) as server:
        assert server.version == "16"
    eventually(lambda: has_stopped(new_home), "the server stops")
    with serve(new_home) as server:
        assert str(ask(server.dsn, "SHOW server_version")).startswith("16.")


def test_programs_of_another_version_are_refused_and_data_is_kept(new_home: Path) -> None:
    with serve(new_home, binaries=find_binaries("16")):
        pass
    eventually(lambda: has_stopped(new_home), "the server stops")
    wrong = serve(new_home, binaries=find_binaries("18"))
    with pytest.raises(ConfigError, match=r"made by PostgreSQL 16.*18\.") as caught, wrong:
        pass
    assert "apt install postgresql-16" in caught.value.hint
    with serve(new_home) as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_data_without_programs_names_both_versions(home: Path) -> None:
    with serve(home):
        pass
    eventually(lambda: has_stopped(home), "the server stops")
    version = home / "data" / "PG_VERSION"
    version.write_text("99\n")
    with pytest.raises(ConfigError, match=r"made by PostgreSQL 99.*found: .*18\.\d") as caught, serve(home):
        pass
    assert "FIRN_HOME" in caught.value.hint
    version.write_text("18\n")


def test_a_failed_start_tells_what_the_server_said(home: Path) -> None:
    failing = serve(home, settings={"shared_buffers": "nonsense"})
    with (
        pytest.raises(LoadError, match=r"(?s)did not start; its data is kept.*shared_buffers.*nonsense") as caught,
        failing,
    ):
        pass
    assert f"tail -50 {home / 'server.log'}" in caught.value.hint
    with serve(home) as server:
        assert ask(server.dsn, "SELECT 1") == 1


@pytest.mark.parametrize("limit", [1_000_000, 12_000_000])
def test_a_full_disk_at_the_first_start_leaves_no_half_made_data(new_home: Path, limit: int) -> None:
    done = subprocess.run(
        ["prlimit", f"--fsize={limit}", sys.executable, "-c", ATTACH, new_home],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "firn.LoadError: The embedded database" in done.stderr
    assert "File too large" in done.stderr
    assert not (new_home / "data").exists()
    with serve(new_home) as server:
        assert ask(server.dsn, "SELECT 1") == 1


def test_a_server_that_cannot_stop_in_time_is_reported_as_unavailable(home: Path) -> None:
    with serve(home) as server:
        found = postmaster(server.data)
        assert found
    os.kill(found.pid, signal.SIGSTOP)
    try:
        eventually(lambda: cannot_attach(home), "the supervisor is stopping the server")
        with pytest.raises(TargetUnavailable, match="not ready in time") as caught, serve(home, timeout=1):
            pass
        assert f"tail {server.log}" in caught.value.hint
    finally:
        os.kill(found.pid, signal.SIGCONT)


def cannot_attach(home: Path) -> bool:
    try:
        with serve(home, timeout=1):
            return False
    except TargetUnavailable:
        return True


def test_a_log_that_has_grown_large_is_begun_anew(home: Path) -> None:
    with serve(home) as server:
        pass
    eventually(lambda: has_stopped(home), "the server stops")
    os.truncate(server.log, 10_000_001)
    with serve(home):
        pass
    assert server.log.stat().st_size < 10_000


@pytest.mark.parametrize("version", ["15", "16", "18"])
def test_a_temporary_server_has_the_version_and_settings_asked_for_and_leaves_nothing(version: str) -> None:
    with temporary(version, {"work_mem": "7MB"}) as server:
        assert str(ask(server.dsn, "SHOW server_version")).startswith(f"{version}.")
        assert ask(server.dsn, "SHOW work_mem") == "7MB"
        assert ask(server.dsn, "SHOW fsync") == "off"
    assert not server.home.exists()
    eventually(lambda: not processes_naming(str(server.home)), "its processes are gone")


def test_a_temporary_server_whose_owner_was_killed_leaves_nothing() -> None:
    with running(TEMPORARY) as owner:
        home = Path(first_line(owner))
        assert home.exists()
    eventually(lambda: not home.exists() and not processes_naming(str(home)), "nothing is left")


def test_programs_on_the_machine_can_be_preferred_to_those_of_the_wheel() -> None:
    assert find_binaries().folder.parts[-2] == "pginstall18"
    assert find_binaries(prefer="path").folder.parts[1] == "usr"


def test_programs_that_are_missing_are_named_with_what_to_type() -> None:
    with pytest.raises(ConfigError, match=r"programs of PostgreSQL 9; found: 18\.") as caught:
        find_binaries("9")
    assert 'pip install "firn[embedded]"' in caught.value.hint
    assert "apt install postgresql-9" in caught.value.hint
