"""What a booking costs: time, history, SQL and CPU, measured on a world of its own."""

from settings.parts import LimitSettings

UNLIMITED = {
    "OVERLOAD_BUSY_SECONDS": "600",
    "OVERLOAD_BUSY_BOOKINGS": "1000000",
    "OVERLOAD_FULL_SECONDS": "1200",
    "OVERLOAD_FULL_BOOKINGS": "2000000",
    **{
        f"LIMIT_{name.upper()}": "0" for name in LimitSettings.model_fields if "seconds" not in name
    },
}
"""Settings without limits on what callers ask for: benchmarks and tests load the system, share its
databases and leave bookings under way there."""
