"""What plugins print is in no answer, whatever verb calls them and whatever of them it calls."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT, Shell

# Each call of the package's own code prints, that of its modules and classes as well.
LOUD = '''\
"""Acme, loud."""
import os, sys, threading

def loud(frame, event, _):
    if event == "call" and "mdc_acme" in frame.f_code.co_filename:
        print("noise")
        os.write(1, b"noise\\n")

sys.setprofile(loud)
threading.setprofile(loud)
'''
TRADES = "".join(
    f'{{"type":"trade","symbol":"SPY","price":{price},"size":1,"ts_event":"2024-01-02T15:00:0{i}Z"}}\n'
    for i, price in enumerate((10, 20, 30))
)


@pytest.fixture
def sh(shell: Shell, tmp_path: Path) -> Shell:
    """A shell in which a loud mdc-acme is installed, and `in.jsonl` has three trades."""
    source = tmp_path / "loud" / "mdc_acme"
    shutil.copytree(ROOT / "examples/mdc-acme/src/mdc_acme", source)
    (source / "__init__.py").write_text(LOUD)
    points = (ROOT / "examples/mdc-acme/pyproject.toml").read_text()
    info = source.parent / "mdc_acme-1.0.0.dist-info"
    info.mkdir()
    kept = points[points.index('[project.entry-points."') : points.index("[tool.hatch.build")]
    kept = kept.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")
    (info / "entry_points.txt").write_text(kept)
    (info / "METADATA").write_text("Name: mdc-acme\nVersion: 1.0.0\n")
    (tmp_path / "in.jsonl").write_text(TRADES)
    return partial(shell, PYTHONPATH=str(source.parent))


LINES = {
    "mdc stream acme SPY --mock --limit 5": '"provider":"acme"',
    "mdc stream acme --help": "ACME_TOKEN",
    "exec 3< <(mdc mock acme); read url <&3; kill $!; echo $url; cat <&3": "127.0.0.1",
    "mdc providers list --json": '"acme"',
    "mdc providers show acme": "acme",
    "mdc plugins --json": '"acme-spread"',
    "mdc acme-large --size 2 < in.jsonl": '"begin"',
    "mdc acme-large --help": "the smallest trade",
    "mdc acme-large --size x < in.jsonl": "",
    "mdc validate --check acme-spread in.jsonl": '"price":30',
    "mdc validate --help": "--acme-spread-",
    "mdc publish acme-table sqlite:table in.jsonl": "",
    "mdc publish acme-table http://x in.jsonl": "",
    "mdc publish acme-table --help": "[PATH]",
    "mdc export --profile acme-text -o out.txt in.jsonl": "",
    "mdc export --profile acme-text --help": "--output",
    "mdc import --profile acme-text t.txt": '"price":10',
    "mdc import --profile acme-text t.txt then head -n 1 then convert": '"price":10',
    "mdc store --format acme-feather --root d < in.jsonl": "",
    "mdc cat --root e then acme-large --size 0 then count --json": '"total": 3',
    "mdc convert e/SPY/trade/*.feather": '"price":30',
    "mdc convert e/SPY/trade/*.feather -o c.parquet": "",
    "mdc compress e/SPY/trade/*.feather --json": "fast",
    "mdc query --root e --format jsonl 'SELECT sum(price) s FROM trade'": '{"s":60}',
    "mdc shell --root e <<< 'SELECT sum(price) s FROM trade;'": "60",
    "mdc coverage --root e": "complete",
    "mdc schema list": "trade",
    "mdc completion bash": "complete",
    "_MDC_COMPLETE=bash_complete COMP_WORDS='mdc acme-large --' COMP_CWORD=2 mdc": "--size",
    "mdc plugin new mine --kind check": "mdc-mine/",
}


def test_no_answer_has_what_a_plugin_prints(sh: Shell) -> None:
    assert sh("mdc -q store --format acme-feather --root e < in.jsonl").status == 0
    assert sh("mdc -q export --profile acme-text -o t.txt in.jsonl").status == 0
    for line, said in LINES.items():
        done = sh(line)
        assert (said in done.out, "noise" in done.out) == (True, False), (line, done)
    assert "noise" in sh("mdc query --root e 'SELECT sum(price) FROM trade'").err
