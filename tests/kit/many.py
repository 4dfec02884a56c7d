"""How many examples a test tries: few in an ordinary run, MDC_MANY times as many in torture."""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")


def many(few: int) -> int:
    """So many in this run."""
    return few * int(os.environ.get("MDC_MANY", "1"))


def some(cases: Sequence[T], few: int) -> list[T]:
    """So many of some cases, which MDC_SEED chooses; all of them in torture."""
    if "MDC_MANY" in os.environ:
        return list(cases)
    chosen = random.Random(os.environ.get("MDC_SEED", "0")).sample(range(len(cases)), few)
    return [cases[number] for number in sorted(chosen)]


def left_out(items: Sequence[pytest.Item]) -> set[str]:
    """The ids of cases that this run does without: of `@pytest.mark.some(few)` a few are run."""
    families = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if item.get_closest_marker("some") is not None:
            families[item.nodeid.partition("[")[0]].append(item)
    without = set[str]()
    if "MDC_MANY" in os.environ:
        return without
    for name, cases in families.items():
        mark = cases[0].get_closest_marker("some")
        assert mark is not None
        dice = random.Random(os.environ.get("MDC_SEED", "0") + name)
        chosen = dice.sample(range(len(cases)), min(mark.args[0], len(cases)))
        without |= {case.nodeid for at, case in enumerate(cases) if at not in chosen}
    return without
