"""Compression by profile: `mdc compress`, and `mdc store` with profiles."""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from mdc_core.archive.profiles import PROFILES
from mdc_core.archive.upkeep.compress import measured, sample_of
from mdc_core.contracts import Part
from mdc_core.errors import DataError, WriteError
from mdc_sinks.jsonl import JsonLines
from tests.conftest import Done, Shell
from tests.unit.archive.write.pages import MAGIC, chunks

EVENTS = "mdc stream sim SPY AAPL --limit 3000 --seed 3 > events.jsonl"
PROFILE_TABLE = [
    ("realtime", "lz4", None),
    ("high-volume", "zstd", 3),
    ("warm", "zstd", 6),
    ("cold", "zstd", 19),
    ("portable", "gzip", 6),
    ("none", "none", None),
]
BESTS = {
    "smallest": ("bytes", min),
    "fastest_to_write": ("written_per_second", max),
    "fastest_to_read": ("read_per_second", max),
}


def parts_of(done: Done) -> list[bytes]:
    """The lines by symbol and type, as an archive divides them."""
    parts = defaultdict(list)
    for event, line in zip(done.events, done.lines, strict=True):
        parts[event["symbol"], event["type"], event["ts_event"][:10]].append(line + "\n")
    return ["".join(lines).encode() for lines in parts.values()]


def test_every_profile_is_measured(shell: Shell, tmp_path: Path) -> None:
    assert shell(EVENTS).status == 0
    parts = parts_of(shell("mdc convert events.jsonl"))
    done = shell("mdc compress events.jsonl --json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    plain = sum(map(len, parts))
    assert (said["path"], said["events"], said["sampled"]) == ("events.jsonl", 3000, False)
    assert (said["files"], said["plain_bytes"]) == (len(parts), plain) == (4, plain)
    rows = said["profiles"]
    assert [(r["format"], r["profile"], r["codec"], r["level"]) for r in rows] == [
        (form, *profile) for form in ("jsonl", "parquet") for profile in PROFILE_TABLE
    ]
    sizes = {(r["format"], r["profile"]): r["bytes"] for r in rows}
    assert sizes["jsonl", "none"] == plain
    assert sizes["jsonl", "portable"] == sum(len(gzip.compress(p, 6)) for p in parts)
    assert sizes["jsonl", "cold"] < sizes["jsonl", "warm"] < sizes["jsonl", "realtime"] < plain
    assert sizes["parquet", "cold"] < sizes["parquet", "realtime"] < sizes["parquet", "none"]
    for row in rows:
        assert row["ratio"] == round(plain / row["bytes"], 2)
        assert row["written_per_second"] > 0 < row["read_per_second"]
    for what, (field, best) in BESTS.items():
        (winner,) = [r for r in rows if (r["format"], r["profile"]) == (*said[what].values(),)]
        assert winner[field] == best(r[field] for r in rows)
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_the_table(shell: Shell) -> None:
    done = shell(f"{EVENTS}; mdc compress events.jsonl --format jsonl")
    assert done.status == 0, done.err
    assert "3,000 events" in done.err and "more events" not in done.err
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert head == [
        "FORMAT",
        "PROFILE",
        "CODEC",
        "BYTES",
        "RATIO",
        "WRITTEN/S",
        "READ/S",
        "BEST",
    ]
    words = [
        [row[0], row[1], *row[2 : 3 if level is None else 4]]
        for row, (_, _, level) in zip(rows, PROFILE_TABLE, strict=True)
    ]
    assert words == [
        ["jsonl", name, codec, *([] if level is None else [str(level)])]
        for name, codec, level in PROFILE_TABLE
    ]
    (none,) = [row for row in rows if row[1] == "none"]
    assert none[5] == "1.00"
    (smallest,) = [row for row in rows if "smallest" in row or "smallest," in row]
    assert smallest[1] == "cold"
    for mark in ("smallest", "fastest to write", "fastest to read"):
        assert done.out.count(mark) == 1


@pytest.mark.parametrize("name", ["e.jsonl.zst", "e.jsonl.gz", "e.arrows", "e.parquet"])
@pytest.mark.some(2)
def test_any_encoding(name: str, shell: Shell) -> None:
    assert shell(f"{EVENTS}; mdc convert events.jsonl -o {name}").status == 0
    bench = "--format parquet --json | jq -c '[.events, .plain_bytes, .files]'"
    plain = shell(f"mdc compress events.jsonl {bench}")
    done = shell(f"mdc compress {name} {bench}")
    assert done.status == 0, done.err
    assert done.out == plain.out
    assert json.loads(done.out)[0] == 3000


def test_a_large_file_is_sampled(shell: Shell) -> None:
    assert shell(EVENTS).status == 0
    lines = shell("mdc convert events.jsonl").lines
    bench = "mdc compress events.jsonl --format parquet --format parquet --json"
    done = shell(f"{bench} --limit 1000")
    said = json.loads(done.out)
    assert (said["events"], said["sampled"], len(said["profiles"])) == (1000, True, 6)
    assert said["plain_bytes"] == sum(len(line.encode()) + 1 for line in lines[:1000])
    assert "events.jsonl has more events; --limit N measures more of them" in done.err
    whole = json.loads(shell(f"{bench} --limit 3000").out)
    assert (whole["events"], whole["sampled"]) == (3000, False)


def test_events_of_every_shape(shell: Shell, tmp_path: Path) -> None:
    """No time, no symbol, digits of all lengths, levels, unknown fields, several days."""
    (tmp_path / "odd.jsonl").write_text(
        '{"type":"trade","symbol":"A","ts_event":"2024-01-02T23:59:59.999999999Z",'
        '"price":1.50,"size":1e-18,"foo":{"a": 1.500, "b" : [1,  2]}}\n'
        '{"type":"trade","symbol":"A","ts_event":"2024-01-03T00:00:00Z","price":-0.10}\n'
        '{"type":"trade","ts_event":"2024-01-03T00:00:00Z","price":123456789012345678.5}\n'
        '{"type":"book","symbol":"","bids":[{"price":1.0,"size":3}],"asks":[]}\n'
        '{"type":"gap","symbol":"\\u2028é","reason":"x"}\n'
    )
    done = shell("mdc compress odd.jsonl --json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert (said["events"], said["files"], len(said["profiles"])) == (5, 5, 12)


def test_temporary_files_are_gone_afterwards(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    work = tmp_path / "work"
    assert shell(EVENTS, cwd=work).status == 0
    line = "mdc compress events.jsonl --format jsonl"
    assert shell(line, cwd=work, TMPDIR=str(tmp_path / "tmp")).status == 0
    # Where there is too little room, too: files of at most 4 KiB.
    done = shell(f"ulimit -f 4; {line}", cwd=work, TMPDIR=str(tmp_path / "tmp"))
    assert done.status == 73
    assert f"cannot write a temporary file in {tmp_path / 'tmp'}" in done.err
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in work.iterdir()] == ["events.jsonl"]


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("mdc compress", 2, "no events to measure with"),
        ("mdc compress nowhere.jsonl", 65, "no such file or directory: nowhere.jsonl"),
        ("mdc compress .", 2, ". is a directory"),
        (": > e; mdc compress e", 65, "no events in e"),
        ("""echo '{"type":"heartbeat"}' > e; mdc compress e""", 65, "no events in e"),
        ("""printf '{"type":"trade"}\\nnot\\n' > e; mdc compress e""", 65, "e: line 2"),
        ("head -c 4096 /dev/zero > e; mdc compress e", 65, "e is binary data"),
        (
            f"{EVENTS}; gzip < events.jsonl | head -c 9000 > e; mdc compress e",
            65,
            "e: the gzip data breaks off",
        ),
        ("printf PAR1xxxxPAR1 > e; mdc compress e", 65, "e: not a whole Parquet file"),
        ("mdc compress e --format csv", 2, "'csv' is not one of"),
        ("mdc compress e --limit 0", 2, "--limit"),
    ],
)
def test_errors(line: str, status: int, said: str, shell: Shell) -> None:
    done = shell(line)
    assert done.status == status, done.err
    assert done.out == ""
    assert said in done.err


