"""The stage of a filter plugin: every batch goes through the filter."""

from collections.abc import Iterator
from pathlib import Path
from time import time_ns
from typing import Any

from mdc_core.contracts import Filter
from mdc_core.pipelines.chosen import Chosen
from mdc_core.pipelines.inputs import READING, InputOptions
from mdc_core.pipelines.output.options import OUTPUT, OutputOptions
from mdc_core.pipelines.stage import FilterStage, Made, StageRun
from mdc_core.quality.filtering import FilterRun
from mdc_core.wire.chunk import Chunk


class PluginFilter(FilterStage):
    """Puts events through a filter plugin."""

    def __init__(
        self,
        plugin: Chosen,
        paths: tuple[Path, ...] = (),
        reading: InputOptions = READING,
        writing: OutputOptions = OUTPUT,
    ) -> None:
        super().__init__(plugin.name)
        self.plugin, self.paths = plugin, paths
        self.reading, self.writing = reading, writing
        self.tick = 1.0 if plugin.plugin.tick is not Filter.tick else None

    @property
    def request(self) -> dict[str, Any]:
        """The filter, and whether what goes out is made of what came in."""
        derives = {"derives": True} if self.plugin.plugin.derives else {}
        return {"filter": self.name, **derives}

    def work(self, run: StageRun) -> Iterator[Made]:
        """Pass on what the filter makes of the input."""
        filtering = FilterRun(self.name, self.plugin.plugin(self.plugin.options))
        yield from _filtered(filtering, run)
        run.dropped, run.used, run.derived = filtering.dropped, filtering.used, filtering.derived
        run.finish(reason="signal" if run.control.stop.is_set() else None)


def _filtered(filtering: FilterRun, run: StageRun) -> Iterator[Chunk]:
    for chunk in run.chunks():
        if chunk.size:
            yield from filtering(chunk)
        else:
            yield chunk
        yield from filtering.tick(time_ns())
    yield from filtering.close()
