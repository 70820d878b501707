"""Servers shared by several processes."""

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from localworld import ports, shared
from localworld.places import ROOT
from tests.support.selection import table

OTHER = """
import sys
from pathlib import Path
from localworld import shared
with shared.servers(Path(sys.argv[1])) as found:
    print(found.temporal_address, flush=True)
    sys.stdin.read()
"""


def test_one_pair_for_all_stopped_with_the_last(place: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(place)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout
    address = other.stdout.readline().strip()
    with shared.servers(place) as found:
        assert found.temporal_address == address
        url = found.create_database("mine")
        other.kill()  # even so, its need ends
        other.wait()
        time.sleep(0.3)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("mine",)
    port = int(address.rpartition(":")[2])
    end = time.monotonic() + 20
    while ports.answers(port) or (place / "postgres").exists():
        assert time.monotonic() < end, "the servers outlive their last user"
        time.sleep(0.05)


@pytest.mark.parametrize("visits", table([2, 4], quick=[2]))
def test_who_comes_while_the_servers_stop_gets_working_ones(place: Path, visits: int) -> None:
    """Either the old pair, kept after all, or a new one; never one that is going away."""
    for number in range(visits):
        with shared.servers(place) as found:
            with psycopg.connect(found.create_database(f"d{number}")) as connection:
                connection.execute("CREATE TABLE mine ()")
            time.sleep(0.3)  # an end that was under way would have come by now
            assert ports.answers(int(found.temporal_address.rpartition(":")[2]))
            with psycopg.connect(found.database_url) as connection:
                connection.execute("SELECT 1")
        time.sleep(0.15 * number)
