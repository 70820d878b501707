"""The benchmark of acknowledgements runs. No figure is held to a limit."""

import pytest

from benchmarks.webhooks import WebhookReport
from tests.benchmarks.small_runs import small_run


@pytest.mark.exhaustive  # its stage, orders and figures are those of benchmarks.bookings
def test_a_small_run_measures_every_delivery() -> None:
    options = "--rate 20 --seconds 1 --copies 2 --bookings 1 --json"
    report = WebhookReport.model_validate(small_run("webhooks", options))
    assert (report.deliveries, report.events) == (20, 10)
    assert 0 < report.p50 <= report.p95 <= report.p99 <= report.max
