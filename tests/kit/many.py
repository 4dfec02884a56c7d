"""How many examples a test tries: few in an ordinary run, MDC_MANY times as many in torture."""

import os
import random
from collections.abc import Sequence
from typing import TypeVar

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
