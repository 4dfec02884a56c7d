"""What is said on standard error: by whom, how loud, and without a secret."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.logs import DETAIL, ERROR, MASK, NOTE, WARNING, CollectingLog, Log, Mask, Record
from mdc_core.times import to_ns

WORDS = ("detail", "note", "warning", "error")
LEVELS = (DETAIL, NOTE, WARNING, ERROR)


def say_all(log: Log) -> None:
    for word in WORDS:
        getattr(log, word)(f"a {word}")


@pytest.mark.parametrize("threshold", LEVELS)
def test_only_what_is_loud_enough_is_said(threshold: int) -> None:
    out = io.StringIO()
    say_all(Log(threshold=threshold, file=out))
    loud = WORDS[LEVELS.index(threshold) :]
    assert out.getvalue().splitlines() == [f"mdc: a {word}" for word in loud]


def test_lines_of_json() -> None:
    out = io.StringIO()
    log = Log(style="json", threshold=DETAIL, file=out)
    log.run_id = lambda: "abc"
    say_all(log.for_stage("store"))
    log.note("ünïcode\nin two lines")
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [one["level"] for one in said] == ["detail", "info", "warning", "error", "info"]
    assert [one["stage"] for one in said] == [*["store"] * 4, None]
    assert {one["run_id"] for one in said} == {"abc"}
    assert said[-1]["message"] == "ünïcode\nin two lines"
    assert {one["event"] for one in said} == {"message"}
    assert "ünïcode" in out.getvalue()  # not escaped: people read it too
    times = [to_ns(one["ts"]) for one in said]
    assert times == sorted(times)


def test_a_collecting_log_keeps_what_each_stage_says_for_itself() -> None:
    log = CollectingLog(threshold=NOTE)
    log.mask.add("hunter22")
    first, second = log.for_stage("cat"), log.for_stage("store")
    first.detail("too quiet")
    first.note("password hunter22")
    second.error("no room")
    assert first.said == [Record("info", "cat", f"password {MASK}")]
    assert second.said == [Record("error", "store", "no room")]
    assert log.said == []


def test_a_collecting_log_with_a_file_writes_as_well() -> None:
    out = io.StringIO()
    log = CollectingLog(threshold=WARNING, file=out)
    say_all(log)
    assert [record.level for record in log.said] == ["warning", "error"]
    assert out.getvalue() == "mdc: a warning\nmdc: a error\n"


def test_without_a_file_a_collecting_log_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    say_all(CollectingLog())
    assert capsys.readouterr() == ("", "")


@given(st.text(min_size=4, max_size=20).filter(str.strip), st.text(), st.text())
def test_a_secret_is_never_in_a_line(secret: str, before: str, after: str) -> None:
    mask = Mask()
    mask.add(secret)
    masked = mask(f"{before}{secret}{after}")
    if secret not in MASK * 3:
        assert secret not in masked or secret in before + MASK or secret in MASK + after


def test_a_secret_is_masked_as_json_and_urls_write_it() -> None:
    mask = Mask()
    mask.add('"a/b c')
    for text in ('key="a/b c;', '{"k":"\\"a/b c"}', "?k=%22a%2Fb%20c&x", "k=%22a%2Fb+c&x"):
        masked = mask(text)
        assert MASK in masked and "a" not in masked.replace(MASK, "")
    assert mask('{"k":"\\"a/b c"}') == f'{{"k":"{MASK}"}}'


def test_the_longest_form_goes_first_and_short_words_stay() -> None:
    mask = Mask()
    mask.add("secret")
    mask.add("secret/and more")
    mask.add("abc")
    assert mask("secret/and more, secret%2Fand%20more, secret%2Fand+more, secret, abc") == (
        f"{MASK}, {MASK}, {MASK}, {MASK}, abc"
    )


def test_a_secret_is_masked_as_json_may_write_it() -> None:
    mask = Mask()
    mask.add('SEC/ret"4')
    for text in ('SEC/ret"4', r"SEC\/ret\"4", r"\u0053EC\u002fret\u00224", r"\u0053EC\u002Fret\"4"):
        assert mask(f"a {text} b") == "a *** b"
        assert mask.frame(b"\xff " + text.encode()) == b"\xff ***"
    assert mask(r"a \n b") == r"a \n b"
