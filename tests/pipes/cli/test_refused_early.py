"""What is wrong with a command line is told before anything is read, wherever it stands."""

from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Shell

# Of every kind, one that refuses its options or its URL.
REFUSING = '''\
"""They refuse what they are given."""
from mdc_core.plugin import *

class Refuses:
    def __init__(self, *given):
        raise UsageError("that makes no sense")

class F(Refuses, Filter):
    def __call__(self, batch):
        return batch

class C(Refuses, Check):
    def __call__(self, batch):
        return ()

class P(Refuses, PartFormat):
    suffix = ".p"
    def write(self, part, metadata, file):
        pass
    def read(self, file):
        return ()

class E(Refuses, Exporter):
    suffix = ".e"
    def write(self, part, file):
        pass

class I(Refuses, Importer):
    def batches(self):
        return ()

class S(Sink):
    def open(self):
        raise UsageError("that makes no sense")
    def write(self, batch, token):
        pass
    def flush(self):
        return 0

class N(S):
    def __init__(self, *given):
        raise UsageError("that makes no sense")
'''
POINTS = """\
[mdc.filter]
f = refusing:F
[mdc.validate]
c = refusing:C
[mdc.store]
p = refusing:P
[mdc.export]
e = refusing:E
[mdc.import]
i = refusing:I
[mdc.publish]
s = refusing:S
n = refusing:N
"""
SENSE = "that makes no sense"


@pytest.fixture
def sh(shell: Shell, tmp_path: Path, install) -> Shell:
    """A shell with these plugins, `in.jsonl` with more than is read at once, and a file `file`."""
    install(tmp_path / "packages", "refusing", POINTS)
    (tmp_path / "packages" / "refusing.py").write_text(REFUSING)
    (tmp_path / "file").touch()
    done = shell("mdc -q stream sim SPY --limit 20 > in.jsonl")
    assert done.status == 0
    return partial(shell, PYTHONPATH=str(tmp_path / "packages"))


@pytest.mark.parametrize(
    ("verb", "status", "told"),
    [  # 65: of a sink whose input ended with an error
        ("f", 2, SENSE),
        ("head - then f then count", 65, SENSE),
        ("validate --check c", 2, SENSE),
        ("store --format p", 2, SENSE),
        ("validate - then store --format p", 2, SENSE),
        ("export --profile e -o x", 2, SENSE),
        ("head - then export --profile e --output x", 2, SENSE),
        ("import --profile i -", 2, SENSE),
        ("import --profile i - then head then count", 65, SENSE),
        ("publish s any:thing", 2, SENSE),
        ("head - then publish s any:thing", 2, SENSE),
        ("publish n any:thing --dry-run", 2, SENSE),
        ("export --profile csv -o file/x.csv", 73, "cannot write file/x.csv: Not a directory"),
        ("export --profile csv -o file/x", 73, "cannot write file/x/manifest.json: Not a "),
        ("head - then export --profile csv --output file", 73, "cannot write file/"),
        ("convert -o file/x.jsonl", 73, "cannot write file/x.jsonl: "),
        ("store --root file", 73, "cannot write file/_mdc/"),
        ("head - then store --root file/x", 73, "cannot write file/x/_mdc/"),
        ("validate --quarantine file/x", 73, "cannot write file/x: Not a directory"),
        ("head --quarantine file/x - then count", 65, "cannot write file/x: Not a directory"),
    ],
)
@pytest.mark.some(7)
def test_nothing_is_read(verb: str, status: int, told: str, sh: Shell, tmp_path: Path) -> None:
    others = ("head -", "validate -", "count")
    who = next(words for words in verb.split(" then ") if words not in others).split()[0]
    done = sh(f"{{ mdc -q {verb}; echo $? > status; cat > rest; }} < in.jsonl")
    assert any(line.startswith(f"mdc {who}: {told}") for line in done.err.splitlines()), done
    assert (tmp_path / "rest").read_bytes() == (tmp_path / "in.jsonl").read_bytes()
    assert (tmp_path / "status").read_text() == f"{status}\n"
    left = {path.name for path in tmp_path.iterdir()} - {"packages", "file", "status", "rest"}
    assert left == {"in.jsonl"}
