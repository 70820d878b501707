"""Where the Temporal program comes from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localworld import temporal_binary
from localworld.errors import LocalWorldError
from localworld.places import ROOT

FAKE_GO = """#!/bin/sh
echo "$@" >> "$GOBIN/../calls"
echo go.temporal.io/one >&2
sleep 0.5
echo go.temporal.io/two >&2
{end}
"""


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, no `temporal`, no Go, and no way to the download."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(temporal_binary, "_DOWNLOAD_HOST", "127.0.0.1")  # nothing on port 443
    return tmp_path


def put(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_one_on_path_comes_first(bare: Path) -> None:
    put(temporal_binary.cached())
    on_path = put(bare / "bin" / "temporal")
    assert temporal_binary.obtain() == on_path


def test_then_the_cached_one(bare: Path) -> None:
    cached = put(bare / "cache" / "tripsaga" / "temporal-1.5.1" / "temporal")
    assert temporal_binary.obtain() == cached


def test_without_go_it_says_what_to_do(bare: Path) -> None:
    with pytest.raises(LocalWorldError, match="no Temporal server") as error:
        temporal_binary.obtain()
    assert "TEMPORAL_ADDRESS" in error.value.mend


def test_it_is_built_with_go_and_progress_is_shown(bare: Path) -> None:
    put(bare / "bin" / "go", FAKE_GO.format(end='printf "#!/bin/sh\\n" > "$GOBIN/temporal"'))
    lines: list[str] = []
    found = temporal_binary.obtain(lines.append)
    assert found == temporal_binary.cached()
    assert os.access(found, os.X_OK)
    calls = (bare / "cache" / "tripsaga" / "temporal-1.5.1" / "calls").read_text()
    assert "github.com/temporalio/cli/cmd/temporal@v1.5.1" in calls
    assert "-s -w" in calls
    assert any("2 packages" in line for line in lines)


def test_a_failed_build_leaves_nothing_and_shows_its_end(bare: Path) -> None:
    put(bare / "bin" / "go", FAKE_GO.format(end="echo no space left >&2; exit 1"))
    with pytest.raises(LocalWorldError, match="no space left"):
        temporal_binary.obtain()
    assert not temporal_binary.cached().exists()
    assert not list(temporal_binary.cached().parent.glob("fetching-*"))


def test_two_callers_build_once(bare: Path) -> None:
    put(bare / "bin" / "go", FAKE_GO.format(end='printf "#!/bin/sh\\n" > "$GOBIN/temporal"'))
    code = (
        "from localworld import temporal_binary as t; t._DOWNLOAD_HOST = '127.0.0.1';"
        "print(t.obtain())"
    )
    callers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {caller.communicate(timeout=60)[0].strip() for caller in callers}
    assert answers == {str(temporal_binary.cached())}
    calls = (bare / "cache" / "tripsaga" / "temporal-1.5.1" / "calls").read_text()
    assert calls.count("install") == 1
