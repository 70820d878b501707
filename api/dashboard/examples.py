"""An example of the list, as the OpenAPI document shows it. A test holds it to the schema."""

from typing import Any

RECENT: list[dict[str, Any]] = [
    {
        "id": "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10",
        "reference": "TS-4K7QP-9XW2M",
        "user_id": "trv_9f2c41d07a55e3b8",
        "username": "ada@example.com",
        "first_name": "Ada",
        "product": "TRIP",
        "product_title": "DL 100 JFK–CDG, Hotel Aurora, Harbour tour by boat",
        "status": "Confirmed",
        "created_at": "2031-02-11T08:13:58Z",
        "referral_code": None,
        "discount_percent": None,
        "total": 200000,
        "currency": "USD",
    }
]
