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
    "plugin_suite",
    "stream_suite",
    "sandbox_suite",
    "damage_suite",
    "subscription_suite",
    "history_suite",
    "check_suite",
    "source_suite",
    "importer_suite",
    "exporter_suite",
    "round_trip",
    "transcript",
    "filter_suite",
    "format_suite",
    "sink_suite",
):
    pytest.register_assert_rewrite(f"mdc_core.testing.{_name}")

from mdc_core.testing.check_suite import CheckSuite  # noqa: E402 - see above
from mdc_core.testing.exporter_suite import ExporterSuite  # noqa: E402
from mdc_core.testing.filter_suite import FilterSuite  # noqa: E402
from mdc_core.testing.format_suite import PartFormatSuite  # noqa: E402
from mdc_core.testing.history_suite import HistorySuite  # noqa: E402
from mdc_core.testing.importer_suite import ImporterSuite  # noqa: E402
from mdc_core.testing.sink_suite import SinkSuite  # noqa: E402
from mdc_core.testing.source_suite import SourceSuite  # noqa: E402
from mdc_core.testing.stream_suite import StreamSuite  # noqa: E402

__all__ = [
    "CheckSuite",
    "ExporterSuite",
    "FilterSuite",
    "HistorySuite",
    "ImporterSuite",
    "PartFormatSuite",
    "SinkSuite",
    "SourceSuite",
    "StreamSuite",
]
