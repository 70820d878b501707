"""Where stripe-mock comes from, on a machine that may have nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import stripe_mock
from tests.support.processes import ROOT

FAKE_GO = '#!/bin/sh\necho "$@" >> "$GOBIN/../calls"\nsleep 0.3\n{end}\n'
BUILT = 'printf "#!/bin/sh\\n" > "$GOBIN/stripe-mock"; chmod 755 "$GOBIN/stripe-mock"'


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, an empty home and no Go."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def put(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_one_on_path_then_ours_then_gos(bare: Path) -> None:
    of_go = put(bare / "go" / "bin" / "stripe-mock")
    assert stripe_mock.obtain() == of_go
    assert stripe_mock.cached() == bare / "cache" / "tripsaga" / "stripe-mock-0.203.0/stripe-mock"
    cached = put(stripe_mock.cached())
    assert stripe_mock.obtain() == cached
    on_path = put(bare / "bin" / "stripe-mock")
    assert stripe_mock.obtain() == on_path


def test_without_go_a_run_goes_on_and_says_why(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(stripe_mock.NotToBeHad, match="no Go"):
        stripe_mock.obtain()
    stripe_mock.main()
    assert "no Go" in capsys.readouterr().err


def test_two_callers_build_once(bare: Path) -> None:
    put(bare / "bin" / "go", FAKE_GO.format(end=BUILT))
    code = "from tests.support import stripe_mock as s; print(s.obtain())"
    callers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {caller.communicate(timeout=60)[0].strip() for caller in callers}
    assert answers == {str(stripe_mock.cached())}
    calls = (stripe_mock.cached().parent / "calls").read_text()
    assert calls == "install github.com/stripe/stripe-mock@v0.203.0\n"


def test_a_failed_build_leaves_nothing(bare: Path) -> None:
    put(bare / "bin" / "go", FAKE_GO.format(end="echo no space left >&2; exit 1"))
    with pytest.raises(stripe_mock.NotToBeHad, match="no space left"):
        stripe_mock.obtain()
    assert not stripe_mock.cached().exists()
    assert not list(stripe_mock.cached().parent.glob("building-*"))
