"""Compression profiles: what mdc.toml says, and what then lies on the disk."""

import subprocess
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import msgspec
import pytest

from mdc_core.archive.profiles import PROFILES, Profile, Profiles, formatted, read_profiles
from mdc_core.archive.upkeep.compress import Sample, sample_of
from mdc_core.config import load
from mdc_core.contracts import Options, PartFormat
from mdc_core.errors import ConfigError
from mdc_core.wire.files import read_events
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_sinks.jsonl import JsonLines
from mdc_sinks.parquet import Parquet
from tests.unit.archive.write.pages import MAGIC, chunks

FORMATS = {"jsonl": JsonLines, "parquet": Parquet}
SUFFIXES = {"lz4": ".jsonl.lz4", "zstd": ".jsonl.zst", "gzip": ".jsonl.gz", "none": ".jsonl"}
TABLE = {
    "realtime": ("lz4", None),
    "high-volume": ("zstd", 3),
    "warm": ("zstd", 6),
    "cold": ("zstd", 19),
    "portable": ("gzip", 6),
    "none": ("none", None),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, quiet_env: dict[str, str]) -> Sample:
    """As many trades and quotes as a day of a symbol may have."""
    path = tmp_path_factory.mktemp("sim") / "events.jsonl"
    line = ["mdc", "stream", "sim", "SPY", "--limit", "20000", "--seed", "5"]
    with path.open("wb") as file:
        subprocess.run(line, stdout=file, env=quiet_env, check=True)
    return sample_of(path, 20_000)


def write(sample: Sample, form: PartFormat, folder: Path) -> list[Path]:
    """The parts of a sample as files, and checked: their events are those of the sample."""
    paths = []
    for number, part in enumerate(sample.parts):
        paths.append(folder / f"{number}{form.suffix}")
        with paths[-1].open("wb") as file:
            form.write(part, {}, file)
        back = b"".join(map(encode_batch, read_events(paths[-1])))
        assert back == b"".join(map(encode_batch, part.table.to_batches()))
    return paths


def test_the_profiles() -> None:
    assert {p.name: (p.codec, p.level) for p in PROFILES.values()} == TABLE
    assert list(PROFILES) == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_the_codec_of_jsonl_on_disk(name: str, sample: Sample, tmp_path: Path) -> None:
    form = formatted(JsonLines, JsonLines.Options(), PROFILES[name])
    codec = TABLE[name][0]
    assert form.suffix == SUFFIXES[codec]
    heads = MAGIC | {"lz4": MAGIC["lz4-frame"], "none": b'{"type":"'}
    for path in write(sample, form, tmp_path):
        assert path.name.endswith(SUFFIXES[codec])
        assert path.read_bytes().startswith(heads[codec])


