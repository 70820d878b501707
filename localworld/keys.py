"""Keys and secrets that the local world makes for itself and keeps in ``var/``, one a file."""

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from localworld.places import Places
from localworld.services import write_private
from settings import Settings


def kept(file: Path, make: Callable[[], str]) -> str:
    """Return what the file holds; made when there is none, and readable for its owner only."""
    try:
        found = file.read_text().strip()
    except FileNotFoundError:
        found = ""
    if not found:
        found = make()
        write_private(file, found + "\n")
    return found


def payload_key() -> str:
    """Return a new key for payloads, ``id:base64``. The id tells the keys of two worlds apart."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"local-{secrets.token_hex(3)}:{key}"


def of_world(settings: Settings, places: Places) -> dict[str, str]:
    """Return the keys that worker, API and codec endpoint need: those named, else kept ones."""
    makers = {
        "payload_keys": (places.payload_keys, payload_key),
        "traveler_id_key": (places.traveler_id_key, secrets.token_urlsafe),
        "auth_pepper": (places.auth_pepper, secrets.token_urlsafe),
        "webhook_master_key": (places.webhook_master_key, secrets.token_urlsafe),
    }
    found = planner_key(settings, places)
    for name, (file, make) in makers.items():
        named = getattr(settings, name).get_secret_value()
        found[name.upper()] = named or kept(file, make)
    return found


def codec_token(settings: Settings, places: Places) -> str:
    """Return what lets the Web UI use the codec endpoint: the token named, else a kept one."""
    named = settings.codec_token.get_secret_value()
    return named or kept(places.codec_token, secrets.token_urlsafe)


def planner_key(settings: Settings, places: Places) -> dict[str, str]:
    """Return the key of the sandbox's trip planner as a variable; of another one we have none."""
    if not settings.is_sandbox(settings.planner_url):
        return {}
    named = settings.trip_planner_api_key.get_secret_value()
    return {"TRIP_PLANNER_API_KEY": named or kept(places.planner_key, secrets.token_urlsafe)}
