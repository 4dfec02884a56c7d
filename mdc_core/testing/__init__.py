"""Conformance suites for the authors of plugins.

    from mdc_acme.feed import Acme
    from mdc_core.testing import StreamSuite

    class TestAcme(StreamSuite):
        stream = Acme

Recorded input lies beside the test file, and so does the expected output (golden): events
or findings, one JSON object a line; of a stream both are in one `transcript.jsonl`.
`MDC_UPDATE_GOLDEN=1 pytest` writes the expected output anew and shows what is another one, as
a warning; read it before you keep it. They need pytest and nothing else: `mdc`'s own extra
`test` is for the tests of mdc.
"""

import pytest

for _name in (
    "golden",
    "suites.plugin_suite",
    "stream.stream_suite",
    "stream.sandbox_suite",
    "stream.damage_suite",
    "stream.subscription_suite",
    "suites.history_suite",
    "suites.check_suite",
    "suites.source_suite",
    "suites.importer_suite",
    "suites.exporter_suite",
    "stream.round_trip",
    "stream.transcript",
    "suites.filter_suite",
    "suites.format_suite",
    "suites.sink_suite",
    "suites.observer_suite",
):
    pytest.register_assert_rewrite(f"mdc_core.testing.{_name}")

from mdc_core.testing.stream.stream_suite import StreamSuite  # noqa: E402
from mdc_core.testing.suites.check_suite import CheckSuite  # noqa: E402 - see above
from mdc_core.testing.suites.exporter_suite import ExporterSuite  # noqa: E402
from mdc_core.testing.suites.filter_suite import FilterSuite  # noqa: E402
from mdc_core.testing.suites.format_suite import PartFormatSuite  # noqa: E402
from mdc_core.testing.suites.history_suite import HistorySuite  # noqa: E402
from mdc_core.testing.suites.importer_suite import ImporterSuite  # noqa: E402
from mdc_core.testing.suites.observer_suite import ObserverSuite  # noqa: E402
from mdc_core.testing.suites.sink_suite import SinkSuite  # noqa: E402
from mdc_core.testing.suites.source_suite import SourceSuite  # noqa: E402

__all__ = [
    "CheckSuite",
    "ExporterSuite",
    "FilterSuite",
    "HistorySuite",
    "ImporterSuite",
    "ObserverSuite",
    "PartFormatSuite",
    "SinkSuite",
    "SourceSuite",
    "StreamSuite",
]