@pytest.mark.parametrize("name", [*TABLE, None])
def test_the_codec_of_parquet_on_disk(name: str | None, sample: Sample, tmp_path: Path) -> None:
    options = Parquet.Options(compression="snappy", row_group=3_000)
    form = formatted(Parquet, options, PROFILES[name] if name else None)
    codec = TABLE[name][0] if name else "snappy"
    for path, part in zip(write(sample, form, tmp_path), sample.parts, strict=True):
        found = list(chunks(path))
        leaves = {chunk.column for chunk in found}
        assert len(found) == -(-part.rows // 3_000) * len(leaves)
        assert {"price", "bid_price"} & leaves
        for chunk in found:
            assert chunk.codec == codec, chunk.column
            assert chunk.pages
            for header, data in chunk.pages:
                assert data.startswith(MAGIC.get(codec, b"")), chunk.column
                assert (header[2] == len(data)) or codec != "none"
                assert header[4] & 0xFFFFFFFF == crc32(data), "the checksum of the page"


@pytest.mark.parametrize("format_name", FORMATS)
def test_levels_of_zstd_differ(format_name: str, sample: Sample, tmp_path: Path) -> None:
    plugin = FORMATS[format_name]
    sizes = {}
    for name in ("high-volume", "warm", "cold"):
        (tmp_path / name).mkdir()
        form = formatted(plugin, plugin.Options(), PROFILES[name])
        sizes[name] = sum(p.stat().st_size for p in write(sample, form, tmp_path / name))
    assert sizes["cold"] < sizes["warm"] <= sizes["high-volume"]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(("codec", "highest"), [("gzip", 9), ("lz4", 12), ("zstd", 22)])
def test_the_lowest_and_the_highest_level(
    format_name: str, codec: Any, highest: int, sample: Sample, tmp_path: Path
) -> None:
    plugin = FORMATS[format_name]
    small = Sample([type(p)(p.table.slice(0, 4_000)) for p in sample.parts], 0, 0, True)
    sizes = []
    for level in (1, highest):
        form = plugin(plugin.Options(compression=codec, level=level))
        sizes.append(sum(p.stat().st_size for p in write(small, form, tmp_path)))
    assert sizes[1] < sizes[0]
    for level in (0, -1, highest + 1):
        with pytest.raises(ValueError, match=f"{codec} has no level {level} "):
            plugin.Options(compression=codec, level=level)


@pytest.mark.parametrize(
    ("plugin", "codec"), [(JsonLines, "none"), (Parquet, "none"), (Parquet, "snappy")]
)
def test_a_codec_without_levels(plugin: Any, codec: str) -> None:
    with pytest.raises(ValueError, match=f"{codec} has no level 1 "):
        plugin.Options(compression=codec, level=1)
    with pytest.raises(msgspec.ValidationError, match=f"{codec} has no level 1 "):
        msgspec.convert({"compression": codec, "level": 1}, plugin.Options)


class PlainOptions(Options, frozen=True, kw_only=True):
    where: Path = Path("x")


class Plain(PartFormat):
    Options = PlainOptions


class OwnOptions(Options, frozen=True, kw_only=True):
    compression: Literal["brotli", "zstd"] = "brotli"
    level: int | None = None
    where: Path = Path("x")


class Own(PartFormat):
    Options = OwnOptions


def test_a_profile_goes_into_the_options() -> None:
    options = Parquet.Options(compression="gzip", level=9, row_group=7)
    cold = formatted(Parquet, options, PROFILES["cold"])
    assert cold.options == Parquet.Options(compression="zstd", level=19, row_group=7)
    # The level of the options belongs to their codec, not to the profile's.
    fast = formatted(Parquet, options, PROFILES["realtime"])
    assert fast.options == Parquet.Options(compression="lz4", level=None, row_group=7)
    assert formatted(Parquet, options, None).options is options


def test_formats_of_others() -> None:
    plain = PlainOptions(where=Path("y"))
    assert formatted(Plain, plain, PROFILES["cold"]).options is plain
    made = formatted(Own, OwnOptions(where=Path("y")), PROFILES["cold"])
    assert made.options == OwnOptions(compression="zstd", level=19, where=Path("y"))
    with pytest.raises(ConfigError, match="profile portable is not for Own files"):
        formatted(Own, OwnOptions(), PROFILES["portable"])


def profiles(tmp_path: Path, text: str, user: str = "") -> Profiles:
    """What two mdc.toml files say."""
    (tmp_path / "mdc.toml").write_text(text)
    (tmp_path / "home" / "mdc").mkdir(parents=True)
    (tmp_path / "home" / "mdc" / "mdc.toml").write_text(user)
    return read_profiles(load(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "home")}))


NEAR = """\
[compression.symbols]
SPY = "realtime"
BRK-B = "none"
"BRK.B" = "portable"
"" = "warm"
[compression.tiers]
cold = "cold"
"""
USERS = """\
[compression]
profile = "high-volume"
[compression.symbols]
SPY = "warm"
QQQ = "warm"
[compression.tiers]
cold = "portable"
warm = "warm"
"""


