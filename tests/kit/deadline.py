"""How long a test may wait for what must come: so often what a start of mdc takes, here and now."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter

STARTS = 200  # 60 s where nothing else runs
LEAST = 20.0


def deadline(starts: float = STARTS) -> float:
    """Seconds, measured anew each time: a machine may have become busy since."""
    began = perf_counter()
    mdc = Path(sys.executable).parent / "mdc"
    subprocess.run([mdc, "convert", "--to", "arrow"], input=b"", capture_output=True, check=False)
    return max(LEAST, starts * (perf_counter() - began))