class Altered(Part):
    """A part with other rows than it should have."""

    def __init__(self, part: Part, alter: Callable[[Any], Any]) -> None:
        self.rows, self.schema = part.rows, part.schema
        self._part, self._alter = part, alter

    def tables(self) -> Iterator[Any]:
        """The rows, altered."""
        yield from map(self._alter, self._part.tables())


def dropped(table: Any) -> Any:
    return table.slice(0, table.num_rows - 1)


def swapped(table: Any) -> Any:
    return table.take([1, 0, *range(2, table.num_rows)])


def renamed(table: Any) -> Any:
    place = table.schema.get_field_index("channel")
    return table.set_column(place, table.schema.field(place), table["provider"])


@pytest.mark.parametrize("alter", [dropped, swapped, renamed, None])
def test_other_events_than_were_written_are_found(
    alter: Callable[[Any], Any] | None, shell: Shell, tmp_path: Path
) -> None:
    class Wrong(JsonLines):
        def write(self, part: Part, metadata: Mapping[bytes, bytes], file: BinaryIO) -> None:
            super().write(part if alter is None else Altered(part, alter), metadata, file)

    assert shell(EVENTS).status == 0
    sample = sample_of(tmp_path / "events.jsonl", 1_000)
    form = Wrong(JsonLines.Options())
    if alter is None:
        assert measured(sample, "x", form, PROFILES["none"], tmp_path).bytes == sample.plain
        return
    with pytest.raises(DataError, match="x with profile none does not read back what was"):
        measured(sample, "x", form, PROFILES["none"], tmp_path)


