"""``/market/v1``: who offers stays and tours, and what."""