def test_which_profile_is_for_what(tmp_path: Path) -> None:
    found = profiles(tmp_path, NEAR, USERS)
    wanted = {
        ("SPY", "hot"): "realtime",
        ("SPY", "cold"): "realtime",
        ("QQQ", None): "warm",
        ("AAPL", "cold"): "cold",
        ("AAPL", "warm"): "warm",
        ("AAPL", "hot"): "high-volume",
        ("BRK-B", "hot"): "none",
        ("BRK_B", "hot"): "high-volume",
        ("BRK.B", "hot"): "portable",
        ("spy", "hot"): "high-volume",
        ("", "hot"): "warm",
        (None, "hot"): "high-volume",
        (None, "cold"): "cold",
    }
    assert {key: found.of(*key) for key in wanted} == {
        key: PROFILES[name] for key, name in wanted.items()
    }
    # A journal keeps them.
    assert msgspec.json.decode(msgspec.json.encode(found), type=Profiles) == found
    cold = Profile("cold", "zstd", 19)
    assert msgspec.json.decode(msgspec.json.encode(cold), type=Profile) == cold


def test_nothing_said_is_no_profile(tmp_path: Path) -> None:
    assert profiles(tmp_path, "", "") == Profiles()
    assert Profiles().of("SPY", "cold") is None
    assert Profiles(symbols={"SPY": "cold"}).of("QQQ", "hot") is None


def test_a_profile_of_another_time() -> None:
    with pytest.raises(ConfigError, match="no such compression profile: 'colt'; did you mean"):
        Profiles(default="colt").of("SPY", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[compression]\nprofile = "clod"',
            "[compression] profile: no such compression profile: 'clod'; did you mean cold?",
        ),
        (
            '[compression.symbols]\nBRK-B = "high_volume"',
            "[compression.symbols] BRK-B: no such compression profile: 'high_volume'; did you "
            "mean high-volume?",
        ),
        ('[compression.tiers]\ncold = "Cold"', "[compression.tiers] cold: no such"),
        (
            "[compression.tiers]\ncold = 19",
            "[compression.tiers] cold: must be the name of a profile, not 19",
        ),
        ("[compression]\nprofile = true", "profile: must be the name of a profile, not True"),
        ('[compression.symbols]\nBRK.B = "cold"', "[compression.symbols] BRK: is a table"),
        ('[compression]\nprofil = "cold"', "no such option: 'profil'; did you mean profile?"),
        ('[compression.tier]\ncold = "cold"', "no such table: 'tier'; did you mean tiers?"),
        ('[compression]\nsymbols = "cold"', "compression.symbols must be a table"),
        ('compression = "cold"', "compression must be a table"),
    ],
)
@pytest.mark.parametrize("nearest", [True, False])
def test_wrong_settings_are_named(text: str, said: str, nearest: bool, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        profiles(tmp_path, *((text, "") if nearest else ("", text)))
    file = tmp_path / "mdc.toml" if nearest else tmp_path / "home" / "mdc" / "mdc.toml"
    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)


def test_a_hint_says_how_to_write_a_symbol_with_a_dot(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        profiles(tmp_path, '[compression.symbols]\nBRK.B = "cold"')
    assert caught.value.hint == 'quote a name with a dot: "BRK.B"'


def test_the_footer_says_lz4_raw(sample: Sample, tmp_path: Path) -> None:
    """The other LZ4 of Parquet is Hadoop's, which hardly anybody reads."""
    duckdb = pytest.importorskip("duckdb")
    form = formatted(Parquet, Parquet.Options(), PROFILES["realtime"])
    for path in write(sample, form, tmp_path):
        rows = duckdb.execute(
            "select distinct compression from parquet_metadata(?)", [str(path)]
        ).fetchall()
        assert rows == [("LZ4_RAW",)]
