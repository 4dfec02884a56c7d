"""Counters that threads write, and gauges that are read when they are asked for."""

import threading

import mdc_core as mdc
from mdc_core.observers import Observers
from mdc_core.pipelines import books
from mdc_core.telemetry import Telemetry


def test_counts_of_many_threads_add_up_and_gauges_are_of_now():
    telemetry, waiting = Telemetry(), [3, 4]
    telemetry.watch("mdc_events_buffered", lambda: len(waiting))

    def work() -> None:
        for _ in range(2_000):
            telemetry.add("mdc_reconnection_attempts_total")
            telemetry.values()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {"mdc_reconnection_attempts_total": 8_000, "mdc_events_buffered": 2}
    assert telemetry.values() == found
    telemetry.add("mdc_reconnection_attempts_total", 2)
    waiting.clear()
    found = {"mdc_reconnection_attempts_total": 8_002, "mdc_events_buffered": 0}
    assert telemetry.values() == found


def test_a_stage_is_measured_while_it_works(monkeypatch):
    found = []

    class Hook:
        def __getattr__(self, name):
            return lambda **told: found.append((name, told))

    monkeypatch.setattr(Observers, "_load", lambda self: Hook())
    command = "stream sim SPY --limit 20000"

    def published() -> list[float]:
        found.clear()
        assert sum(batch.num_rows for batch in mdc.pipeline(command).batches()) >= 20_000
        told = [values["values"] for name, values in found if name == "measured"]
        return [values["mdc_events_published_total"] for values in told]

    assert published() == [20_000]
    monkeypatch.setattr(books, "EVERY", 0.0)
    often = published()
    assert len(often) > 3 and often == sorted(often) and often[-1] == 20_000
