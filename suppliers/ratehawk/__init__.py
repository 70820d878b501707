"""Hotels of RateHawk (ETG API v3): ``RateHawkSupplier``; ``verify_ratehawk`` for webhooks."""

from suppliers.ratehawk.adapter import RateHawkSupplier
from suppliers.ratehawk.webhooks import verify as verify_ratehawk

__all__ = ["RateHawkSupplier", "verify_ratehawk"]
