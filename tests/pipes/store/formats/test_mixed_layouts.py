"""Files of other names than those that came last: stored, and told."""

import pytest

from tests.conftest import Shell

STORE = "mdc -q stream sim SPY --limit 20 --seed {} | mdc store --root data {}"


@pytest.mark.parametrize(
    ("options", "old", "new"),
    [
        ("--layout hive", "layout by-symbol, partition daily", "layout hive, partition daily"),
        (
            "--partition monthly",
            "layout by-symbol, partition daily",
            "layout by-symbol, partition monthly",
        ),
        (
            "--layout flat --partition none",
            "layout by-symbol, partition daily",
            "layout flat, partition none",
        ),
    ],
)
def test_another_layout_is_told(options: str, old: str, new: str, shell: Shell) -> None:
    assert shell(STORE.format(1, "")).status == 0
    assert "layout" not in shell(STORE.format(2, "")).err
    done = shell(STORE.format(3, options))
    assert (done.status, len(shell("mdc cat --root data").events)) == (0, 60)
    assert f"the latest files in data have {old}; new files get {new}" in done.err
    assert "layout" not in shell(STORE.format(4, options)).err  # it goes on like this
    back = shell(STORE.format(5, ""))
    assert f"the latest files in data have {new}; new files get {old}" in back.err
