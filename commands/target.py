"""Which system a command calls: named by the environment, the local world, or the defaults."""

import os
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from localworld import keys, services
from localworld.places import Places
from localworld.settings import WorldSettings
from settings import Settings

Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True)
class Target:
    """Addresses of a system, and the key to its API."""

    api: str
    api_key: str
    settings: Settings
    """With the addresses of database, Temporal and sandbox filled in, and its keys."""
    temporal_ui: str | None
    codec: str
    """The codec endpoint's address, without its token."""
    pids: dict[str, int | None]
    """Of the local world's processes; empty when no local world runs here."""

    @property
    def sandbox(self) -> str:
        """The sandbox's address."""
        return self.settings.sandbox_url.rstrip("/")


def find_target() -> Target:
    """Return which system to call.

    A name set in the environment wins (``TRIPSAGA_API_URL``, ``TRIPSAGA_API_KEY`` and those of
    the settings), then the local world running on this checkout, then the defaults.
    """
    settings = Settings()
    found = services.read(Places.of_this_checkout().services)
    if found is None:
        api = f"http://{settings.api.host}:{settings.api.port}"
        pids: dict[str, int | None] = {}
        api_key, temporal_ui = "", None
        codec = f"http://127.0.0.1:{WorldSettings().codec_port}"
    else:
        api, api_key, temporal_ui = found["api"], found["api_key"], found["temporal_ui"]
        codec, pids = found["codec"].rpartition("/")[0], found["pids"]
        world = keys.of_world(settings, Places.of_this_checkout())
        own = {name.lower(): SecretStr(key) for name, key in world.items()}
        settings = _unless_given(settings, sandbox_url=found["sandbox"], **own).model_copy(
            update={
                "database": _unless_given(settings.database, url=found["database"]),
                "temporal": _unless_given(settings.temporal, address=found["temporal"]),
            }
        )
    return Target(
        api=os.environ.get("TRIPSAGA_API_URL", api).rstrip("/"),
        api_key=os.environ.get("TRIPSAGA_API_KEY", api_key),
        settings=settings,
        temporal_ui=temporal_ui,
        codec=codec,
        pids=pids,
    )


def _unless_given(part: Part, **known: object) -> Part:
    """Return ``part`` with what is known of the local world, where nothing else is set."""
    given = part.model_fields_set
    return part.model_copy(update={name: url for name, url in known.items() if name not in given})
