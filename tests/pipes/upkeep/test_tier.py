"""`mdc tier`: events move to other directories and codecs, and stay what they are."""

import json
import os
import shutil
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from mdc_core.archive.upkeep.rewrite import FileEvents
from mdc_core.archive.write.archive import Archive
from tests.conftest import Done, Shell, parts_of
from tests.kit import forks
from tests.kit.kills import killed
from tests.unit.archive.write.pages import MAGIC

CONFIG = '[tier.warm]\ndirectory = "../warm"\n[tier.cold]\ndirectory = "../far/cold"\n'
DAY = '{{"type":"{kind}","symbol":"{symbol}","ts_event":"2024-01-{day:02d}T12:00:00Z",{more}}}\n'


def lines() -> str:
    """Five days of trades and quotes of two symbols."""
    made = []
    for day in range(1, 6):
        for symbol in ("SPY", "BTC/USD"):
            for number in range(40):
                price = f'"price":{100 + number}.{day}{number},"seq":{number}'
                made.append(DAY.format(kind="trade", symbol=symbol, day=day, more=price))
                quote = f'"bid_price":{number}.1,"ask_price":{number}.25,"bid_size":3'
                made.append(DAY.format(kind="quote", symbol=symbol, day=day, more=quote))
    return "".join(made)


