"""services.json: private, whole or not there."""

import stat
from pathlib import Path

import pytest

from localworld import services

WHERE: services.Services = {
    "api": "http://127.0.0.1:8000",
    "temporal": "127.0.0.1:7233",
    "temporal_ui": None,
    "codec": "http://127.0.0.1:8091/t",
    "sandbox": "http://127.0.0.1:8090",
    "database": "postgresql://postgres@/tripsaga?host=/x",
    "metrics": "http://127.0.0.1:9464/metrics",
    "api_key": "ts_x",
    "pids": dict.fromkeys(services.PROCESSES, 1),
}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "services.json"
    services.write(file, WHERE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert services.read(file) == WHERE


def test_replacing_it_keeps_the_mode_and_leaves_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "services.json"
    file.write_text("{}")
    file.chmod(0o644)
    services.write(file, WHERE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["services.json"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "services.json"
    services.write(file, WHERE)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        services.write(file, {**WHERE, "api_key": "ts_y"})
    assert services.read(file) == WHERE
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", [None, "", "{"])
def test_what_cannot_be_read_counts_as_not_there(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "services.json"
    if text is not None:
        file.write_text(text)
    assert services.read(file) is None
