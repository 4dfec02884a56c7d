"""What a mistyped word may have meant."""

import pytest

from mdc_core.cli.groups import ELSEWHERE
from mdc_core.installed import verb_files
from mdc_core.suggest import known, near, unknown

VERBS = tuple(verb_files())


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stroe", ["store"]),
        ("Store", ["store"]),
        ("vaildate", ["validate"]),
        ("qurey", ["query"]),
        ("plugns", ["plugins", "plugin"]),
        ("comp", ["compact", "completion", "compress"]),
        ("lz", ["ls"]),
        # Words that are like nothing.
        ("login", []),
        ("history", []),
        ("xyz", []),
        ("", []),
        # Words of other tools.
        ("filter", ["cat", "query"]),
        ("merge", ["compact"]),
        ("sql", ["query", "shell"]),
        ("SQL", ["query", "shell"]),
        ("import-csv", ["import"]),
        ("download", ["stream", "import"]),
    ],
)
def test_a_verb(word: str, meant: list[str]) -> None:
    assert near(word, VERBS, ELSEWHERE) == meant


def test_words_of_other_tools_are_no_verbs_and_lead_to_one() -> None:
    assert not set(ELSEWHERE) & set(VERBS)
    for word in ELSEWHERE:
        assert set(near(word, VERBS, ELSEWHERE)) <= set(VERBS)
        assert near(word, VERBS, ELSEWHERE), word


@pytest.mark.parametrize(
    ("word", "choices", "meant"),
    [
        ("spy", ["AAPL", "SPY"], ["SPY"]),
        ("xny", ["XNAS", "XNYS"], ["XNYS"]),
        ("SPYY", ["SPY", "SPX", "QQQ"], ["SPY"]),
        ("imbalnace", ["imbalance", "split"], ["imbalance"]),
        ("tolerence", ["tolerance"], ["tolerance"]),
        ("zo", ["zoo", "a"], ["zoo"]),
        ("abcd", ["wxyz"], []),
    ],
)
def test_other_words(word: str, choices: list[str], meant: list[str]) -> None:
    assert near(word, choices) == meant


def test_what_is_said() -> None:
    assert unknown("verb", "stroe", ["store"]) == "no such verb: 'stroe'; did you mean store?"
    assert unknown("verb", "zzz", ["store"]) == "no such verb: 'zzz'"
    assert (known(["b", "a"]), known([])) == ("known: a, b", None)
