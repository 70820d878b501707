"""A terminal to run a command in, and to read off what stands on its screen at the end."""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
_LINES = 200


class Terminal:
    """One command in a pseudo-terminal of its own."""

    def __init__(self, argv: list[str], columns: int, directory: Path) -> None:
        """Start it."""
        self._written = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(directory)
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(_LINES)}
            os.execvp(argv[0], argv)  # noqa: S606
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, columns, 0, 0))

    def until(self, words: str, *, seconds: float) -> bool:
        """Wait until it has written ``words``; False when it ends or takes longer."""
        end = time.monotonic() + seconds
        while words not in self._written:
            if time.monotonic() > end or not self._read(end):
                return words in self._written
        self._read(time.monotonic() + 0.5)
        return True

    def to_the_end(self, *, seconds: float) -> None:
        """Wait until it has ended. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while self._read(end):
            if time.monotonic() > end:
                self.interrupt()
                raise TimeoutError(self._written)
        os.waitpid(self._pid, 0)

    def interrupt(self) -> None:
        """Press Ctrl-C and wait for the end."""
        os.write(self._fd, b"\x03")
        while self._read(time.monotonic() + 60):
            pass
        os.waitpid(self._pid, 0)

    def lines(self) -> list[str]:
        """Return what stands on the screen, with its colours as ANSI sequences."""
        return screen(self._written)

    def _read(self, end: float) -> bool:
        """Take in what was written; False when there is nothing more to come."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, min(1.0, end - time.monotonic())))
        if not ready:
            return _alive(self._pid)
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the terminal's other side is closed
            return False
        self._written += self._decoder.decode(data)
        return bool(data)


def screen(written: str) -> list[str]:
    """Play what was written onto a screen: line feeds, cursor up, erased lines, and colours.

    That is all that Rich's live displays use, and they always erase a line before they rewrite it.
    """
    lines = [""]
    row = 0
    position = 0
    while position < len(written):
        control = _CONTROL.match(written, position)
        if control:
            position = control.end()
            count, letter = control.groups()
            if letter == "A":
                row = max(0, row - int(count or 1))
            elif letter == "K":
                lines[row] = ""
            elif letter == "m":
                lines[row] += control.group()
            continue
        character = written[position]
        position += 1
        if character == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif character not in "\r\x1b":
            lines[row] += character
    while lines and not _CONTROL.sub("", lines[-1]).strip():
        lines.pop()
    return lines


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
