"""The command line in this process, cut off from whatever runs on this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from commands.output import out

Tripsaga = Callable[..., Result]


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ``var/`` that commands see: empty."""
    place = tmp_path / "var"
    monkeypatch.setenv("TRIPSAGA_VAR", str(place))
    for name in ("TRIPSAGA_API_URL", "TRIPSAGA_API_KEY", "ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture
def tripsaga(var: Path, monkeypatch: pytest.MonkeyPatch) -> Tripsaga:
    """Run a command; keyword arguments become environment variables, ``said`` is typed."""

    def run(*arguments: str, said: str | None = None, **environment: str) -> Result:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, arguments, input=said)

    return run


def pointed(
    tripsaga: Tripsaga, url: str, key: str, monkeypatch: pytest.MonkeyPatch, *, width: int = 200
) -> Tripsaga:
    """Run commands against the API at ``url``, on a screen of so many columns."""
    monkeypatch.setattr(out, "width", width)
    target = {"TRIPSAGA_API_URL": url, "TRIPSAGA_API_KEY": key}
    return lambda *words, **more: tripsaga(*words, **more, **target)
