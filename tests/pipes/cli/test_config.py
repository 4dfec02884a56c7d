"""`mdc config`: which settings are in force and from where; and what is misspelt is told."""

import json
from pathlib import Path

import pytest

from tests.conftest import Shell, says_nothing

TOML = """\
quiet = true
[store]
root = "mine"   # here
seal-every = "7s"
[stream.alpaca]
feed = "sip"
url = "wss://me:s3cret@host/feed"
"""


def told(shell: Shell, words: str, **env: str) -> dict[str, tuple[object, str]]:
    """The settings that a command has, each with its value and origin."""
    done = shell(f"mdc {words} --json", **env)
    assert (done.status, done.err) == (0, ""), done.err
    return {row["setting"]: (row["value"], row["origin"]) for row in json.loads(done.out)}


def test_where_each_value_comes_from(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mdc.toml"
    file.write_text(TOML)
    found = told(shell, "config show store", MDC_STORE_LAYOUT="hive", MDC_WIRE="arrow")
    assert found["[store] root"] == ("mine", f"{file}:3")
    assert found["[store] seal_every"] == ("7s", f"{file}:4")
    assert found["[store] layout"] == ("hive", "MDC_STORE_LAYOUT")
    assert found["[store] tee_format"] == ("arrow", "MDC_WIRE")
    assert found["[store] partition"] == ("daily", "default")
    assert found["[store] preset"] == (None, "default")
    assert found["[store.parquet] compression"] == ("zstd", "default")
    found = told(shell, "config show store", MDC_STORE_ROOT="other")
    assert found["[store] root"] == ("other", "MDC_STORE_ROOT")
    assert told(shell, "config show", MDC_ROOT="all")["root"] == ("all", "MDC_ROOT")
    assert told(shell, "config show ls", MDC_ROOT="all")["[ls] root"] == ("all", "MDC_ROOT")
    file.write_text('root = "all"\n')
    assert told(shell, "config show")["root"] == ("all", f"{file}:1")
    assert told(shell, "config show ls")["[ls] root"] == ("all", f"{file}:1")
    found = told(shell, "--root given config show store", MDC_STORE_ROOT="other")
    assert found["[store] root"] == ("given", "--root")


def test_a_nearer_file_a_named_one_and_that_of_the_user(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "user" / "mdc").mkdir(parents=True)
    user = tmp_path / "user" / "mdc" / "mdc.toml"
    user.write_text('[ls]\nroot = "users"\n[du]\nroot = "users"\n')
    near, home = tmp_path / "mdc.toml", {"XDG_CONFIG_HOME": str(tmp_path / "user")}
    near.write_text('[ls]\n\nroot = "near"\n')
    assert told(shell, "config show ls", **home)["[ls] root"] == ("near", f"{near}:3")
    assert told(shell, "config show du", **home)["[du] root"] == ("users", f"{user}:4")
    found = told(shell, f"--config {user} config show ls")
    assert found["[ls] root"] == ("users", f"{user}:2")
    done = shell("mdc config path", **home)
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == [str(near), "read"] and lines[-1] == [str(user), "read"]
    assert [str(tmp_path.parent / "mdc.toml"), "missing"] in lines
    near.unlink()
    (tmp_path / "below").mkdir()
    near.write_text("nonsense")
    done = shell("mdc config path", cwd=tmp_path / "below", **home)
    assert done.status == 0 and [str(near), "read"] in [x.split() for x in done.out.splitlines()]
    done = shell("mdc config path --config user/mdc/mdc.toml --json")
    assert json.loads(done.out) == [{"path": "user/mdc/mdc.toml", "state": "read"}]


def test_all_that_is_set_with_secrets_masked(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mdc.toml").write_text(TOML)
    env = {"MDC_TAIL_LIMIT": "3", "MDC_ACME_TOKEN": "t0psecret", "ALPACA_KEY_ID": "t0psecret"}
    found = told(shell, "config show", **env)
    file = tmp_path / "mdc.toml"
    assert found["quiet"] == (True, f"{file}:1") and found["log_format"] == ("text", "default")
    assert found["[stream.alpaca] url"] == ("wss://***@host/feed", f"{file}:7")
    assert found["MDC_TAIL_LIMIT"] == ("3", "environment")
    assert found["MDC_ACME_TOKEN"] == ("***", "environment")
    found = told(shell, "config show stream alpaca", **env)
    assert found["[stream.alpaca] feed"] == ("sip", f"{file}:6")
    assert found["ALPACA_KEY_ID"] == ("***", "environment")
    assert found["ALPACA_SECRET_KEY"] == (None, "not set")
    text = shell("mdc config show stream alpaca --origin", **env)
    assert "t0psecret" not in text.out and "s3cret" not in text.out
    assert text.out.splitlines()[0].split() == ["SETTING", "VALUE", "ORIGIN"]
    assert "ORIGIN" not in shell("mdc config show store").out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("config show stroe", "no such command: 'stroe'; did you mean store?"),
        ("config show stream", "mdc config show: stream is several commands"),
        ("config show stream acpala", "did you mean alpaca?"),
        ("config show store x", "mdc config show: store has no commands"),
    ],
)
def test_what_is_no_command(line: str, said: str, shell: Shell) -> None:
    done = shell(f"mdc {line}")
    assert (done.status, done.out) == (2, "") and said in done.err


