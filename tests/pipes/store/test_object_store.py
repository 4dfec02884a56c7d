"""Archives on an object store, through a real S3 API on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdc_core.archive.storage import COLUMNS
from tests.conftest import Shell
from tests.pipes.store.sharing import DAYS, events, sharing_soon, text

s3 = pytest.importorskip("tests.kit.s3", reason="moto is not installed")
pafs = pytest.importorskip("pyarrow.fs")

ROOT = "s3://archive/team/data"
OWNER = "archive/team/data/_mdc/archive.json"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    store = s3.FailingStore()
    yield store.url
    store.close()


@pytest.fixture
def bucket(endpoint: str) -> Iterator["pafs.S3FileSystem"]:
    """The bucket `archive`, empty."""
    fs = s3.client(endpoint)
    fs.create_dir("archive")
    yield fs
    fs.delete_dir("archive")


@pytest.fixture
def env(endpoint: str, tmp_path: Path) -> dict[str, str]:
    return {**s3.KEYS, "AWS_ENDPOINT_URL": endpoint, "MDC_STATE": str(tmp_path / "state")}


def objects(fs: "pafs.S3FileSystem") -> list[str]:
    found = fs.get_file_info(pafs.FileSelector("archive", recursive=True))
    files = (info.path for info in found if info.is_file and info.path != OWNER)
    return sorted(path for path in files if not path.endswith(f"/{COLUMNS}"))


@pytest.mark.parametrize("form", ["parquet", "jsonl --compression zstd"])
def test_what_is_stored_comes_back(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], form: str
) -> None:
    made = shell(
        "mdc stream sim SPY AAPL --limit 3000 | tee sim.jsonl"
        f" | mdc store --root {ROOT} --format {form}",
        **env,
    )
    assert made.status == 0, made.err
    names = objects(bucket)
    assert len(names) == 4
    assert all(name.startswith("archive/team/data/") for name in names)
    assert not any("_mdc" in name for name in names)
    want = shell("mdc cat sim.jsonl")
    got = shell(f"mdc cat --root {ROOT}", **env)
    assert got.status == 0, got.err
    assert sorted(got.lines) == sorted(want.lines)
    one = shell(f"mdc cat --root {ROOT} --symbol SPY --type trade", **env)
    assert one.lines == [
        line
        for line in want.lines
        if '"symbol":"SPY"' in line and line.startswith('{"type":"trade"')
    ]
    rows = json.loads(shell(f"mdc ls --root {ROOT} --json", **env).out)
    assert sum(row["events"] for row in rows) == 3000
    assert sum(row["bytes"] for row in rows) == sum(
        bucket.get_file_info(name).size for name in names
    )
    tail = shell(f"mdc tail -n 5 --root {ROOT}", **env)
    assert tail.lines == want.lines[-5:]


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_sessions_over_midnight(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], form: str
) -> None:
    """Objects of two UTC days, of which the catalog alone does not tell the sessions."""
    times = ("01T23:00", "02T01:00", "02T23:00", "03T05:00")
    lines = [{"type": "trade", "symbol": "A", "ts_event": f"2018-01-{at}:00Z"} for at in times]
    stored = "".join(json.dumps(line) + "\n" for line in lines).encode()
    assert shell(f"mdc store --root {ROOT} --format {form}", stdin=stored, **env).status == 0
    line = f"mdc -q coverage --json --root {ROOT} --calendar XASX"
    (found,) = json.loads(shell(line, **env).out)["coverage"]
    assert [(day["state"], day["events"]) for day in found["days"]] == [
        ("partial", 2),
        ("complete", 2),
    ]


def test_only_what_is_asked_for_is_fetched(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str]
) -> None:
    shell(f"mdc stream sim SPY AAPL --limit 1000 | mdc store --root {ROOT}", **env)
    for name in objects(bucket):
        if "/AAPL/" in name:
            with bucket.open_output_stream(name) as out:
                out.write(b"garbage")
    assert shell(f"mdc cat --root {ROOT} --symbol SPY", **env).status == 0
    bad = shell(f"mdc cat --root {ROOT} --symbol AAPL", **env)
    assert bad.status == 65
    assert f"{ROOT}/AAPL/" in bad.err


def test_a_store_that_refuses_keeps_the_events_in_the_journal(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str]
) -> None:
    nowhere = ROOT.replace("archive", "no-such-bucket")
    line = f"mdc stream sim SPY --limit 500 | tee sim.jsonl | mdc store --root {nowhere}"
    done = shell(line, **env)
    assert done.status == 73, done.err
    assert f"cannot write {nowhere}/" in done.err
    assert "500 events stay in the journal" in done.err
    assert "test-secret-key" not in done.err
    # They are there, and they are sealed when the bucket is.
    assert shell(f"mdc cat --root {nowhere}", **env).lines == shell("mdc cat sim.jsonl").lines
    bucket.create_dir("no-such-bucket")
    found = shell(f"mdc recover --root {nowhere}", **env)
    assert found.status == 0 and "500 events" in found.out, found
    assert shell(f"mdc cat --root {nowhere}", **env).lines == shell("mdc cat sim.jsonl").lines
    bucket.delete_dir("no-such-bucket")


def test_an_archive_that_this_host_does_not_know(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], tmp_path: Path
) -> None:
    shell(f"mdc stream sim SPY --limit 500 | mdc store --root {ROOT}", **env)
    want = shell(f"mdc cat --root {ROOT}", **env).lines
    other = env | {"MDC_STATE": str(tmp_path / "elsewhere")}
    unknown = shell(f"mdc cat --root {ROOT}", **other)
    assert unknown.status == 65
    assert "mdc catalog rebuild" in unknown.err
    made = shell(f"mdc catalog rebuild --root {ROOT}", **other)
    assert made.status == 0, made.err
    assert shell(f"mdc cat --root {ROOT}", **other).lines == want


def test_a_root_has_one_catalog_that_writes(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_bytes(shell("mdc stream sim SPY --limit 100").out.encode())
    assert shell(f"mdc store --root {ROOT} < one.jsonl", **env).status == 0
    other = env | {"MDC_STATE": str(tmp_path / "elsewhere")}
    before = objects(bucket)
    # Whoever has no catalog is told; with one that was made again he may read.
    done = shell(f"mdc store --root {ROOT} < one.jsonl", **other)
    assert done.status == 78 and "may be another archive's" in done.err, done.err
    assert shell(f"mdc catalog rebuild --root {ROOT}", **other).status == 0
    assert len(shell(f"mdc cat --root {ROOT}", **other).events) == 100
    for verb in ("store", "compact", "retain --yes --keep 1d", "recover"):
        done = shell(f"mdc {verb} --root {ROOT} < one.jsonl", **other)
        assert done.status == 78 and "is written by another catalog" in done.err, done.err
        assert f"remove {ROOT}/_mdc/archive.json" in done.err
    assert objects(bucket) == before
    assert shell(f"mdc store --root {ROOT} < one.jsonl", **env).status == 0
    # Where that is gone, another one is told to be the one, and then the first is refused.
    bucket.delete_file(OWNER)
    assert shell(f"mdc catalog rebuild --root {ROOT}", **other).status == 0
    assert shell(f"mdc store --root {ROOT} < one.jsonl", **other).status == 0
    assert shell(f"mdc store --root {ROOT} < one.jsonl", **env).status == 78
    assert shell(f"mdc verify --root {ROOT}", **other).status == 0


def test_a_prefix_belongs_to_one_archive(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], tmp_path: Path
) -> None:
    for name, symbol in (("data", "SPY"), ("other", "MSFT")):
        made = f"mdc stream sim {symbol} --limit 100 --start 2024-01-02 | mdc store --root {name}"
        assert shell(made).status == 0
    (tmp_path / "mdc.toml").write_text('[tier.cold]\ndirectory = "s3://archive/cold"\n')
    assert shell("mdc tier migrate --root data", **env).status == 0
    before = objects(bucket)
    for verb in ("tier migrate", "verify", "catalog rebuild"):
        done = shell(f"mdc {verb} --root other", **env)
        assert done.status == 78, done.err
        text = f"s3://archive/cold belongs to the archive {tmp_path / 'data'}, not to other"
        assert text in done.err, done.err
    assert objects(bucket) == before
    assert len(shell("mdc cat --root data", **env).events) == 100
    assert len(shell("mdc cat --root other", **env).events) == 100
    # And no root lies in a prefix that belongs to a tier.
    done = shell("mdc stream sim SPY --limit 1 | mdc store --root s3://archive/cold", **env)
    assert done.status == 78, done.err


@pytest.mark.parametrize(
    ("root", "status", "text"),
    [
        ("s3://key:secret-in-url@archive/data", 78, "keys do not belong in a URL"),
        ("ftp://archive/data", 78, "ftp://archive/data"),
        ("s3://", 78, "s3://"),
    ],
)
def test_bad_urls(shell: Shell, env: dict[str, str], root: str, status: int, text: str) -> None:
    done = shell(f"mdc stream sim SPY --limit 5 | mdc store --root {root}", **env)
    assert done.status == status, done.err
    assert text in done.err
    assert "secret-in-url" not in done.err


def test_queries_and_upkeep(shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str]) -> None:
    """What works on a directory works on a bucket: query, compact, verify, pack, retain."""
    for seed in (1, 2):
        line = f"mdc stream sim SPY AAPL --limit 1500 --seed {seed} | mdc store --root {ROOT}"
        assert shell(line, **env).status == 0
    want = shell(f"mdc cat --root {ROOT}", **env).lines
    count = "SELECT symbol, count(*) AS n FROM trade GROUP BY symbol ORDER BY symbol"
    rows = shell(f'mdc query --root {ROOT} "{count}" --format jsonl', **env)
    assert rows.status == 0, rows.err
    trades = [line for line in want if line.startswith('{"type":"trade"')]
    assert [json.loads(row) for row in rows.out.splitlines()] == [
        {"symbol": symbol, "n": sum(f'"symbol":"{symbol}"' in line for line in trades)}
        for symbol in ("AAPL", "SPY")
    ]
    assert len(objects(bucket)) == 8
    assert shell(f"mdc compact --root {ROOT}", **env).status == 0
    assert [name.rpartition("/")[2] for name in objects(bucket)] == ["2024-01-02.parquet"] * 4
    assert shell(f"mdc cat --root {ROOT}", **env).lines == want
    clean = shell(f"mdc verify --deep --root {ROOT}", **env)
    assert (clean.status, clean.out) == (0, "")
    assert shell(f"mdc ls --links copied --root {ROOT}", **env).status == 0
    copied = shell("mdc cat copied/*/*/2024-01-02.parquet")
    assert copied.status == 0 and sorted(copied.lines) == sorted(want)
    assert shell(f"mdc pack create p.zip --root {ROOT}", **env).status == 0
    assert shell("mdc pack import p.zip --root copy").status == 0
    assert shell("mdc cat --root copy").lines == want
    gone = shell(f"mdc retain --yes --by event --root {ROOT} --keep 1d --symbol SPY", **env)
    assert gone.status == 0, gone.err
    assert all("/AAPL/" in name for name in objects(bucket))
    left = shell(f"mdc cat --root {ROOT}", **env).lines
    assert left == [line for line in want if '"symbol":"AAPL"' in line]


def test_count_notices_an_object_that_is_gone(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str]
) -> None:
    line = f"mdc stream sim SPY AAPL --limit 500 | mdc store --root {ROOT}"
    assert shell(line, **env).status == 0
    assert '"total": 500' in shell(f"mdc count --json --root {ROOT}", **env).out
    first, *_ = objects(bucket)
    bucket.delete_file(first)
    done = shell(f"mdc count --root {ROOT}", **env)
    assert (done.status, done.out) == (65, "")
    assert first.rpartition("/")[2] in done.err and "is missing" in done.err


def test_parts_that_symbols_share(
    shell: Shell, bucket: "pafs.S3FileSystem", env: dict[str, str], tmp_path: Path
) -> None:
    """As in a directory: stored, merged, read, made again from the objects, moved, rewritten."""
    (tmp_path / "mdc.toml").write_text('[tier.cold]\ndirectory = "s3://archive/cold"\n')
    shell = sharing_soon(shell)
    every = [line for line in events() if '"trade"' in line and "ts_event" in line]
    for root in (ROOT, "here"):
        for lines in (every[:65], every[65:]):
            assert shell(f"mdc store --root {root}", stdin=text(lines), **env).status == 0
    want = shell("mdc cat --root here").lines
    assert len(objects(bucket)) == 3
    assert shell(f"mdc compact --root {ROOT}", **env).status == 0
    # One part of each day; where there was one already, it keeps its name.
    days = [f"~mixed/trade/{day}" for day in DAYS[:2]]
    merged = [name.partition(".")[0] for name in objects(bucket)]
    assert merged == [f"archive/team/data/{day}" for day in days]
    assert shell(f"mdc cat --root {ROOT}", **env).lines == want
    clean = shell(f"mdc verify --deep --root {ROOT}", **env)
    assert (clean.status, clean.out) == (0, ""), clean.err
    other = env | {"MDC_STATE": str(tmp_path / "elsewhere")}
    assert shell(f"mdc catalog rebuild --root {ROOT}", **other).status == 0
    one = shell(f"mdc cat --root {ROOT} --symbol S017", **other).lines
    assert one == [line for line in want if '"S017"' in line or '"type":"gap"' in line]
    # Parts of a directory that go to a bucket as they are, and are merged there.
    for name in objects(bucket):
        bucket.delete_file(name)
    assert shell("mdc tier migrate --root here", **env).status == 0
    assert len(objects(bucket)) == 4  # and who it belongs to
    assert shell("mdc compact --root here", **env).status == 0
    merged = [name.partition(".")[0] for name in objects(bucket)[1:]]
    assert merged == [f"archive/cold/{day}" for day in days]
    assert shell("mdc cat --root here", **env).lines == want