@pytest.fixture(params=["parquet", "jsonl --compression gzip"])
def data(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> Path:
    (tmp_path / "mdc.toml").write_text(CONFIG)
    (tmp_path / "events.jsonl").write_text(lines())
    stored = shell(f"mdc store --format {request.param} < events.jsonl")
    assert stored.status == 0, stored.err
    return tmp_path / "data"


def parts(root: Path) -> list[dict[str, Any]]:
    with Archive.open(root).catalog(read_only=True) as catalog:
        return [msgspec.structs.asdict(part) for part in catalog.parts()]


def status(shell: Shell, now: str) -> dict[str, tuple[int, int, int]]:
    done = shell(f"mdc tier status --now {now} --json")
    assert done.status == 0, done.err
    return {row["tier"]: (row["files"], row["events"], row["due"]) for row in json.loads(done.out)}


def sound(shell: Shell) -> None:
    done = shell("mdc verify --deep")
    assert (done.status, done.out) == (0, ""), done.out


@pytest.mark.some(1)
def test_events_move_on(data: Path, shell: Shell, tmp_path: Path) -> None:
    before = shell("mdc cat --root data").lines
    looked = shell("mdc ls --json").out
    # The events of January 1 are exactly 7 days old, those of the others are not yet.
    now = "2024-01-08T12:00:00Z"
    assert status(shell, now) == {"hot": (20, 800, 4), "warm": (0, 0, 0), "cold": (0, 0, 0)}
    assert status(shell, "2024-01-08T11:59:59.999999999Z")["hot"] == (20, 800, 0)
    done = shell(f"mdc tier migrate --now {now}")
    assert done.status == 0, done.err
    assert len(done.out.splitlines()) == 4
    assert status(shell, now) == {"hot": (16, 640, 0), "warm": (4, 160, 0), "cold": (0, 0, 0)}
    assert {p.name[:10] for p in tmp_path.glob("warm/*/*/*")} == {"2024-01-01"}
    assert len(list(tmp_path.glob("warm/*/*/*"))) == 4
    assert not list(data.glob("*/*/2024-01-01*"))
    assert shell("mdc cat --root data").lines == before
    # And then to the third directory, some of them straight away.
    now = "2024-04-03T12:00:00Z"  # 90 days behind January 4
    assert shell(f"mdc tier migrate --now {now} --symbol SPY").status == 0
    assert status(shell, now) == {"hot": (8, 320, 8), "warm": (4, 160, 2), "cold": (8, 320, 0)}
    assert shell(f"mdc tier migrate --now {now}").status == 0
    assert status(shell, now) == {"hot": (0, 0, 0), "warm": (4, 160, 0), "cold": (16, 640, 0)}
    assert len(list(tmp_path.glob("far/cold/*/*/*"))) == 16
    assert shell("mdc cat --root data").lines == before
    query = "--from 2024-01-02 --to 2024-01-02 --symbol BTC/USD --type quote"
    assert len(shell(f"mdc cat --root data {query}").lines) == 40
    rows = json.loads(shell("mdc ls --json").out)
    assert all(row["tiers"] == ["cold", "warm"] for row in rows)
    same = {"bytes": 0, "tiers": []}
    assert [row | same for row in rows] == [row | same for row in json.loads(looked)]
    assert not parts_of(data)
    sound(shell)


@pytest.mark.some(1)
def test_files_are_compressed_as_their_tier_says(data: Path, shell: Shell, tmp_path: Path) -> None:
    with (tmp_path / "mdc.toml").open("a") as file:
        file.write('profile = "portable"\n[compression.symbols]\nSPY = "realtime"\n')
    assert shell("mdc tier migrate --now 2025-01-01").status == 0
    codecs = {"SPY": ("lz4", ".lz4"), "BTC/USD": ("gzip", ".gz")}
    for part in parts(data):
        path = data / part["place"] / part["path"]
        codec, suffix = codecs[part["symbol"]]
        assert part["codec"].partition("-")[0] == codec
        assert (part["tier"], part["place"], part["made_by"]) == ("cold", "../far/cold", "tier")
        ((name, digest),) = part["inputs"]
        assert name.rpartition("/")[0] == part["path"].rpartition("/")[0]
        assert len(digest) == 64
        if path.suffix == ".parquet":
            column = pq.read_metadata(path).row_group(0).column(0)
            assert column.compression == codec.upper()
        else:
            assert path.name.endswith(f".jsonl{suffix}")
            assert path.read_bytes().startswith(MAGIC[codec.replace("lz4", "lz4-frame")])
    sound(shell)


@pytest.mark.some(1)
def test_once_is_enough(data: Path, shell: Shell) -> None:
    assert shell("mdc tier migrate --now 2024-06-01").status == 0
    before = parts(data)
    done = shell("mdc tier migrate --now 2024-06-01")
    assert (done.status, done.out) == (0, "")
    assert "moved 0 files" in done.err
    assert parts(data) == before
    assert shell("mdc tier plan --now 2024-06-01")[:2] == (0, "")
    # What was cold does not become warm again, whatever the clock says.
    assert shell("mdc tier migrate --now 2024-01-20")[:2] == (0, "")


@pytest.mark.some(1)
def test_a_plan_is_what_happens(data: Path, shell: Shell, tmp_path: Path) -> None:
    files = {p: p.read_bytes() for p in tmp_path.glob("data/**/*.*")}
    plan = json.loads(shell("mdc tier plan --now 2024-06-01 --json").out)
    assert (
        shell("mdc tier migrate --now 2024-06-01 --dry-run --json").out
        == shell("mdc tier plan --now 2024-06-01 --json").out
    )
    assert {p: p.read_bytes() for p in tmp_path.glob("data/**/*.*")} == files
    (one,) = plan
    before = parts(data)
    assert (one["tier"], one["to"], one["files"], one["events"]) == ("hot", "cold", 20, 800)
    assert one["bytes"] == sum(part["bytes"] for part in before)
    assert len(one["sample"]) == 4
    done = json.loads(shell("mdc tier migrate --now 2024-06-01 --json").out)
    assert len(done) == 20
    assert sum(move["bytes_after"] for move in done) == sum(p["bytes"] for p in parts(data))
    # Lineage, which Parquet carries as well, is not measured.
    overhead = 3_000 * 20 if "parquet" in one["format"] else 0
    real = sum(move["bytes_after"] for move in done)
    assert one["expected"] * 0.8 <= real <= one["expected"] * 1.2 + overhead


@pytest.mark.some(1)
def test_without_a_directory(data: Path, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text("")
    before = shell("mdc cat --root data").lines
    assert shell("mdc tier migrate --now 2024-06-01").status == 0
    assert {(part["tier"], part["place"]) for part in parts(data)} == {("cold", "")}
    assert {part["codec"] for part in parts(data)} == {"zstd-19"}
    assert not (tmp_path / "warm").exists()
    assert shell("mdc cat --root data").lines == before
    sound(shell)
    # A directory is named later: then they move there, as they are.
    (tmp_path / "mdc.toml").write_text(CONFIG)
    assert shell("mdc tier migrate --now 2024-06-01").status == 0
    assert {part["place"] for part in parts(data)} == {"../far/cold"}
    assert shell("mdc cat --root data").lines == before
    sound(shell)


@pytest.mark.some(1)
def test_another_file_system(data: Path, shell: Shell, tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no other file system at /dev/shm")
    there = shm / f"mdc-{os.getpid()}-{tmp_path.name}"
    (tmp_path / "mdc.toml").write_text(f'[tier.warm]\ndirectory = "{there}"\n')
    before = shell("mdc cat --root data").lines
    try:
        assert shell("mdc tier migrate --now 2024-02-01").status == 0
        assert len(list(there.glob("*/*/*"))) == 20
        assert shell("mdc cat --root data").lines == before
        sound(shell)
    finally:
        shutil.rmtree(there, ignore_errors=True)


@pytest.mark.some(1)
def test_damage_is_not_carried_on(data: Path, shell: Shell, tmp_path: Path) -> None:
    """A part that is not what was stored stays where it is, and is named; the others move."""
    victim = min(data.glob("SPY/trade/2024-01-03*"))
    whole = bytearray(victim.read_bytes())
    whole[len(whole) // 2] ^= 1
    victim.write_bytes(whole)
    done = shell("mdc tier migrate --now 2024-06-01")
    assert done.status == 65
    assert f"{victim.relative_to(tmp_path)}: not the bytes that were written" in done.err
    assert victim.read_bytes() == whole
    assert status(shell, "2024-06-01")["cold"] == (19, 760, 0)
    assert len(shell("mdc cat --root data --symbol BTC/USD").lines) == 400
    (said,) = json.loads(shell("mdc verify --deep --json").out)
    assert said["file"] == str(victim.relative_to(tmp_path))


@pytest.mark.some(1)
def test_what_is_written_is_read_back(
    data: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    """A copy with other events is not kept."""
    from mdc_core.archive.profiles import Profiles
    from mdc_core.archive.upkeep.tiering import Tier, Tiers
    from mdc_core.archive.upkeep.tiers import Migration

    before = parts(data)
    whole = FileEvents.tables

    def other(self: FileEvents) -> Any:
        yield from map(_halved, whole(self))

    monkeypatch.setattr(FileEvents, "tables", other)
    migration = Migration(Archive.open(data), Tiers((Tier("warm", 0),), Profiles()))
    migration.run(lambda catalog: list(catalog.parts()), 2**62)
    assert len(migration.problems) == 20
    assert "written events differ from those read" in migration.problems[0]
    assert migration.done == []
    assert parts(data) == before
    sound(shell)


def _halved(table: Any) -> Any:
    """The same number of rows, one of them twice and one missing."""
    import pyarrow as pa

    return pa.concat_tables([table.slice(0, 1), table.slice(0, 1), table.slice(2)])


@pytest.mark.some(1)
def test_late_events_do_not_overwrite(data: Path, shell: Shell, tmp_path: Path) -> None:
    """A part with the name of one that has moved already gets another."""
    (path,) = data.glob("SPY/trade/2024-01-02*")
    name = path.name
    assert shell("mdc tier migrate --now 2024-02-01").status == 0
    with Archive.open(data).catalog(read_only=True) as catalog:
        moved = next(p for p in catalog.parts() if "SPY/trade/2024-01-02" in p.path)
    late = DAY.format(kind="trade", symbol="SPY", day=2, more='"price":1,"trade_id":"late"')
    (tmp_path / "late.jsonl").write_text(late)
    form = "parquet" if name.endswith("parquet") else "jsonl --compression zstd"
    assert shell(f"mdc store --format {form} < late.jsonl").status == 0
    (new,) = data.glob("SPY/trade/2024-01-02*")
    new.rename(data / moved.path)
    assert shell("mdc catalog rebuild").status == 1  # the name it had is gone
    assert shell("mdc tier migrate --now 2024-02-01").status == 0
    names = sorted(p.name for p in tmp_path.glob("warm/SPY/trade/2024-01-02*"))
    stem = Path(moved.path).name.removesuffix(moved.suffix)
    assert names == [f"{stem}.2{moved.suffix}", f"{stem}{moved.suffix}"]
    found = shell("mdc cat --root data --symbol SPY --type trade").events
    assert len(found) == 201
    assert sum(event.get("trade_id") == "late" for event in found) == 1
    sound(shell)


def test_a_catalog_made_again(shell: Shell, tmp_path: Path) -> None:
    """From the files alone, in all directories: everything that the catalog knew of Parquet."""
    (tmp_path / "mdc.toml").write_text(CONFIG)
    (tmp_path / "events.jsonl").write_text(lines())
    assert shell("mdc store < events.jsonl").status == 0
    assert shell("mdc tier migrate --now 2024-04-03T12:00:00Z").status == 0
    before = [part | {"made_at": 0} for part in parts(tmp_path / "data")]
    assert {part["tier"] for part in before} == {"warm", "cold"}
    shutil.rmtree(tmp_path / "data" / "_mdc")
    assert shell("mdc catalog rebuild").status == 0
    assert [part | {"made_at": 0} for part in parts(tmp_path / "data")] == before
    sound(shell)
    # Where a disk is not mounted, its parts are not gone.
    (tmp_path / "far").rename(tmp_path / "away")
    done = shell("mdc catalog rebuild")
    assert done.status == 65
    assert "far/cold, in which the archive has parts, is not there" in done.err
    said = json.loads(shell("mdc verify --json").out)
    assert {one["kind"] for one in said} == {"missing"}
    assert len(said) == sum(part["tier"] == "cold" for part in before)
    (tmp_path / "away").rename(tmp_path / "far")
    sound(shell)


@pytest.mark.some(1)
def test_what_is_older_than_cold(data: Path, shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc tier migrate --now 2025-01-06").status == 0
    done = shell("mdc tier status --now 2025-01-03T12:00:00Z")
    assert "16 files older than 365 days: mdc retain --by event" in done.err
    rows = json.loads(shell("mdc tier status --now 2025-01-06 --json").out)
    assert [(row["tier"], row["expired"]) for row in rows] == [
        ("hot", 0),
        ("warm", 0),
        ("cold", 20),
    ]
    with (tmp_path / "mdc.toml").open("a") as file:
        file.write('[tier.archive]\ndirectory = "../glacier"\n')
    assert "mdc retain --by event" not in shell("mdc tier status --now 2025-01-06").err
    assert shell("mdc tier migrate --now 2025-01-06").status == 0
    assert {part["tier"] for part in parts(data)} == {"archive"}
    assert len(list(tmp_path.glob("glacier/*/*/*"))) == 20
    sound(shell)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('[tier.warn]\nafter = "1d"', "did you mean warm?"),
        ('[tier.warm]\nafer = "1d"', "did you mean after?"),
        ('[tier.warm]\nafter = "soon"', "not a length of time"),
        ("[tier.warm]\nafter = 7", "not a length of time"),
        ('[tier.cold]\nafter = "1d"', "comes before warm"),
        ('[tier.warm]\nprofile = "fast"', "compression profile"),
        ('[tier.warm]\ndirectory = "cold"', "lies within the archive, or around it"),
        ('[tier.warm]\ndirectory = ".."', "lies within the archive, or around it"),
        ("[tier.warm]\ndirectory = 3", "must be a directory or a URL"),
        ('[tier.warm]\ndirectory = ""', "must be a directory or a URL"),
        (
            '[tier.cold]\ndirectory = "../w/x"\n[tier.warm]\ndirectory = "../w"',
            "within that of",
        ),
    ],
)
@pytest.mark.some(4)
def test_settings_that_make_no_sense(config: str, said: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "mdc.toml").write_text(config)
    for verb in ("tier status", "tier migrate", "verify", "catalog rebuild"):
        done = shell(f"mdc {verb}")
        assert (done.status, done.out) == (78, ""), done.err
        assert "mdc.toml: [tier" in done.err
        assert said in done.err + done.out


def test_errors(shell: Shell, tmp_path: Path) -> None:
    def told(done: Done) -> tuple[int, bool]:
        return done.status, "no archive at data" in done.err

    assert told(shell("mdc tier status")) == (65, True)
    assert told(shell("mdc tier migrate")) == (65, True)
    assert shell("mdc tier migrate --type trad").status in (2, 65)
    (tmp_path / "data").mkdir()
    assert "mdc catalog rebuild" in shell("mdc tier status").err
    assert shell("mdc tier migrate").status == 0
    with Archive.open(tmp_path / "data").maintained():
        assert shell("mdc tier migrate").status == 75


@pytest.mark.skipif(not forks.available(), reason="no fork server here")
@pytest.mark.some(1)
def test_killed_again_and_again(data: Path, shell: Shell) -> None:
    """Killed as soon as there is a file in the new place, until nothing is left to do."""
    before = shell("mdc cat --root data").lines
    for count, kind in enumerate(("quote", "trade", "quote"), 1):
        line = f"mdc tier migrate --now 2024-01-{7 + count:02d}T12:00:00Z"
        killed(shell, line, f"fsync@warm/SPY/{kind}:1:kill")
        assert len(list((data.parent / "warm").glob("*/*/*"))) > 4 * count - 4
        assert shell("mdc recover").status == 0
        sound(shell)
        assert shell("mdc cat --root data").lines == before
    assert shell("mdc tier migrate --now 2024-01-12T12:00:00Z").status == 0
    assert status(shell, "2024-01-12T12:00:00Z")["warm"] == (20, 800, 0)
    assert shell("mdc cat --root data").lines == before


@pytest.mark.some(1)
def test_a_place_that_refuses(data: Path, shell: Shell, tmp_path: Path) -> None:
    """The commit is done, the files cannot be brought there: nothing is lost."""
    before = shell("mdc cat --root data").lines
    (tmp_path / "warm").write_text("a file where a directory belongs")
    done = shell("mdc tier migrate --now 2024-01-20")
    assert done.status == 73, done.err
    assert shell("mdc cat --root data").lines == before
    (tmp_path / "warm").unlink()
    assert shell("mdc recover").status == 0
    assert shell("mdc cat --root data").lines == before
    sound(shell)
    assert shell("mdc tier migrate --now 2024-01-20").status == 0
    assert status(shell, "2024-01-20")["warm"] == (20, 800, 0)
    assert shell("mdc cat --root data").lines == before


@pytest.mark.some(1)
def test_a_bucket(data: Path, shell: Shell, tmp_path: Path) -> None:
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    from pyarrow.fs import S3FileSystem

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    bucket = f"attic-{token_hex(4)}"  # one process is one S3
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        env = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret-key",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
        }
        S3FileSystem(
            access_key="test",
            secret_key="test-secret-key",
            region="us-east-1",
            endpoint_override=endpoint,
            allow_bucket_creation=True,
        ).create_dir(bucket)
        (tmp_path / "mdc.toml").write_text(f'[tier.cold]\ndirectory = "s3://{bucket}/cold"\n')
        before = shell("mdc cat --root data").lines
        assert shell("mdc tier migrate --now 2024-06-01", **env).status == 0
        assert {part["place"] for part in parts(data)} == {f"s3://{bucket}/cold"}
        assert not parts_of(data)
        assert shell("mdc cat --root data", **env).lines == before
        assert shell("mdc verify --deep", **env)[:2] == (0, "")
        rows = [part | {"made_at": 0, "origin": ""} for part in parts(data)]
        if rows[0]["suffix"] == ".parquet":
            shutil.rmtree(data / "_mdc")
            assert shell("mdc catalog rebuild", **env).status == 0
            found = [part | {"made_at": 0, "origin": ""} for part in parts(data)]
            assert found == rows
            assert shell("mdc cat --root data", **env).lines == before
    finally:
        server.stop()
