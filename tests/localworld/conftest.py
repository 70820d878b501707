"""Places for servers of tests.

Not pytest's own temporary directories: as root, PostgreSQL runs as another user, and every start
of pytest takes the permission to enter its directories away from other users again.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localworld.places import ROOT


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


@pytest.fixture(scope="module")
def shared_place() -> Iterator[Path]:
    """The same, for all tests of a module."""
    path = _make()
    yield path
    shutil.rmtree(path, ignore_errors=True)
