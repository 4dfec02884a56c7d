"""Cases as folders: `tests/cases/VERB/NAME/` has a line of shell, and what it must say.

`cmd` is run by bash with `in` on its standard input, in a folder with all other files of the
case. Standard output must be `out`, standard error `err`, the exit status that in `status` (0
without the file). `MDC_UPDATE_GOLDEN=1 pytest tests/pipes/test_cases.py` writes these three:
read them before you believe them. What differs from run to run is masked: see `masked`.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Shell

CASES = Path(__file__).resolve().parents[1] / "cases"
EXPECTED = ("out", "err", "status")
FOLDERS = sorted(path.parent for path in CASES.rglob("cmd"))
MASKS = (
    (r'(?<="run_id":")[0-9a-f]{12}(?=")', "RUN"),
    (r'("type":"(?:begin|end)"[^{}]*?"ts_recv":")20(?:2[6-9]|[3-9])[^"]*', r"\1NOW"),
    (r'(?<="archives":\[)"[^\]]*"(?=\])', '"ARCHIVE"'),
    (r'"versions":\{[^}]*\}', '"versions":{}'),
    (r'"mdc":"[^"]*"', '"mdc":"VERSION"'),
    (r"(?<= )\d+\.\d\d s", "N s"),
    (r"(rejected into )\S*/mdc/quarantine/\S*", r"\1QUARANTINE"),
)


def masked(text: str) -> str:
    """A text without ids and versions, and times of a begin or end without their digits."""
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return text


def text_of(file: Path) -> str:
    """The text of a file as it is; nothing where there is none."""
    return file.read_bytes().decode() if file.exists() else ""


@pytest.mark.parametrize("case", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_case(case: Path, shell: Shell, tmp_path: Path) -> None:
    for file in case.iterdir():
        if file.name not in ("cmd", "in", *EXPECTED):
            shutil.copy(file, tmp_path)
    given = case / "in"
    done = shell((case / "cmd").read_text(), stdin=given.read_bytes() if given.exists() else b"")
    status = f"{done.status}\n" if done.status else ""
    got = dict(zip(EXPECTED, (masked(done.out), masked(done.err), status), strict=True))
    if os.environ.get("MDC_UPDATE_GOLDEN"):
        for name, text in got.items():
            (case / name).unlink(missing_ok=True)
            if text:
                (case / name).write_bytes(text.encode())
    wanted = {
        name: (case / name).read_bytes().decode() if (case / name).exists() else "" for name in got
    }
    assert got == wanted


def test_there_are_cases_and_each_says_something() -> None:
    assert len(FOLDERS) >= 40
    assert [case.name for case in FOLDERS if not any((case / n).exists() for n in EXPECTED)] == []
