"""How many examples a test tries: few in an ordinary run, MDC_MANY times as many in torture."""

import os


def many(few: int) -> int:
    """So many in this run."""
    return few * int(os.environ.get("MDC_MANY", "1"))
