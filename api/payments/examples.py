"""Examples of reconciliations, as the OpenAPI document shows them."""

from typing import Any

_SUMS = {"captured": 200000, "refunded": 40000, "disputed": 0}
_DAY: dict[str, Any] = {
    "day": "2031-02-01",
    "gateway": "stripe",
    "runAt": "2031-02-02T00:05:01Z",
    "currencies": {
        "USD": {
            "payments": 1,
            "recorded": {"captured": 200000, "refunded": 0, "disputed": 0},
            "gateway": _SUMS,
            "ledger": 200000,
            "foreign": {"captured": 0, "refunded": 0, "disputed": 0},
        }
    },
}

RECONCILIATIONS: dict[str, Any] = {"reconciliations": [{**_DAY, "differences": 1}]}

RECONCILIATION: dict[str, Any] = {
    "reconciliations": [
        {
            **_DAY,
            "differences": [
                {
                    "bookingId": "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
                    "paymentId": "pi_3PZ1x2",
                    "what": "refunded: 40000 at the gateway, 0 on record",
                }
            ],
        }
    ]
}
