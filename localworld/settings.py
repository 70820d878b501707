"""Settings that only the local world has; all others are those of the application."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorldSettings(BaseSettings):
    """Preferred ports (``TEMPORAL_PORT`` …). One that is taken falls back to a free one.

    The API's is ``API_PORT`` of the application's settings.
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    temporal_port: int = Field(default=7233, ge=0, le=65535)
    temporal_ui_port: int = Field(default=8233, ge=0, le=65535)
    sandbox_port: int = Field(default=8090, ge=0, le=65535)
    smtp_port: int = Field(default=8025, ge=0, le=65535)
    codec_port: int = Field(default=8091, ge=0, le=65535)
    metrics_port: int = Field(default=9464, ge=0, le=65535)
