"""What a setting or a flag says wrong is told where it stands, and with the right status."""

from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

TRADE = b'{"type":"trade","symbol":"A","ts_event":"2024-01-02T14:30:00Z","price":1}\n'


@pytest.mark.parametrize(
    ("verb", "toml", "said"),
    [
        ("store", 'format = "parqet"', "[store] format: no such format to store: 'parqet'"),
        ("store", "root = 5", "[store] root: must be a string, not 5"),
        ("store", "format = 5", "[store] format: no such format to store: '5'"),
        ("validate", 'check = ["price", "pric"]', "[validate] check: no such check to validate"),
        ("validate", 'skip = "price,pric"', "[validate] skip: no such check to validate: 'pric'"),
        ("count", "symbol = [1]", "[count] symbol: must be a string, not 1"),
    ],
)
def test_a_wrong_name_in_mdc_toml(
    shell: Shell, tmp_path: Path, verb: str, toml: str, said: str
) -> None:
    (tmp_path / "mdc.toml").write_text(f"[{verb}]\n{toml}\n")
    done = shell(f"mdc {verb}", stdin=TRADE)
    assert done.status == 78 and says_nothing(done.out)
    assert f"{tmp_path}/mdc.toml: {said}" in done.err
    assert shell(f"mdc {verb} --help").status == 0
    assert not (tmp_path / "5").exists()


@pytest.mark.parametrize(
    ("line", "variable", "value", "said"),
    [
        ("store", "MDC_STORE_FORMAT", "parqet", "no such format to store: 'parqet'"),
        ("validate", "MDC_VALIDATE_CHECK", "price pric", "no such check to validate: 'pric'"),
        ("validate", "MDC_VALIDATE_SKIP", "price,pric", "no such check to validate: 'pric'"),
    ],
)
def test_a_wrong_name_in_the_environment(
    shell: Shell, line: str, variable: str, value: str, said: str
) -> None:
    done = shell(f"mdc {line}", stdin=TRADE, **{variable: value})
    assert done.status == 78 and says_nothing(done.out)
    assert f"{variable} (environment): {said}" in done.err
    assert shell(f"mdc {line} --help", **{variable: value}).status == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mdc then store", "nothing before `then`"),
        ("mdc mock", "mdc mock: the name of a provider is missing"),
        ("mdc stream", "mdc stream: the name of a provider is missing"),
        ("mdc cat --date now", "--date takes a day, a month or a year, not 'now'"),
        ("mdc cat --date soon", "mdc cat: --date: not a time: 'soon'"),
        ("mdc store --format parqet", "no such format to store: 'parqet'; did you mean parquet?"),
    ],
)
def test_a_command_line_that_cannot_be(shell: Shell, line: str, said: str) -> None:
    done = shell(line, stdin=TRADE)
    assert done.status == 2 and says_nothing(done.out)
    assert said in done.err


def test_what_was_set_aside_is_told_by_a_stage_that_stops_early(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_bytes(b"nonsense\n" + TRADE + TRADE)
    done = shell("mdc head -n 1 bad.jsonl --quarantine aside")
    assert "line 1: not JSON" in done.err and "None" not in done.err


@pytest.mark.parametrize(
    "line",
    [
        "mdc cat ''",
        "mdc count ''",
        "mdc validate --quarantine ''",
        "mdc convert --format arrow -o ''",
        "mdc query 'SELECT 1' -o ''",
        "mdc query -f ''",
        "mdc stream sim SPY --limit 1 --symbols-file ''",
        "mdc stream alpaca SPY --mock --limit 1 --capture ''",
        "mdc mock alpaca ''",
        "mdc import --profile csv ''",
        "mdc export --profile csv --force --output ''",
        "mdc export --profile csv --force -o ''",
        "mdc pack create ''",
        "mdc schema export ''",
        "mdc inspect ''",
        "mdc lineage ''",
        "mdc plugin new x --kind check --into ''",
        "mdc coverage -o ''",
    ],
)
def test_an_empty_path_is_not_the_directory_here(shell: Shell, tmp_path: Path, line: str) -> None:
    (tmp_path / "kept.jsonl").write_bytes(TRADE)
    done = shell(line, stdin=TRADE)
    assert done.status == 2 and says_nothing(done.out)
    assert "it is empty: name a " in done.err
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["kept.jsonl"]


def test_an_empty_path_in_mdc_toml(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text('[query]\noutput = ""\n')
    done = shell("mdc query 'SELECT 1'")
    assert done.status == 78 and says_nothing(done.out)
    assert "mdc.toml: [query] output: it is empty: name a file" in done.err


LARGE = "99999999999999999999"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("store --root d --keep 9999999999999999d < e.jsonl", "longer than 292 years"),
        ("publish http http://127.0.0.1:9 e.jsonl --timeout 9999999999999999d", "longer than 292"),
        (f"retain --root d --keep {LARGE}d --dry-run", "longer than 292 years"),
        (f"inspect e.jsonl --limit {LARGE}", f"{LARGE} is too large"),
        (f"compress e.jsonl --limit {LARGE}", f"{LARGE} is too large"),
        (f"head -n {LARGE} e.jsonl", f"{LARGE} is too large"),
        (f"stream sim SPY --limit {LARGE}", f"{LARGE} is too large"),
        (f"stream sim SPY --limit 1 --seed {LARGE}", f"{LARGE} is too large"),
        (f"store --root d --row-group {LARGE} < e.jsonl", f"{LARGE} is too large"),
    ],
)
def test_a_number_beyond_all_reason(shell: Shell, line: str, said: str) -> None:
    assert shell("mdc -q stream sim SPY --limit 3 > e.jsonl").status == 0
    done = shell(f"mdc {line}")
    assert (done.status, said in done.err) == (2, True), done.err


def test_large_numbers_that_mean_something(shell: Shell) -> None:
    assert shell("mdc -q stream sim SPY --limit 3 --rate 999999999999 > e.jsonl").status == 0
    assert shell("mdc -q store --root d --keep 100000d < e.jsonl").status == 0
    for line in (
        "retain --root d --keep 100000d --dry-run",
        "inspect e.jsonl --limit 9999999999",
    ):
        done = shell(f"mdc {line}")
        assert done.status == 0, done.err
    assert len(shell("mdc cat --root d").events) == 3
