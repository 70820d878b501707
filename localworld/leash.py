"""Run a program that ends when its parent does: ``leash.py PARENT SIGNAL USER COMMAND...``.

Started as a script of its own, before the program it becomes: only the standard library is
imported, so it costs about 12 ms, and no Python code runs between fork and exec of a process that
has threads.

On Linux the kernel sends SIGNAL to the program when the process PARENT dies, however it dies
(prctl PR_SET_PDEATHSIG), so that even a SIGKILL of the supervisor leaves nothing behind. Other
systems have no such thing; there the next ``tripsaga up`` ends what was left.
USER is ``uid:gid`` to become (PostgreSQL refuses to run as root), or ``-``.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program."""
    parent, ending, user, *command = sys.argv[1:]
    if user != "-":
        uid, gid = map(int, user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid: a change of user clears it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(1)  # the parent died before we asked to be told
    # A parent that ignores signals must not make the program deaf as well.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
