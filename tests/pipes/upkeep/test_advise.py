"""`mdc advise`: what it says would be gained is what is gained."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, parts_of
from tests.pipes.store.storing import storing

EVENTS = "mdc stream sim SPY AAPL --limit 2000 --seed 3 | grep '\"symbol\"' > events.jsonl"
FOOTER = 3_500  # bytes at most by which a Parquet file with its origin is larger


@pytest.fixture(autouse=True)
def events(shell: Shell) -> None:
    assert shell(EVENTS).status == 0


def advice(shell: Shell, options: str = "") -> dict[str, Any]:
    done = shell(f"mdc advise {options} --json")
    assert done.status == 0, done.err
    return {one["kind"]: one for one in json.loads(done.out)}


def size(shell: Shell, root: str = "data") -> int:
    parts = json.loads(shell(f"mdc du --root {root} --json").out)["files"]
    return sum(part["bytes"] for part in parts)


def test_nothing_to_be_said(shell: Shell) -> None:
    assert shell("mdc store < events.jsonl").status == 0
    done = shell("mdc advise")
    assert (done.status, done.out) == (0, "")
    assert "4 files, nothing to be said against them" in done.err


def test_small_files(shell: Shell, tmp_path: Path) -> None:
    for at in range(8):
        line = f"sed -n '{at * 250 + 1},{at * 250 + 250}p' events.jsonl | mdc store"
        assert shell(line).status == 0
    before = size(shell)
    said = advice(shell)
    assert set(said) == {"small-files"}
    one = said["small-files"]
    assert (one["files"], one["bytes"]) == (32, before)
    assert one["text"] == "32 files where 4 would do, one for each period"
    assert len(one["sample"]) == 32
    assert one["percent"] == round(100 * one["saved"] / before, 1) > 50
    text = shell("mdc advise").out
    assert f"{one['percent']} %, measured on 32 files such as data/" in text
    assert text.endswith("mdc compact --root data\n")
    assert shell(one["command"]).status == 0
    assert 0 <= one["saved"] - (before - size(shell)) <= 4 * FOOTER
    assert advice(shell) == {}


def test_files_that_are_not_compressed(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc store --format jsonl < events.jsonl").status == 0
    said = advice(shell)
    assert set(said) == {"codec", "format"}
    one = said["codec"]
    assert one["files"] == 4
    assert one["text"] == "4 hot files not compressed: zstd-3 is smaller"
    assert shell(one["command"].replace("NEW", "new")).status == 0
    assert one["bytes"] - one["saved"] == size(shell, "new")
    form = said["format"]
    assert shell(form["command"].replace("NEW", "newer")).status == 0
    assert 0 <= size(shell, "newer") - (form["bytes"] - form["saved"]) <= 4 * FOOTER
    spy = advice(shell, "--symbol SPY --type trade")["codec"]
    (path,) = tmp_path.glob("data/SPY/trade/*")
    assert (spy["files"], spy["sample"]) == (1, [str(path.relative_to(tmp_path))])


def test_another_codec_than_that_of_the_tier(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text('[tier.warm]\nprofile = "realtime"\n')
    assert shell("mdc store --format jsonl --preset none < events.jsonl").status == 0
    assert shell("mdc tier migrate --now 2024-01-20").status == 0
    assert "codec" not in advice(shell)
    (tmp_path / "mdc.toml").write_text('[tier.warm]\nafter = "7d"\n')
    one = advice(shell)["codec"]
    assert one["text"] == "4 warm files compressed with lz4: zstd-6 is smaller"
    before = size(shell)
    assert shell(f"{one['command']} --now 2024-01-20").status == 0
    assert one["saved"] == before - size(shell) > 0
    assert "codec" not in advice(shell)


def test_periods_that_are_too_short(shell: Shell, tmp_path: Path) -> None:
    line = '{{"type":"trade","symbol":"{}","ts_event":"2024-01-{:02d}T{:02d}:30:00Z","price":{}}}'
    made = [
        line.format(symbol, day, hour, hour + 1)
        for symbol in ("A", "B")
        for day in (1, 2)
        for hour in range(24)
    ]
    (tmp_path / "hours.jsonl").write_text("\n".join(made) + "\n")
    form = "--format jsonl --compression zstd"
    assert shell(f"mdc store {form} --partition hourly < hours.jsonl").status == 0
    one = advice(shell)["partition"]
    assert (one["files"], len(one["sample"])) == (96, 96)
    assert one["text"].startswith("96 hourly files with 1 event (median)")
    assert one["command"].endswith("--partition daily")
    assert shell(f"mdc store --root new {form} --partition daily < hours.jsonl").status == 0
    assert one["bytes"] - one["saved"] == size(shell, "new")
    assert "partition" not in advice(shell, "--root new")


def test_files_that_are_too_large(shell: Shell) -> None:
    assert shell("mdc store --partition none < events.jsonl").status == 0
    assert advice(shell) == {}
    one = advice(shell, "--max-file-size 8KB")["partition"]
    sizes = [row["bytes"] for row in json.loads(shell("mdc ls --json").out)]
    assert one["files"] == sum(s > 8_000 for s in sizes) > 0
    assert (one["bytes"], one["saved"]) == (sum(s for s in sizes if s > 8_000), None)


def test_decimals_that_are_too_wide(shell: Shell, tmp_path: Path) -> None:
    line = "grep '\"trade\"' events.jsonl | grep SPY | mdc store --root one"
    assert shell(line).status == 0
    (narrow,) = tmp_path.glob("one/SPY/trade/*")
    table = pq.read_table(narrow)
    for name in ("price", "size"):
        index = table.schema.get_field_index(name)
        wide = table.column(name).cast(pa.decimal128(36, 18))
        table = table.set_column(index, name, wide)
    (tmp_path / "data").mkdir()
    pq.write_table(table, tmp_path / "data" / "wide.parquet", compression="zstd")
    assert shell("mdc catalog rebuild").status == 0
    one = advice(shell)["decimals"]
    assert (one["files"], one["sample"]) == (1, ["data/wide.parquet"])
    assert one["bytes"] == (tmp_path / "data" / "wide.parquet").stat().st_size
    assert abs(one["bytes"] - one["saved"] - narrow.stat().st_size) <= FOOTER
    assert shell(one["command"]).status == 0
    (path,) = parts_of(tmp_path / "data")
    assert pq.read_schema(path).field("price").type == pa.decimal128(18, 9)
    assert advice(shell) == {}
    # One value that does not fit: then there is nothing to gain.
    line = '{"type":"trade","symbol":"SPY","ts_event":"2024-01-03T00:00:00Z","price":1e-18}'
    (tmp_path / "fine.jsonl").write_text(line + "\n")
    assert shell("rm -r data; mkdir data; mdc convert fine.jsonl -o data/w.parquet").status == 0
    assert shell("mdc catalog rebuild").status == 0
    assert advice(shell) == {}


def test_what_was_left_behind(shell: Shell, tmp_path: Path, quiet_env: dict[str, str]) -> None:
    with storing("--fsync always --seal-every 1h", tmp_path, quiet_env) as store:
        store.write(['{"type":"trade","symbol":"X","price":1}'] * 3)
        store.wait_for(3)
        assert advice(shell) == {}  # it is being written
        store.kill()
    one = advice(shell)["left-behind"]
    (journal,) = tmp_path.glob("data/_mdc/journal/*.journal")
    assert one["text"] == "3 events only in a journal"
    assert (one["bytes"], one["saved"]) == (journal.stat().st_size, None)
    assert shell(one["command"]).status == 0
    assert advice(shell) == {}


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc advise", 65, "no archive at data"),
        ("mkdir data; mdc advise", 65, "mdc catalog rebuild --root data"),
        ("mkdir data; mdc advise --max-file-size huge", 2, "huge"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert (done.status, done.out) == (status, "")
    assert said in done.err
