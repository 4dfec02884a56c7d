"""A million lines that are nearly right, through both readers of JSONL."""

import pytest

from tests.unit.wire.lines.mutants import Readers, mutants


@pytest.mark.parametrize("seed", range(100, 200))
def test_both_readers_agree_on_mutants(seed: int) -> None:
    readers = Readers()
    for line in mutants(seed, 10_000):
        assert readers.difference(line) is None
