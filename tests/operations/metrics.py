"""What Prometheus would read."""

import asyncio
import re

import httpx

from tests.support.stack import Stack


def figure(stack: Stack, name: str, **labels: str) -> float:
    """Return a figure of the worker's metrics; 0 when it is not there."""
    address = stack.settings.metrics_address
    text = httpx.get(f"http://{address}/metrics", trust_env=False).text
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}\{{(.*)\}} (\S+)", line)
        if found and all(f'{key}="{value}"' in found[1] for key, value in labels.items()):
            return float(found[2])
    return 0


async def until_figure(stack: Stack, name: str, expected: float, **labels: str) -> None:
    """Wait until the worker has looked again and shows ``expected``."""
    async with asyncio.timeout(30):
        while figure(stack, name, **labels) != expected:
            await asyncio.sleep(0.2)
