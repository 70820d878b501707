"""An imitation of Kafka that speaks its protocol: franz-go's ``kfake``, built with Go.

No Kafka itself can be had here: it is in no package registry. This one holds idempotent producers
to their sequence numbers, but has no replicas and keeps nothing.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localworld.places import cache_directory
from models.events.schemas import EXCHANGE

VERSION = "v0.0.0-20260918054303-01f206a7e32c"
_CLIENT = "v1.22.3"
_BUILD_SECONDS = 600

_SOURCE = """
package main

import (
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, os.Args[1]))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(cluster.ListenAddrs()[0])
	select {}
}
"""


class NotToBeHad(Exception):
    """There is no imitation on this machine, and no way to build one."""


def cached() -> Path:
    """Return where our copy lies or would lie."""
    return cache_directory() / f"kfake-{VERSION}" / "kfake"


def obtain() -> Path:
    """Return the program, built with Go when there is none; two callers at once build one.

    Raises:
        NotToBeHad: no Go, or the build failed.
    """
    place = cached()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.access(place, os.X_OK):
            with tempfile.TemporaryDirectory(dir=place.parent, prefix="building-") as scratch:
                _build(Path(scratch)).replace(place)
    return place


def _build(scratch: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        raise NotToBeHad("an imitation of Kafka is not on this machine, and there is no Go")
    (scratch / "main.go").write_text(_SOURCE)
    modules = "github.com/twmb/franz-go"
    for words in (
        ["mod", "init", "kfake"],
        ["get", f"{modules}@{_CLIENT}", f"{modules}/pkg/kfake@{VERSION}"],
        ["build", "-o", "kfake", "."],
    ):
        try:
            done = subprocess.run(
                [go, *words],
                env={**os.environ, "CGO_ENABLED": "0"},
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=_BUILD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotToBeHad(f"kfake was not built within {_BUILD_SECONDS} s") from None
        if done.returncode:
            raise NotToBeHad(f"kfake could not be built with Go: {done.stderr[-500:]}")
    return scratch / "kfake"


@contextmanager
def serving(program: Path) -> Iterator[str]:
    """Run it on a free port of this machine and yield its address."""
    process = subprocess.Popen([program, EXCHANGE], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Obtain the program for a test run; without it the tests that want it say so themselves."""
    try:
        print(obtain())
    except NotToBeHad as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
