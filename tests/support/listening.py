"""A listening socket for a server in this process."""

import socket


def listener() -> socket.socket:
    """Return a socket that listens on a free port of the loopback.

    asyncio switches Nagle's algorithm off only where the protocol is named: else every answer
    takes 40 ms.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.bind(("127.0.0.1", 0))
    found.listen()
    return found
