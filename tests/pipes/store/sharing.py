"""Events of so many symbols that they share parts."""

import json
from functools import partial

import pytest

from tests.conftest import Shell
from tests.kit import forks

SYMBOLS = 30  # more than the 24 from which on they share a part here
UNTIMED = 25  # of them have one event of each type without a time
PLACES = ("write.sealing.sharing", "write.sealing.seal", "upkeep.compaction.shared")
FEWER = {"MDC_CONSTANTS": " ".join(f"mdc_core.archive.{place}:MANY=24" for place in PLACES)}


def sharing_soon(shell: Shell) -> Shell:
    """A shell where 25 symbols share a part, and not 257."""
    if not forks.available():
        pytest.skip("no fork server here")
    return partial(shell, **FEWER)


# One that every path needs an encoding for, one that reads like a folder of ours, one with a dot.
DAYS = ("2024-01-02", "2024-01-03", "undated")
ODD = {0: "B/C", 1: "~mixed", 2: ".x", 3: "_", 4: "Ä"}


def symbol_of(number: int) -> str:
    return ODD.get(number, f"S{number:03d}")


def events(symbols: range = range(SYMBOLS)) -> list[str]:
    """Trades, quotes and gaps of two days: many at one moment, some without a time or symbol."""
    found = []
    for turn in range(6):
        for number in symbols:
            at = f"2024-01-0{2 + turn // 4}T14:30:0{turn}.00{number % 3}000000Z"
            timed = f',"ts_event":"{at}"' if turn or number % 7 == 0 else ""
            head = (
                f'"v":"1.0.0","symbol":{json.dumps(symbol_of(number), ensure_ascii=False)}{timed}'
            )
            body = f'"price":{number + turn}.25,"size":{turn + 1},"trade_id":"{turn}-{number}"'
            found.append(f'{{"type":"trade",{head},{body}}}')
            quote = f'"bid_price":{number},"bid_size":1,"ask_price":{number + 1},"ask_size":2'
            found.append(f'{{"type":"quote",{head},{quote}}}')
        if 0 in symbols:
            found.append(f'{{"type":"gap","v":"1.0.0","ts_event":"{at}","reason":"test"}}')
    return found


def text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
