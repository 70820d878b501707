"""What becomes of places, counted for Prometheus by the worker that sees it."""

from temporalio.common import MetricMeter


class PlaceCounter:
    """Counts places by what became of them.

    By the meter of the worker's process: an activity's own adds labels, and makes other series.
    """

    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        self._counter = meter.create_counter(
            "tripsaga_places", "Places at venues, by what became of them"
        )

    def count(self, outcome: str, places: int = 1) -> None:
        """Count places: ``held``, ``expired``, or what refused one (``guest``, ``venue``…).

        What an activity repeats after its answer was lost is counted again.
        """
        if places:
            self._counter.add(places, {"outcome": outcome})