@pytest.mark.parametrize(
    ("variable", "line", "said"),
    [
        ("MDC_STREAM_SIM_LIMTI", "stream sim A -n 1", "; did you mean MDC_STREAM_SIM_LIMIT"),
        ("MDC_STREAM_LIMTI", "stream sim A -n 1", "; did you mean MDC_STREAM_LIMIT"),
        ("MDC_STREAM_SIM_SEDE", "stream sim A -n 1", "; did you mean MDC_STREAM_SIM_SEED"),
        ("MDC_STREAM_SIM_NONSENSE", "stream sim A -n 1", ""),
        ("MDC_STREM_LIMIT", "stream sim A -n 1", "; did you mean MDC_STREAM_LIMIT?"),
        ("MDC_STREM_LIMIT", "schema list", "; did you mean MDC_STREAM_LIMIT?"),
        ("MDC_QIUET", "schema list", "; did you mean MDC_QUIET?"),
        ("MDC_LOGFORMAT", "version", "; did you mean MDC_LOG_FORMAT?"),
        ("MDC_PLUGIN_PTAH", "version", "; did you mean MDC_PLUGIN_PATH?"),
    ],
)
def test_a_misspelt_variable_is_told_once(
    variable: str, line: str, said: str, shell: Shell
) -> None:
    done = shell(
        f"mdc -q {line} then cat" if "stream" in line else f"mdc {line}", **{variable: "1"}
    )
    text = f": {variable} (environment) is not used: no option has this variable{said}"
    assert done.status == 0 and done.err.count(variable) == 1 + said.count(f"{variable}?")
    assert text in done.err


@pytest.mark.parametrize(
    "variable",
    [
        "MDC_SHARED",
        "MDC_HOME",
        "MDC_TEST_ROOT",
        "MDC_LEDGER",
        "MDC_STREAM_LIMIT",
        "MDC_STREAM_RETRIES",
        "MDC_STREAM_CHANNELS",
        "MDC_STREAM_ALPACA_FEED",
        "MDC_STREAM_ALPACA_WHATEVER",
        "MDC_CAT_WHATEVER",
        "MDC_STATE",
        "MDC_WIRE",
    ],
)
def test_what_may_be_somebody_elses_is_not_told(variable: str, shell: Shell) -> None:
    value = "trade" if "CHANNELS" in variable else "jsonl" if "WIRE" in variable else "1"
    done = shell("mdc -q stream sim A -n 1", **{variable: value})
    assert (done.status, done.err) == (0, "")


def test_variables_of_subcommands_and_of_other_plugins_are_known(shell: Shell) -> None:
    assert shell("mdc -q stream sim A -n 9 then store").err == ""
    known = {"MDC_PACK_IMPORT_ROOT": "x", "MDC_PACK_ROOT": "data"}
    done = shell("mdc -q pack create p.zip", **known)
    assert (done.status, done.err) == (0, "")
    done = shell("mdc -q cat then store --root b", MDC_STORE_JSONL_COMPRESSION="lz4")
    assert (done.status, done.err) == (0, "")
    done = shell("mdc -q cat then store --root c", MDC_STORE_PARQUET_COMPRESION="lz4")
    assert "did you mean MDC_STORE_PARQUET_COMPRESSION?" in done.err


def test_a_misspelt_table_is_an_error_as_a_key_is(shell: Shell, tmp_path: Path) -> None:
    for table, said in (
        ("[retian]\nkeep = '1d'", "[retian]: no such table: 'retian'; did you mean retain?"),
        ("[stream.smi]\nseed = 1", "[stream.smi]: no such table: 'smi'; did you mean sim?"),
        ("[stream]\nlimti = 1", "[stream] limti: no such option: 'limti'; did you mean limit?"),
    ):
        (tmp_path / "mdc.toml").write_text(table)
        done = shell("mdc stream sim A -n 1")
        assert done.status == 78 and says_nothing(done.out)
        assert f"mdc.toml: {said}" in done.err
    # It may be that of a plugin that is not installed here.
    (tmp_path / "mdc.toml").write_text("[stream.someplace]\nx = 1\n")
    done = shell("mdc -q stream sim A -n 1")
    assert done.status == 0 and "[stream.someplace] is not used: no such table" in done.err
