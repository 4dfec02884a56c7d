"""Settings: which files apply, what stands in which table, and what is wrong with them."""

from decimal import Decimal
from pathlib import Path

import pytest

from mdc_core.config import Config, load, load_file
from mdc_core.errors import ConfigError


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, dict[str, str]]:
    """A directory three deep, that of the user, and the environment that names it."""
    here, home = tmp_path / "a" / "b" / "c", tmp_path / "home"
    here.mkdir(parents=True)
    (home / "mdc").mkdir(parents=True)
    return here, home, {"XDG_CONFIG_HOME": str(home)}


def values(config: Config, *path: str) -> dict[str, object]:
    return {key: setting.value for key, setting in config.settings(*path).items()}


def test_the_nearest_file_upward_then_the_users(places: tuple[Path, Path, dict[str, str]]) -> None:
    here, home, env = places
    assert load(here, env).files == ()
    (home / "mdc" / "mdc.toml").write_text("[store]\nlayout = 'hive'\nformat = 'jsonl'\n")
    (here.parents[1] / "mdc.toml").write_text("[store]\nlayout = 'flat'\n")
    assert values(load(here, env), "store") == {"layout": "flat", "format": "jsonl"}
    (here / "mdc.toml").write_text("[store]\nlayout = 'by-date'\n")
    found = load(here, env)
    assert values(found, "store") == {"layout": "by-date", "format": "jsonl"}
    assert [file for file, _ in found.files] == [here / "mdc.toml", home / "mdc" / "mdc.toml"]
    # A file that is named stands alone.
    assert values(load_file(here.parents[1] / "mdc.toml"), "store") == {"layout": "flat"}


def test_where_the_user_keeps_it(tmp_path: Path) -> None:
    (tmp_path / ".config" / "mdc").mkdir(parents=True)
    (tmp_path / ".config" / "mdc" / "mdc.toml").write_text("quiet = true\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert values(load(empty, {"HOME": str(tmp_path)})) == {"quiet": True}
    assert values(load(empty, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""})) == {"quiet": True}
    assert load(empty, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(empty)}).files == ()
    assert load(empty, {}).files == ()


def test_a_directory_of_that_name_is_no_file(places: tuple[Path, Path, dict[str, str]]) -> None:
    here, _, env = places
    (here / "mdc.toml").mkdir()
    (here.parent / "mdc.toml").write_text("quiet = true\n")
    assert values(load(here, env)) == {"quiet": True}


def test_tables_and_what_is_in_them() -> None:
    near = {
        "quiet": True,
        "store": {"seal-every": "1m", "parquet": {"level": 3}},
        "tier": {"warm": {"after": "1d"}},
    }
    far = {"store": {"seal_every": "9m", "fsync": "none"}, "tier": {"cold": {}}, "verbose": False}
    config = Config(((Path("near"), near), (Path("far"), far)))
    assert values(config) == {"quiet": True, "verbose": False}
    assert values(config, "store") == {"seal_every": "1m", "fsync": "none"}
    assert values(config, "store", "parquet") == {"level": 3}
    assert values(config, "nothing", "at", "all") == {}
    assert config.tables() == {"store": Path("near"), "tier": Path("near")}
    assert config.tables("tier") == {"warm": Path("near"), "cold": Path("far")}
    setting = config.settings("store")["fsync"]
    assert (setting.file, setting.table) == (Path("far"), "store")
    error = setting.complaint("fsync", "is wrong", "say another")
    assert (str(error), error.hint) == ("far: [store] fsync: is wrong", "say another")
    assert str(config.settings()["quiet"].complaint("quiet", "no")) == "near: quiet: no"


def test_numbers_are_exact(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[a]\nb = 0.1\nc = 1e-30\nd = 7\n")
    found = values(load_file(tmp_path / "x.toml"), "a")
    assert found == {"b": Decimal("0.1"), "c": Decimal("1e-30"), "d": 7}
    assert type(found["b"]) is Decimal


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a = \n", "not TOML: "),
        (b"[a]\n[a]\n", "not TOML: "),
        (b"a = '\xff'\n", "not TOML: "),
        (None, "no such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read(data: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError) as raised:
        load_file(path)
    wanted = f"{path}: {said}" if data is not None else f"{said}: {path}"
    assert str(raised.value).startswith(wanted)


def test_what_must_be_a_table() -> None:
    config = Config(((Path("x"), {"store": 3, "stream": {"alpaca": "sip"}}),))
    with pytest.raises(ConfigError, match=r"^x: store must be a table: \[store\]$"):
        config.settings("store")
    with pytest.raises(ConfigError, match=r"^x: stream\.alpaca must be a table"):
        config.tables("stream", "alpaca", "more")


@pytest.mark.parametrize("table", [{}, {"stream": {}}, {"stream": {"acme": {}}}])
def test_no_table_around_a_plugin_may_have_its_secret(table: dict[str, dict[str, object]]) -> None:
    inner: dict[str, object] = table
    path = []
    while inner:
        (name,) = inner
        path.append(name)
        inner = inner[name]  # type: ignore[assignment]
    inner["acme-key"] = "x"
    config = Config(((Path("mdc.toml"), table),))
    with pytest.raises(ConfigError) as raised:
        config.refuse_secrets(("ACME_KEY",), "stream", "acme")
    assert str(raised.value) == "mdc.toml: acme_key is a secret, and mdc.toml is no place for it"
    assert raised.value.hint == "set ACME_KEY, or ACME_KEY_FILE to a file with it"
    config.refuse_secrets(("OTHER",), "stream", "acme")
    if path:  # what stands in a table of another is that one's matter
        config.refuse_secrets(("ACME_KEY",))
