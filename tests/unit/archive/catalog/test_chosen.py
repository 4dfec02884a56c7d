"""Which files below a root are parts, and which of them can hold what is asked for."""

from pathlib import Path

import pytest

from mdc_core.archive.catalog.paths import chosen, parts_below
from mdc_core.archive.catalog.query import Query
from mdc_core.archive.upkeep.retain import Rule, read_rules
from mdc_core.config import Config
from mdc_core.errors import ConfigError, DataError
from mdc_core.times import DAY, HOUR, to_ns

JAN2 = to_ns("2024-01-02")
PARTS = (
    "A/trade/2024-01-01.run.parquet",
    "A/trade/2024-01-02.run.parquet",
    "A/quote/2024-01-02.run.jsonl",
    "A/trade/2024-01-02T05.run.jsonl.zst",
    "B%2FC/trade/2024-01.run.parquet",
    "trade/D/2024-01-03.run.jsonl.gz",
    "E_trade_2024-01-02.run.parquet",
    "symbol=F/type=trade/date=2024-01-02/run.parquet",
    "2024-01-02/G/trade.run.parquet",
    "A/trade/undated.run.parquet",
    "A/trade/all.run.parquet",
)
OTHERS = (
    "_mdc/catalog.sqlite",
    "_mdc/tmp/x.parquet",
    ".hidden/A.parquet",
    "A/.trade.parquet",
    "_tmp/x.jsonl",
    "A/trade/notes.txt",
    "A/trade/2024-01-02.run.parquet.part",
    "manifest.json",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*PARTS, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.parquet").mkdir()
    return tmp_path


def names(root: Path, query: Query) -> set[str]:
    return {path.relative_to(root).as_posix() for path in chosen(root, query)}


def test_what_is_a_part(root: Path) -> None:
    found = parts_below(root)
    assert {path.relative_to(root).as_posix() for path in found} == set(PARTS)
    assert found == sorted(found)
    with pytest.raises(DataError, match=r"no archive at .*nowhere") as raised:
        parts_below(root / "nowhere")
    assert raised.value.hint == f"mdc store --root {root / 'nowhere'} FILE"
    with pytest.raises(DataError):
        parts_below(root / PARTS[0])


@pytest.mark.parametrize(
    ("symbols", "types", "left"),
    [
        (("A",), (), {n for n in PARTS if n.startswith("A/")}),
        (("B/C",), (), {PARTS[4]}),
        (("D", "E"), ("trade",), {PARTS[5], PARTS[6]}),
        (("F",), ("trade",), {PARTS[7]}),
        (("G",), ("quote",), set()),
        ((), ("quote",), {PARTS[2]}),
        (("Z",), (), set()),
    ],
)
def test_by_symbol_and_type(
    root: Path, symbols: tuple[str, ...], types: tuple[str, ...], left: set[str]
) -> None:
    assert names(root, Query(symbols, types)) == left


def test_to_the_nanosecond(root: Path) -> None:
    """A day belongs to a time that begins in its last nanosecond, and to none that ends with it."""
    timeless = {PARTS[9], PARTS[10]}
    month = {PARTS[4]}
    second = {PARTS[1], PARTS[2], PARTS[6], PARTS[7], PARTS[8]}
    hour = {PARTS[3]}
    assert names(root, Query((), (), JAN2, JAN2 + 1)) == timeless | month | second
    assert names(root, Query((), (), JAN2 - 1, JAN2)) == timeless | month | {PARTS[0]}
    assert names(root, Query((), (), JAN2 + DAY - 1, JAN2 + DAY)) == timeless | month | second
    assert names(root, Query((), (), JAN2 + DAY, None)) == timeless | month | {PARTS[5]}
    five = JAN2 + 5 * HOUR
    assert hour <= names(root, Query((), (), five, five + 1))
    assert not hour & names(root, Query((), (), five + HOUR, None))
    assert not hour & names(root, Query((), (), None, five))
    assert names(root, Query((), (), to_ns("2024-02-01"), None)) == timeless
    assert names(root, Query((), (), None, to_ns("2024-01-01"))) == timeless


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"days": 3}, "[retain] rules: must be a list of tables: [[retain.rules]]"),
        ([{"days": 3}, {}], "[retain] rule 2: says either days = N or keep = true"),
        ([{"days": 3, "keep": True}], "[retain] rule 1: says either days = N or keep = true"),
        ([{"days": 0}], "[retain] rule 1: days: must be a whole number >= 1"),
        ([{"days": 3, "tpye": "x"}], "[retain] rule 1: no such field: tpye"),
        ([{"days": 3, "type": "trad"}], "no such event type: 'trad'; did you mean trade?"),
    ],
)
def test_rules_that_say_nothing(rules: object, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_rules(Config(((Path("mdc.toml"), {"retain": {"rules": rules}}),)))
    assert str(raised.value).startswith("mdc.toml: [retain] rule")
    assert said in str(raised.value)


def test_the_rules_of_the_nearest_file() -> None:
    near = {"retain": {"rules": [{"days": 3}, {"symbol": "BTC*", "type": "q*", "keep": True}]}}
    far = {"retain": {"rules": [{"days": 9}]}}
    config = Config(((Path("a"), {"retain": {"days": 1}}), (Path("b"), near), (Path("c"), far)))
    assert read_rules(config) == (Rule(days=3), Rule(symbol="BTC*", type="q*", keep=True))
    assert read_rules(Config()) == ()
