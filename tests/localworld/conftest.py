"""Places for servers of tests.

Not pytest's own temporary directories: as root, PostgreSQL runs as another user, and every start
of pytest takes the permission to enter its directories away from other users again.
"""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localworld.places import ROOT
from tests.localworld.worlds import RunningWorld


def _make() -> Path:
    parent = ROOT / "var" / "tests"
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="localworld-", dir=parent))


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter, removed afterwards."""
    path = _make()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="package")
def world() -> Iterator[RunningWorld]:
    """A world for all tests of the group ``localworld``."""
    path = _make()
    running = RunningWorld(path / "var", "--no-demo")
    running.wait_until_up()
    yield running
    running.send(signal.SIGINT)
    assert running.end() == 0
    assert running.left() == []
    assert not running.services_file.exists()
    shutil.rmtree(path, ignore_errors=True)
