"""Examples for the description: the ledger, as operators see it."""

from typing import Any

_ID = "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10"


def _balance(account: str, owner: str, debited: int, credited: int) -> dict[str, Any]:
    return {
        "account": account,
        "owner": owner,
        "currency": "USD",
        "debited": debited,
        "credited": credited,
        "balance": debited - credited,
    }


def _line(account: str, owner: str, direction: str, amount: int) -> dict[str, Any]:
    return {
        "account": account,
        "owner": owner,
        "direction": direction,
        "amount": amount,
        "currency": "USD",
    }


LEDGER_BALANCES: dict[str, Any] = {
    "at": None,
    "balances": [
        _balance("COMMISSION", "", 0, 15_000),
        _balance("GATEWAY", "stripe", 100_000, 0),
        _balance("PROVIDER_EARNINGS", "booking_com", 0, 85_000),
        _balance("TRAVELER", "", 100_000, 100_000),
    ],
}

LEDGER_STATEMENT: dict[str, Any] = {
    "bookingId": _ID,
    "bookingReference": "TS-4K7QP-9XW2M",
    "state": "CONFIRMED",
    "currency": "USD",
    "entries": [
        {
            "id": 101,
            "entryType": "capture",
            "sourceId": "pi_3PZ1x2",
            "description": "payment pi_3PZ1x2 captured: 1,000.00 USD",
            "createdAt": "2031-02-01T10:16:02.114Z",
            "lines": [
                _line("GATEWAY", "stripe", "DEBIT", 100_000),
                _line("TRAVELER", "", "CREDIT", 100_000),
            ],
            "travelerBalance": 100_000,
            "hash": "5f0c8f1e2f0b4c55a1f2b7f0b6f9d3aa5f0c8f1e2f0b4c55a1f2b7f0b6f9d3aa",
        },
        {
            "id": 102,
            "entryType": "sale",
            "sourceId": f"{_ID}-2-1",
            "description": "Hotel Aurora sold",
            "createdAt": "2031-02-01T10:16:02.114Z",
            "lines": [
                _line("TRAVELER", "", "DEBIT", 100_000),
                _line("PROVIDER_EARNINGS", "booking_com", "CREDIT", 85_000),
                _line("COMMISSION", "", "CREDIT", 15_000),
            ],
            "travelerBalance": 0,
            "hash": "0b9fd6e05a634d3b9a393d0d3f2a7f110b9fd6e05a634d3b9a393d0d3f2a7f11",
        },
    ],
}

LEDGER_RIGHT: dict[str, Any] = {
    "ok": True,
    "since": "2031-01-31T10:20:00Z",
    "entries": 2,
    "violations": [],
}
LEDGER_WRONG: dict[str, Any] = {
    **LEDGER_RIGHT,
    "ok": False,
    "violations": [
        {
            "kind": "chain",
            "message": "entry 102 was changed after it was written",
            "bookingId": _ID,
            "entryId": 102,
        }
    ],
}

COMMISSION_RULE: dict[str, Any] = {
    "id": 3,
    "supplier": "booking_com",
    "provider": None,
    "basisPoints": 1500,
    "validFrom": "2031-02-01T09:00:00Z",
    "createdAt": "2031-02-01T09:00:00Z",
    "who": "operator back office",
}
COMMISSION_RULES: dict[str, Any] = {"rules": [COMMISSION_RULE]}
