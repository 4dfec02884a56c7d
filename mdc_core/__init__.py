"""Composable commands that collect market data, and the same pipelines for Python.

    import mdc_core as mdc

    result = mdc.pipeline("stream sim SPY --limit 100 then validate then store --root d").run()
    for event in mdc.pipeline(mdc.stage("cat", root="d", symbol="SPY")): ...

What is named here is loaded when it is asked for.
"""

TYPE_CHECKING = False  # as type checkers read it; importing typing would take longer than all this
if TYPE_CHECKING:
    from mdc_core.api import pipeline as pipeline
    from mdc_core.api import stage as stage
    from mdc_core.errors import MdcError as MdcError
    from mdc_core.pipelines.run import Pipeline as Pipeline
    from mdc_core.pipelines.run import PipelineResult as PipelineResult
    from mdc_core.pipelines.run import StageResult as StageResult

__version__ = "0.1.0"
_HOMES = {
    "pipeline": "mdc_core.api",
    "stage": "mdc_core.api",
    "MdcError": "mdc_core.errors",
    "Pipeline": "mdc_core.pipelines.run",
    "PipelineResult": "mdc_core.pipelines.run",
    "StageResult": "mdc_core.pipelines.run",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mdc_core' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
