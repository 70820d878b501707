"""What amounts Stripe takes: currencies it knows, least and greatest charges, whole steps.

Source: https://docs.stripe.com/currencies. Amounts are in Stripe's smallest unit of the currency,
which is not always that of ISO 4217.
"""

from typing import Final

from sandbox.stripe.errors import ApiError

_KNOWN: Final = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp
    byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip
    gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt
    lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr
    nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd
    std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar
    zmw
"""
CURRENCIES: Final = frozenset(_KNOWN.split())
"""What Stripe charges in, in lower case."""

_LEAST: Final[dict[str, int]] = {
    "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17500,
    "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300,
    "thb": 1000,
}  # fmt: skip
_LEAST_ELSEWHERE: Final = 50
_GREATEST: Final[dict[str, int]] = {"idr": 999_999_999_999}
_GREATEST_ELSEWHERE: Final = 99_999_999

_STEPS: Final[dict[str, int]] = {
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10),  # three decimals, the last one 0
    **dict.fromkeys(("isk", "ugx"), 100),  # without decimals, but still written with two
}
"""What amounts must be divisible by."""


def check_currency(currency: str) -> str:
    """Return the currency in lower case.

    Raises:
        ApiError: not one that Stripe charges in.
    """
    currency = currency.lower()
    if currency not in CURRENCIES:
        raise ApiError(f"Invalid currency: {currency}.", param="currency")
    return currency


def check_amount(amount: int, currency: str) -> int:
    """Return an amount that may be charged.

    Raises:
        ApiError: code ``amount_too_small`` or ``amount_too_large``.
    """
    least = _LEAST.get(currency, _LEAST_ELSEWHERE)
    if amount < least:
        raise ApiError(
            f"Amount must be at least {least} {currency} in the smallest currency unit.",
            code="amount_too_small",
            param="amount",
        )
    greatest = _GREATEST.get(currency, _GREATEST_ELSEWHERE)
    if amount > greatest:
        raise ApiError(
            f"Amount must be no more than {greatest}.", code="amount_too_large", param="amount"
        )
    return amount


def check_steps(amount: int, currency: str, param: str) -> int:
    """Return an amount that the currency's amounts may be.

    Raises:
        ApiError: it must be divisible by 10 (three-decimal currencies) or by 100 (ISK, UGX).
    """
    step = _STEPS.get(currency, 1)
    if amount % step:
        raise ApiError(
            f"Invalid amount: amounts in {currency} must be divisible by {step}.", param=param
        )
    return amount
