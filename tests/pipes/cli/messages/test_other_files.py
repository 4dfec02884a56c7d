"""Files that are not of events, each with the command that reads it, told once."""

import shlex
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

MAKE = (
    "mdc stream sim SPY --limit 40 > e.jsonl && mdc store --root data e.jsonl"
    " && mdc pack create data 'my p.zip' && mdc pack create data p.tar.gz"
    " && { echo bad; cat e.jsonl; } | mdc cat --quarantine aside.jsonl > /dev/null"
    ' && printf \'profile = "csv"\\n[map]\\npx = "price"\\n\' > m.toml'
    " && printf '[store]\\nroot = \"x\"\\n' > s.toml"
    " && head -c 20000 /dev/zero > zero"
    ' && printf \'{"recv_ns":1,"dir":"in","frame":[]}\\n\' > capture.jsonl'
)
READS = {
    "my p.zip": ("is a pack, or another archive of files", "mdc pack list 'my p.zip'"),
    "p.tar.gz": ("is a pack, or another archive of files", "mdc pack list p.tar.gz"),
    "data/_mdc/catalog.sqlite": ("is a catalog", "mdc ls --root data"),
    "aside.jsonl": ("is a quarantine file", "jq -r .text aside.jsonl | mdc validate"),
    "m.toml": ("is a mapping of columns", "mdc import --mapping m.toml TABLE"),
    "s.toml": ("is a file of settings", "mdc --config s.toml config show"),
    "capture.jsonl": ("is a capture", "mdc stream PROVIDER SYMBOL --replay capture.jsonl"),
    "zero": ("is binary data", ""),
}


@pytest.mark.parametrize("verb", ["cat", "head", "inspect", "lineage", "validate", "convert"])
@pytest.mark.some(2)
def test_they_are_told_with_the_command_that_reads_them(verb: str, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    for name, (what, hint) in READS.items():
        done = shell(f"mdc {verb} {shlex.quote(name)}")
        assert done.status == 65 and says_nothing(done.out), (verb, name, done)
        told = [f"mdc {verb}: {name} {what}, not a file of events"]
        assert done.err.splitlines() == told + ([f"hint: {hint}"] if hint else []), (verb, name)


def test_the_hints_work(shell: Shell) -> None:
    assert shell(MAKE).status == 0
    for name in ("my p.zip", "p.tar.gz", "data/_mdc/catalog.sqlite", "s.toml"):
        assert shell(READS[name][1]).status == 0, name


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("verify 'my p.zip'", "mdc pack verify 'my p.zip'"),
        ("ls e.jsonl", "mdc inspect e.jsonl"),
        ("pack list e.jsonl", "mdc inspect e.jsonl"),
        ("stream alpaca X --replay e.jsonl", "mdc replay e.jsonl"),
        ("stream alpaca X --replay 'my p.zip'", "mdc pack list 'my p.zip'"),
    ],
)
@pytest.mark.some(2)
def test_a_file_for_another_command(line: str, hint: str, shell: Shell) -> None:
    assert shell(MAKE).status == 0
    done = shell(f"mdc {line}", ALPACA_KEY_ID="k", ALPACA_SECRET_KEY="s")
    assert done.status == 65 and f"hint: {hint}\n" in done.err, done.err


def test_lines_with_rubbish_among_them_are_still_read(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc stream sim SPY --limit 5 --plain > e.jsonl").status == 0
    lines = (tmp_path / "e.jsonl").read_bytes()
    (tmp_path / "odd").write_bytes(b"\0\xff" * 90 + b"\n" + lines)
    done = shell("mdc cat odd")
    assert done.status == 0 and len(done.events) == 5


def test_head_reads_no_further_than_it_has_to(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc stream sim SPY --limit 5 > e.jsonl").status == 0
    lines = (tmp_path / "e.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "mix").write_bytes(b"".join(lines[:4]) + b"bad\n" * 5000)
    for line in ("head -n 1 mix", "head -n 3 mix", "cat -n 3 mix", "head -n 2 < mix"):
        done = shell(f"mdc {line}")
        assert (done.status, done.err) == (0, ""), line
    beyond = shell("mdc head -n 4 mix").err
    assert "4 in = 3 out" not in beyond and "4,999 more" in beyond


@pytest.mark.parametrize("verb", ["cat", "validate", "inspect", "replay", "compress", "convert"])
def test_a_file_that_does_not_exist(verb: str, shell: Shell) -> None:
    done = shell(f"mdc {verb} nowhere")
    assert done.status == 65
    assert done.err == f"mdc {verb}: no such file or directory: nowhere\n"


def test_no_time_is_no_event(shell: Shell) -> None:
    done = shell("mdc stream sim SPY --duration 0s")
    assert (done.status, done.events) == (0, [])


def test_a_place_that_cannot_be_sealed_is_told_once(shell: Shell) -> None:
    make = "mdc stream sim SPY --limit 9 > e.jsonl && mdc store --root data e.jsonl"
    assert shell(make).status == 0
    done = shell("rm -r data/SPY && echo x > data/SPY && mdc store --again --root data e.jsonl")
    assert done.status == 73
    said = [line.partition(": ")[2] for line in done.err.splitlines()]
    assert len(said) == len(set(said)), done.err
