"""python -m tests.simulation --seeds N [--first SEED] [--vendor NAME]: as many runs of each vendor.

A seed that fails is printed as the line that runs it again, and the status is 1.
"""

import argparse
import sys
import time

from tests.simulation.served import check
from tests.simulation.vendors import VENDORS


def main() -> int:
    """Run them all; the number of vendors with a failure is not told, but that there is one."""
    reads = argparse.ArgumentParser(prog="python -m tests.simulation")
    reads.add_argument("--seeds", type=int, default=100)
    reads.add_argument("--first", type=int, default=0)
    reads.add_argument("--vendor", choices=[vendor.name for vendor in VENDORS])
    asked = reads.parse_args()
    failed = False
    for vendor in VENDORS:
        if asked.vendor not in (None, vendor.name):
            continue
        trades = gaps = 0
        began = time.monotonic()
        for seed in range(asked.first, asked.first + asked.seeds):
            try:
                found = check(vendor, seed)
            except Exception as error:  # whatever a codec raises is a finding
                again = (
                    f"python -m tests.simulation --vendor {vendor.name} --first {seed} --seeds 1"
                )
                print(f"{again}\n  {type(error).__name__}: {error}", flush=True)
                failed = True
                continue
            trades, gaps = trades + found[0], gaps + found[1]
        took = time.monotonic() - began
        print(f"{vendor.name}: {asked.seeds} seeds, {trades} trades, {gaps} gaps in {took:.1f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
