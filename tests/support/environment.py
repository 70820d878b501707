"""Settings as a process has them: read from the environment, by the environment's names."""

import os
from collections.abc import Mapping
from unittest import mock

from settings import Settings

PRODUCTION = {
    "ENVIRONMENT": "production",
    "AMADEUS_API_KEY": "k",
    "AMADEUS_API_SECRET": "s",
    "BOOKING_COM_API_KEY": "k",
    "BOOKING_COM_AFFILIATE_ID": "12",
    "VIATOR_API_KEY": "k",
    "TRIP_PLANNER_URL": "https://planner.example",
    "AGENCY_PHONE": "+442071838750",
}
"""What production does not start without, besides a gateway and the keys."""


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a process whose environment has these names too."""
    with mock.patch.dict(os.environ, environment):
        return Settings()


def changed(settings: Settings, **changes: object) -> Settings:
    """Return ``settings`` with changes; a dict changes some settings of one subject."""
    update = {}
    for name, new in changes.items():
        now = getattr(settings, name)
        update[name] = now.model_copy(update=new) if isinstance(new, dict) else new
    return settings.model_copy(update=update)
