"""Every reason Stripe gives for refusing a card has words, our own code and an advice."""

import re
import typing

import pytest
import stripe

from models.payments.messages import Advice
from payments.core.declines import DECLINES, GENERIC, explain, telling_code
from sandbox.stripe.cards import TOKENS

PUBLISHED = """
    authentication_required authentication_not_handled approve_with_id call_issuer
    card_not_supported card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again
    duplicate_transaction expired_card fraudulent generic_decline incorrect_address incorrect_cvc
    incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount
    invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin
    issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required
    new_account_information_available no_action_taken not_permitted offline_pin_required
    online_or_offline_pin_required pickup_card pin_try_exceeded processing_error
    reenter_transaction restricted_card revocation_of_all_authorizations
    revocation_of_authorization security_violation service_not_allowed stolen_card
    stop_payment_order testmode_decline transaction_not_allowed try_again_later
    withdrawal_count_limit_exceeded
"""
"""https://docs.stripe.com/declines/codes, "Card decline codes"."""

OF_CARDS = re.compile(
    r"card|cvc|expiry|incorrect|insufficient_funds|(invalid|incorrect)_(number|zip)|zip|"
    r"authentication_(required|failure)|charge_exceeds|processing_error$"
)
NOT_OF_CARDS = re.compile(
    r"setup_|microdeposit|phone_number|token_|bank_account|secret|discard|card_network|"
    r"customer_max|smart_disputes"
)
SECRET = ("fraud", "lost", "stolen", "block", "black", "suspect", "risk", "security reasons")


def sdk_codes() -> set[str]:
    """The error codes that the SDK's types name."""
    names: set[str] = set()
    waiting = [stripe.PaymentIntent.LastPaymentError.__annotations__["code"]]
    while waiting:
        for argument in typing.get_args(waiting.pop()):
            if isinstance(argument, str):
                names.add(argument)
            else:
                waiting.append(argument)
    return names


@pytest.mark.parametrize("code", PUBLISHED.split())
def test_every_published_decline_code_is_known(code: str) -> None:
    assert code in DECLINES


def test_so_is_every_code_of_the_sandboxs_cards() -> None:
    for card in TOKENS.values():
        assert {card.code, card.decline_code} - {None} <= set(DECLINES)


def test_so_is_every_error_code_about_cards_that_the_sdk_names() -> None:
    about_cards = {
        code for code in sdk_codes() if OF_CARDS.search(code) and not NOT_OF_CARDS.search(code)
    }
    assert len(about_cards) > 15
    assert about_cards <= set(DECLINES)


@pytest.mark.parametrize("code", sorted(DECLINES))
def test_the_words_are_one_plain_sentence(code: str) -> None:
    decline = explain(code)
    assert re.fullmatch(r"[A-Z][^.!?_]{15,90}\.", decline.words)
    assert not any(word in decline.words.lower() for word in SECRET)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", decline.code)


@pytest.mark.parametrize(
    "code", ["fraudulent", "lost_card", "stolen_card", "pickup_card", "merchant_blacklist"]
)
def test_what_must_not_be_told_reads_like_any_decline(code: str) -> None:
    decline = explain(code)
    assert (decline.words, decline.code) == (GENERIC.words, GENERIC.code)
    assert decline.advice is Advice.DO_NOT_RETRY
    assert not decline.transient


def test_the_banks_that_are_out_of_order() -> None:
    transient = {code for code, decline in DECLINES.items() if decline.transient}
    assert {"processing_error", "try_again_later", "issuer_not_available"} <= transient
    assert not transient & {"insufficient_funds", "expired_card", "generic_decline", "lost_card"}
    assert all(explain(code).advice is Advice.OTHER_CARD for code in transient)


@pytest.mark.parametrize("code", [None, "", "brand_new_code"])
def test_an_unknown_code_is_a_plain_decline(code: str | None) -> None:
    assert explain(code) is GENERIC
    assert GENERIC.advice is Advice.OTHER_CARD


@pytest.mark.parametrize(
    ("code", "decline_code", "advice_code", "told"),
    [
        ("card_declined", "insufficient_funds", None, "insufficient_funds"),
        ("expired_card", None, None, "expired_card"),
        ("card_declined", "generic_decline", "do_not_try_again", "do_not_try_again"),
        ("card_declined", "do_not_honor", "try_again_later", "try_again_later"),
        ("card_declined", None, "confirm_card_data", "confirm_card_data"),
        ("expired_card", "expired_card", "do_not_try_again", "expired_card"),
        ("card_declined", "lost_card", "try_again_later", "lost_card"),
        ("card_declined", "generic_decline", "brand_new_advice", "generic_decline"),
        (None, None, None, None),
    ],
)
def test_the_banks_advice_counts_where_it_gave_no_reason(
    code: str | None, decline_code: str | None, advice_code: str | None, told: str | None
) -> None:
    assert telling_code(code, decline_code, advice_code) == told


def test_advice_is_explained() -> None:
    assert explain("do_not_try_again").advice is Advice.DO_NOT_RETRY
    assert explain("try_again_later").transient
    assert explain("confirm_card_data").code == "card_details"
