"""An API that dies by SIGKILL at one exact point of keeping an event of the gateway, once.

``CRASH_AT`` is ``before`` (verified, not in the inbox yet) or ``after`` (committed, not answered).
Everything else about it is the real API.
"""

import os
import signal
from typing import Any

from api.__main__ import main
from api.core.record import Record

POINT = os.environ["CRASH_AT"]
_write = Record.write


async def _crashing(self: Record, work: Any) -> Any:
    if POINT == "after":
        await _write(self, work)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Record.write = _crashing  # type: ignore[method-assign]
    main()
