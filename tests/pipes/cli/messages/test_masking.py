"""A secret is never written, whoever says it: on standard error, in JSON, in what is stored."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Shell

KEY = "s3cr3t/key+with spaces"
SECRET = 'pass"word\\value'
STREAM = '''\
"""A feed that tells everybody its secrets."""
from urllib.parse import quote

from mdc_core.plugin import Endpoint, Options, RefusedError, Stream, UnavailableError


class Leaky(Stream):
    """Leaks."""

    vendor, assets = "Leaky", ("equity",)
    channels = ("trade",)
    secrets = ("LEAKY_KEY",)
    optional_secrets = ("LEAKY_SECRET",)

    class Options(Options, frozen=True, kw_only=True):
        how: str = "plain"

    def endpoints(self):
        key, more = self.credentials["LEAKY_KEY"], self.credentials.get("LEAKY_SECRET", "")
        said = {"plain": key, "url": quote(key, safe=""), "both": f"{key} and {more}"}
        raise RefusedError(f"refused: {said[self.options.how]}", hint=f"not {key}")

    def receive(self, frame, now):
        return ()
'''


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    path = tmp_path / "leaky.py"
    path.write_text(STREAM)
    return path


@pytest.fixture
def run(leaky: Path, shell: Shell) -> Callable[..., str]:
    """What is said on both outputs by a run that is refused."""

    def run(options: str = "", before: str = "", **env: str) -> str:
        env = {"LEAKY_KEY": KEY} | env
        done = shell(f"mdc --plugin leaky.py {before} stream leaky SPY {options}", **env)
        assert done.status == 77, done.err
        return done.out + done.err

    return run


def test_in_messages_and_hints(run: Callable[..., str]) -> None:
    said = run()
    assert "mdc stream: refused: ***\n" in said
    assert "hint: not ***\n" in said
    assert KEY not in said


def test_as_it_stands_in_a_url(run: Callable[..., str]) -> None:
    said = run("--how url")
    assert "refused: ***" in said
    assert "s3cr3t" not in said


def test_two_of_them_and_as_json(run: Callable[..., str]) -> None:
    said = run("--how both", "--log-format json", LEAKY_SECRET=SECRET)
    assert '"message": "refused: *** and ***"' in said
    assert "s3cr3t" not in said and "word" not in said


def test_from_a_file(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"  {KEY}\n")
    said = run(LEAKY_KEY="", LEAKY_KEY_FILE="key")
    assert "refused: ***" in said and "s3cr3t" not in said


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "missing secret: LEAKY_KEY"),
        ({"LEAKY_KEY": "<your key>"}, "missing secret: LEAKY_KEY"),
        ({"LEAKY_KEY": "CHANGE_ME"}, "missing secret: LEAKY_KEY"),
        ({"LEAKY_KEY_FILE": "nowhere"}, "LEAKY_KEY_FILE: no such file or directory: nowhere"),
        ({"LEAKY_KEY_FILE": "."}, "LEAKY_KEY_FILE: cannot read .: Is a directory"),
        ({"LEAKY_KEY_FILE": "leaky.bin"}, "LEAKY_KEY_FILE: leaky.bin is not UTF-8 text"),
    ],
)
def test_what_is_missing(
    env: dict[str, str], said: str, leaky: Path, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "leaky.bin").write_bytes(b"\xff\xfe")
    done = shell("mdc --plugin leaky.py stream leaky SPY", **env)
    assert done.status == 78
    assert f"mdc stream: {said}\n" in done.err
    if "missing" in said:
        assert (
            "hint: export LEAKY_KEY=..., or LEAKY_KEY_FILE=FILE, or `keyring set mdc LEAKY_KEY`\n"
        ) in done.err


@pytest.mark.parametrize(
    "table",
    ["leaky_key = 'x'\n", "[stream]\nleaky_key = 'x'\n", "[stream.leaky]\nLEAKY_SECRET = 'x'\n"],
)
def test_settings_are_no_place_for_one(
    table: str, leaky: Path, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "mdc.toml").write_text(table)
    done = shell("mdc --plugin leaky.py stream leaky SPY", LEAKY_KEY="value")
    assert done.status == 78
    assert "is a secret, and mdc.toml is no place for it" in done.err
    assert "hint: set LEAKY_" in done.err
    assert "'x'" not in done.err
