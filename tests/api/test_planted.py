"""What is planted turns the proofs of keyed routes red (K1, K2)."""

import uuid

import pytest
from sqlalchemy import text

from models.core import idempotency as table
from tests.api.keyed_scenes import Scene, rotate_secret
from tests.api.test_repeats import one_effect_one_answer
from tests.api.test_repeats_after_death import _as_if_nothing_had_happened, _of_desk
from tests.api.test_repeats_after_death import desk as desk
from tests.api.test_repeats_after_death import desk_key as desk_key
from tests.api.test_repeats_after_death import office as office
from tests.api.test_repeats_after_death import scene as scene
from tests.api.test_repeats_after_death import settings as settings
from tests.api.test_webhooks_operators import Tables

RULE = ("POST", "/operator/ledger/commission-rules")


def any_id(*_: str) -> str:
    return str(uuid.uuid4())


async def test_k1_a_key_that_everybody_has_is_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = table._CLAIM.text.replace("AND (k.holder = excluded.holder OR", "AND (true OR")
    assert everybody != table._CLAIM.text
    monkeypatch.setattr(table, "_CLAIM", text(everybody))
    with pytest.raises(AssertionError):
        await one_effect_one_answer(scene, RULE, 8)


async def test_k1_a_key_that_is_nobodys_is_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row, and no effect's id, tells that the same was asked before."""
    monkeypatch.setattr("api.core.idempotency.operation_id", any_id)
    monkeypatch.setattr("api.core.idempotency.checked_key", any_id)
    with pytest.raises(AssertionError):
        await one_effect_one_answer(scene, RULE, 8)


@pytest.mark.exhaustive  # another API is started, and dies
async def test_k2_an_effect_without_an_id_is_found(
    scene: Scene, desk: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is lost with the process: what it has done cannot be found again."""
    monkeypatch.setattr("api.core.idempotency.operation_id", any_id)
    sent = await rotate_secret(scene)
    with pytest.raises(AssertionError):
        await _as_if_nothing_had_happened(sent, _of_desk(desk), "worked")