def test_a_place_that_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    assert shell(EVENTS).status == 0
    sample = sample_of(tmp_path / "events.jsonl", 10)
    with pytest.raises(WriteError, match="cannot write a temporary file in"):
        measured(
            sample, "x", JsonLines(JsonLines.Options()), PROFILES["none"], tmp_path / "nowhere"
        )


def codecs(root: Path, form: str) -> dict[str, set[str]]:
    """The codecs that lie on the disk, by symbol; a page's magic bytes have to agree."""
    found = defaultdict(set)
    suffixes = {"lz4-frame": ".jsonl.lz4", "zstd": ".jsonl.zst", "gzip": ".jsonl.gz"}
    for path in (p for p in root.glob("*/*/*") if p.is_file() and p.parts[-3] != "_mdc"):
        symbol = path.parts[-3]
        if form == "jsonl":
            head = path.read_bytes()[:4]
            codec = next((c for c, magic in MAGIC.items() if head.startswith(magic)), "none")
            assert path.name.endswith(suffixes.get(codec, ".jsonl"))
            found[symbol].add(codec.removesuffix("-frame"))
            continue
        for chunk in chunks(path):
            assert all(data.startswith(MAGIC.get(chunk.codec, b"")) for _, data in chunk.pages)
            found[symbol].add(chunk.codec)
    return dict(found)


def stored(root: Path) -> int:
    """The bytes of an archive's parts."""
    return sum(
        p.stat().st_size for p in root.glob("*/*/*") if p.is_file() and p.parts[-3] != "_mdc"
    )


def same_events(shell: Shell) -> None:
    """The archive holds what was stored."""
    wanted = shell("mdc convert events.jsonl").lines
    assert shell("mdc cat data").lines == wanted


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize(("profile", "codec", "level"), PROFILE_TABLE)
@pytest.mark.some(4)
def test_store_with_a_profile(
    form: str, profile: str, codec: str, level: int | None, shell: Shell, tmp_path: Path
) -> None:
    done = shell(f"{EVENTS}; mdc store --format {form} --preset {profile} < events.jsonl")
    assert done.status == 0, done.err
    assert codecs(tmp_path / "data", form) == {"SPY": {codec}, "AAPL": {codec}}
    same_events(shell)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.some(1)
def test_store_honours_the_level_of_a_profile(form: str, shell: Shell, tmp_path: Path) -> None:
    assert shell(EVENTS).status == 0
    sizes = {}
    for name in ("high-volume", "cold"):
        line = f"mdc store --root {name} --format {form} --preset {name} < events.jsonl"
        assert shell(line).status == 0
        sizes[name] = stored(tmp_path / name)
    assert sizes["cold"] < sizes["high-volume"]


BY_SYMBOL = """\
[compression]
profile = "portable"
[compression.symbols]
SPY = "realtime"
"BRK-B" = "none"
[compression.tiers]
cold = "cold"
"""


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_profiles_by_symbol_in_mdc_toml(form: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(BY_SYMBOL)
    made = shell("mdc stream sim SPY AAPL BRK-B --limit 3000 --seed 3 > events.jsonl")
    assert made.status == 0
    done = shell(f"mdc store --format {form} < events.jsonl")
    assert done.status == 0, done.err
    assert "not used" not in made.err + done.err
    wanted = {"SPY": {"lz4"}, "AAPL": {"gzip"}, "BRK-B": {"none"}}
    assert codecs(tmp_path / "data", form) == wanted
    same_events(shell)


def test_only_some_symbols_have_a_profile(shell: Shell, tmp_path: Path) -> None:
    """The others keep what the options of the format say."""
    (tmp_path / "mdc.toml").write_text('[compression.symbols]\nSPY = "cold"\n')
    done = shell(f"{EVENTS}; mdc store --compression snappy < events.jsonl")
    assert done.status == 0, done.err
    assert codecs(tmp_path / "data", "parquet") == {"SPY": {"zstd"}, "AAPL": {"snappy"}}


@pytest.mark.parametrize(
    ("toml", "options", "status", "said"),
    [
        (
            '[compression]\nprofile = "clod"',
            "",
            78,
            "mdc.toml: [compression] profile: no such"
            " compression profile: 'clod'; did you mean cold?",
        ),
        ('[compression.symbols]\nSPY = "fast"', "", 78, "[compression.symbols] SPY: no such"),
        ("", "--preset clod", 2, "clod"),
        ("", "--format jsonl --level 3", 2, "none has no level 3 "),
        ("", "--format jsonl --compression gzip --level 10", 2, "gzip has no level 10 "),
        ("", "--compression snappy --level 1", 2, "snappy has no level 1 "),
        ("", "--level 23", 2, "zstd has no level 23 "),
    ],
)
def test_what_store_refuses(
    toml: str, options: str, status: int, said: str, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text(toml)
    done = shell(f"{EVENTS}; mdc store {options} < events.jsonl")
    assert done.status == status, done.err
    assert said in done.err
    assert not (tmp_path / "data").exists()
