"""Where the local world keeps its files: ``var/`` of this checkout, and a cache per user."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""This checkout."""


@dataclass(frozen=True)
class Places:
    """The files of one local world. ``var`` holds all its state; two checkouts share nothing."""

    var: Path

    @classmethod
    def of_this_checkout(cls) -> "Places":
        """Return ``var/`` of this checkout, or what ``TRIPSAGA_VAR`` names instead."""
        named = os.environ.get("TRIPSAGA_VAR")
        return cls(Path(named).expanduser().resolve() if named else ROOT / "var")

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.var / "logs"

    @property
    def services(self) -> Path:
        """Addresses and process ids, for scripts; there while the world is up."""
        return self.var / "services.json"

    @property
    def ports(self) -> Path:
        """The ports of the last start: addresses that were written down go on being right."""
        return self.var / "ports.json"

    @property
    def lock(self) -> Path:
        """Held by the one ``tripsaga up`` of this checkout."""
        return self.var / "up.lock"

    @property
    def postgres(self) -> Path:
        """The data directory of the embedded PostgreSQL."""
        return self.var / "postgres"

    @property
    def temporal(self) -> Path:
        """The database file of the Temporal development server."""
        return self.var / "temporal.db"

    @property
    def sandbox(self) -> Path:
        """What the sandbox remembers."""
        return self.var / "sandbox.db"

    @property
    def api_key(self) -> Path:
        """The API key of the local caller (mode 600); kept, so that a caller stays who it was."""
        return self.var / "api_key"

    @property
    def webhook_secret(self) -> Path:
        """What the sandbox signs the gateway's events with (mode 600)."""
        return self.var / "webhook_secret"

    @property
    def planner_key(self) -> Path:
        """What the sandbox's trip planner asks for (mode 600)."""
        return self.var / "planner_key"

    @property
    def payload_keys(self) -> Path:
        """What Temporal's payloads are encrypted with (mode 600); without it they are lost."""
        return self.var / "payload_keys"

    @property
    def traveler_id_key(self) -> Path:
        """What ids of travellers are made with (mode 600)."""
        return self.var / "traveler_id_key"

    @property
    def webhook_master_key(self) -> Path:
        """What the secrets of webhook endpoints are made with (mode 600)."""
        return self.var / "webhook_master_key"

    @property
    def auth_pepper(self) -> Path:
        """What codes and addresses of people who sign in are hashed with (mode 600)."""
        return self.var / "auth_pepper"

    @property
    def session(self) -> Path:
        """The session of `tripsaga login` (mode 600)."""
        return self.var / "session"

    @property
    def codec_token(self) -> Path:
        """What lets the Web UI use the codec endpoint (mode 600)."""
        return self.var / "codec_token"

    def create(self) -> None:
        """Make the directories; nobody else may look into ``var`` (design.md, "The local world").

        What is made from now on, by this process and those it starts, is this user's alone; and so
        becomes what other programs (tests, ``make tools``) have made here before.
        """
        os.umask(0o077)
        self.logs.mkdir(parents=True, exist_ok=True)
        self.var.chmod(0o700)
        self.logs.chmod(0o700)
        for place in (*self.var.iterdir(), *self.logs.iterdir()):
            if place.is_file() and not place.is_symlink():
                place.chmod(0o600)


def cache_directory() -> Path:
    """Return the user's cache of this system; it survives ``make clean-state``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tripsaga"
