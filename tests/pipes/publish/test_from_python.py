"""A pipeline that publishes, from Python: the same stage, and its books as values."""

import subprocess
import sys

from tests.kit.http_place import Answer, http_place

PROGRAM = """
import mdc_core as mdc
made = mdc.pipeline("stream sim SPY --limit 9 --seed 3 then publish http {url} --batch 4").run()
stream, publish = made.stages
print(made.status, tuple(publish.account), sum(publish.counts.values()))
"""


def test_a_pipeline(quiet_env: dict[str, str]) -> None:
    with http_place() as place:
        place.answers = [Answer(), Answer(422)]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(url=place.url)],
            capture_output=True,
            text=True,
            check=False,
            env=quiet_env,
        )
        assert done.stdout == "0 (9, 5, 4, 0, 0, 0, 0) 9\n", done.stderr
        assert len(place.lines) == 5
