"""What stands in names, reasons and notes steers no terminal, whatever shows it."""

import io
import logging

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from commands import output
from logs import JsonLines

NASTY = "Ana\x1b]0;owned\x1b[2J\x9b31m\u202e"
SHOWN = r"Ana\x1b]0;owned\x1b[2J\x9b31m\u202e"


@pytest.mark.parametrize("terminal", [False, True])
def test_the_console_escapes_what_is_not_its_own(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    for console in (output.out, output.err):
        written = io.StringIO()
        monkeypatch.setattr(console, "_file", written)
        monkeypatch.setattr(console, "_force_terminal", terminal)
        monkeypatch.setattr(console, "_width", 200)
        table = Table("what")
        table.add_row(NASTY)
        for one in (NASTY, Text(NASTY, style="bold"), table, Panel(Text(NASTY), title=Text(NASTY))):
            written.seek(0)
            written.truncate()
            console.print(one)
            shown = written.getvalue()
            # A table is as wide as the text was: the end of it may be cut.
            assert SHOWN[:16] in shown, repr(shown)
            assert "\x1b]" not in shown
            assert "\x1b[2J" not in shown


def test_a_line_of_the_log_is_one() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "noted %s", (NASTY + "\n",), None)
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
