"""What becomes of places, counted for Prometheus by the worker that sees it."""

from temporalio import activity
from temporalio.common import MetricMeter


def count_places(outcome: str, places: int = 1, meter: MetricMeter | None = None) -> None:
    """Count places by outcome: ``held``, ``expired``, or what refused one (``guest``, ``venue``…).

    ``meter``: of whoever is no activity. What an activity repeats after its answer was lost is
    counted again.
    """
    if meter is None:
        meter = activity.metric_meter() if activity.in_activity() else MetricMeter.noop
    counter = meter.create_counter("tripsaga_places", "Places at venues, by what became of them")
    if places:
        counter.add(places, {"outcome": outcome})
