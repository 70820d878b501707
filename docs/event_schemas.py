"""Publishes the schemas of events in ``docs/schemas``: ``python -m docs.event_schemas``.

A change that would break who reads a published schema is refused: it needs a new version.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.events.content import CONTENTS
from models.events.schemas import changes_that_break, schema_of

FOLDER = Path(__file__).with_name("schemas")


def file_of(type_: str, version: int) -> Path:
    """Return where a schema is published."""
    return FOLDER / type_ / f"{version}.json"


def published() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield type, version and text of every published schema."""
    for file in sorted(FOLDER.glob("*/*.json")):
        yield file.parent.name, int(file.stem), json.loads(file.read_text())


def broken() -> list[str]:
    """Return what readers of the published schemas could not rely on any more."""
    found = []
    for type_, version, old in published():
        new = schema_of(type_, version)
        if new is None:
            found.append(f"{type_} {version} is gone")
        else:
            found += [f"{type_} {version}: {what}" for what in changes_that_break(old, new)]
    return found


if __name__ == "__main__":
    if refused := broken():
        sys.exit("\n".join(["A new version is needed:", *refused]))
    for type_, version in CONTENTS:
        file = file_of(type_, version)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema_of(type_, version), indent=2) + "\n")
