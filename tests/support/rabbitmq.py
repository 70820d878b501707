"""A RabbitMQ of a test run: the Debian package's, on free ports, with a data folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localworld.ports import choose
from localworld.programs import Child, Program

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The broker itself; what is on the PATH wants to run as the machine's own service."""
INSTALL_SECONDS = 600
START_SECONDS = 90

_ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
"""Two processors at most, and no waiting in loops."""
_CONFIGURATION = """
log.console.level = error
disk_free_limit.absolute = 10MB
vm_memory_high_watermark.absolute = 512MB
"""


class NotToBeHad(Exception):
    """There is no RabbitMQ on this machine, and no way to install it."""


def obtain() -> None:
    """See that RabbitMQ is on this machine; installed with apt when it is not.

    Its service is not started. Raises NotToBeHad.
    """
    if SERVER.exists() and shutil.which("epmd"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise NotToBeHad("RabbitMQ is not installed, and only root can install it, with apt")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        for words in (("update",), ("install", "-y", "--no-install-recommends", "rabbitmq-server")):
            done = subprocess.run(
                ["apt-get", "-q", *words],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        if done.returncode:
            raise NotToBeHad(f"RabbitMQ could not be installed: {done.stderr[-500:]}")
    except subprocess.TimeoutExpired:
        raise NotToBeHad(f"RabbitMQ was not installed within {INSTALL_SECONDS} s") from None
    finally:
        if ours:
            policy.unlink()


class Broker:
    """One RabbitMQ, which can be killed, paused and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        taken: set[int] = set()
        for _ in range(3):
            taken.add(choose(0, avoid=taken))
        self.port, self._distribution, self._names = taken
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(_CONFIGURATION)
        # It asks for a name server; without one of ours it would leave one behind.
        names = (shutil.which("epmd") or "epmd", "-port", str(self._names), "-address", "127.0.0.1")
        self._name_server = Child(Program("epmd", names, folder / "epmd.log", directory=folder))
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return self.at(self.port)

    @staticmethod
    def at(port: int) -> str:
        """The URL of the broker, or of a proxy before it."""
        return f"amqp://guest:guest@127.0.0.1:{port}/"

    def start(self, *, wait: bool = True) -> None:
        assert self._child is None or self._child.poll() is not None
        folder = str(self._folder)
        self._child = Child(
            Program(
                "rabbitmq",
                (str(SERVER),),
                self._folder / "rabbitmq.log",
                environment={
                    "HOME": folder,
                    "detached": "yes",  # the script becomes the server, and has no child
                    "ERL_EPMD_PORT": str(self._names),
                    "RABBITMQ_NODENAME": f"t{self.port}@localhost",
                    "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
                    "RABBITMQ_NODE_PORT": str(self.port),
                    "RABBITMQ_DIST_PORT": str(self._distribution),
                    "RABBITMQ_MNESIA_BASE": f"{folder}/data",
                    "RABBITMQ_LOG_BASE": f"{folder}/log",
                    "RABBITMQ_LOGS": "-",
                    "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
                    "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
                    "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
                    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
                },
                directory=self._folder,
                stop_seconds=20,
            )
        )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it takes connections."""
        assert self._child is not None
        end = time.monotonic() + START_SECONDS
        while not self._listens():
            alive = self._child.poll() is None and time.monotonic() < end
            assert alive, f"RabbitMQ did not start:\n{self._child.last_words()}"
            time.sleep(0.05)

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()

    def pause(self) -> None:
        """Let it do nothing: its connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        if self._child is not None:
            self._child.kill()
        self._name_server.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        os.kill(self._child.pid, number)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def broker() -> Iterator[Broker]:
    """Run a broker. Raises NotToBeHad."""
    obtain()
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as folder:
        made = Broker(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.close()


def main() -> None:
    """Install it for a test run; without it the tests that want it say so themselves.

    With ``--required``, as CI asks for it, that is an error.
    """
    try:
        obtain()
    except NotToBeHad as error:
        if "--required" in sys.argv[1:]:
            raise SystemExit(str(error)) from None
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
