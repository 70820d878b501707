"""The documentation against the code: links, commands, settings, the generated parts."""

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import typer.main
from pydantic import BaseModel
from typer.core import TyperGroup

from cli import app
from docs import lifecycle
from localworld.settings import WorldSettings
from models.suppliers.listings import LISTINGS
from sandbox.faults import KINDS, OPERATIONS
from sandbox.sellers import SELLERS
from settings import Settings, names
from tests.support.processes import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
IMAGE_LIMIT = 250_000
SETTING = re.compile(
    r"`((?:STRIPE|PAYMENT_SERVICE|AMADEUS|BOOKING_COM|VIATOR|DISPATCH|WORKER|TEMPORAL|DATABASE|API"
    r"|SANDBOX|MOCK)_[A-Z_]+|[A-Z]+(?:_[A-Z]+)*_(?:SECONDS|ATTEMPTS|URL|PORT)|ENVIRONMENT|LOG_LEVEL)\b"
)
FROM_THE_SDK = {"TEMPORAL_TLS", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE"}
OF_THE_WEB_UI = {"TEMPORAL_CODEC_ENDPOINT"}
OF_THE_COMMAND_LINE = {
    "TRIPSAGA_API_URL",
    "SANDBOX_STRIPE_WEBHOOK",
    "SANDBOX_PAYMENT_SERVICE_WEBHOOK",
    "SANDBOX_SUPPLIER_WEBHOOKS",
}


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_every_picture_is_shown_and_small_enough() -> None:
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if target.endswith(".png")
    }
    pictures = {picture.resolve() for picture in (ROOT / "docs" / "images").glob("*.png")}
    assert pictures == shown
    assert {p.name: p.stat().st_size for p in pictures if p.stat().st_size > IMAGE_LIMIT} == {}


def test_lifecycle_is_what_the_table_of_transitions_says() -> None:
    assert lifecycle.FILE.read_text() == lifecycle.document(), "python -m docs.lifecycle"


# -- commands ----------------------------------------------------------------------------------


def shell_lines() -> list[tuple[str, str]]:
    """Every line of every shell block, and what stands in backticks: (page, words)."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for language, block in FENCE.findall(text):
            if language == "sh":
                found += [(relative(page), line.strip()) for line in block.splitlines()]
        found += [(relative(page), words) for words in re.findall(r"`([^`\n]+)`", text)]
    return found


@cache
def group() -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def complaint(words: list[str]) -> str | None:
    """What the command line would say against a command, without running it."""
    command = group()
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        following = command.commands.get(words[0])
        if following is None:
            return f"no command {words[0]!r}"
        command, words = following, words[1:]  # type: ignore[assignment]
    if command.context_settings.get("ignore_unknown_options"):
        return None  # another program's
    options = {name for parameter in command.params for name in parameter.opts}
    wrong = [word for word in words if word.startswith("-") and word.split("=")[0] not in options]
    return f"no option {wrong[0]!r} of {command.name}" if wrong else None


def test_tripsaga_commands_exist() -> None:
    seen = 0
    wrong = {}
    for page, line in shell_lines():
        for words in re.findall(r"(?:^|[ /=])tripsaga((?: [^ #&|;>`)]+)+)", line):
            if line.startswith(("docker", "temporal")) or "=" in words.split()[0]:
                continue
            seen += 1
            if reason := complaint(words.split()):
                wrong[f"{page}: {line}"] = reason
    assert wrong == {}
    assert seen > 20


def test_faults_in_examples_can_be_armed() -> None:
    armed = [
        match.groups()
        for _, line in shell_lines()
        if (match := re.search(r"tripsaga fault arm (\w+) (\w+) (\w+)", line))
    ]
    assert armed
    known = OPERATIONS | {name: seller.operations for name, seller in SELLERS.items()}
    for supplier, operation, kind in armed:
        assert operation in known[supplier]
        assert kind in KINDS


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    documented = {
        word
        for _, line in shell_lines()
        for word in re.findall(r"(?:^|[;&] *)make ([a-z-]+)", line)
    }
    assert {"run", "test", "check"} <= documented <= targets


# -- settings ----------------------------------------------------------------------------------


def settings_table() -> dict[str, str]:
    """Name and default of every row of the settings table."""
    text = (ROOT / "docs" / "operating.md").read_text().partition("## Settings")[2]
    return dict(re.findall(r"^\| `([A-Z_{}]+)` \| (\S+) \|", text, flags=re.MULTILINE))


def written(default: object) -> str:
    if default is None:
        return "unset"
    secret = getattr(default, "get_secret_value", None)
    value = secret() if secret else default
    if value == "":
        return "empty"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


def test_settings_table_is_the_settings() -> None:
    table = settings_table()
    suppliers = [one.name for one in LISTINGS]
    defaults = _defaults(Settings.model_construct())
    # One row for each thing that can be set about any supplier.
    for row in [row for row in table if "{SUPPLIER}" in row]:
        default = table.pop(row)
        for supplier in suppliers:
            assert defaults.pop(row.format(SUPPLIER=supplier.upper())) == default
    assert table == defaults


def _defaults(part: BaseModel, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in part:
        if isinstance(value, BaseModel):
            found |= _defaults(value, f"{prefix}{name.upper()}_")
        else:
            found[prefix + name.upper()] = written(value)
    return found


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_settings_named_in_the_text_exist(page: Path) -> None:
    known = names() | {name.upper() for name in WorldSettings.model_fields}
    named = set(SETTING.findall(page.read_text()))
    assert named - known - FROM_THE_SDK - OF_THE_COMMAND_LINE - OF_THE_WEB_UI == set()


# -- what readers must not find ------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_headings_go_down_one_step_at_a_time(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(following <= level + 1 for level, following in pairwise(levels))
