"""An HTTP answer: which error it is, how long to wait, and nothing secret in the message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdc_core.contracts.http import SHOWN, Request, Response
from mdc_core.errors import BusyError, DataError, MdcError, RefusedError, UnavailableError

PLACE = Request("https://user:pass@api.example:8443/v1/trades?key=secret#part")


@given(st.integers(100, 599), st.booleans())
def test_every_status_is_an_error_or_none(status: int, after: bool) -> None:
    headers = {"retry-after": "7"} if after else {}
    answer = Response(status, headers, b"", PLACE)
    if 200 <= status < 300:
        answer.check()
        return
    with pytest.raises(MdcError) as raised:
        answer.check()
    error = raised.value
    assert str(error).startswith(f"https://api.example:8443/v1/trades: {status}")
    assert "pass" not in str(error).replace("bypass", "") and "secret" not in str(error)
    if status in (401, 403, 407):
        assert type(error) is RefusedError
    elif status in (408, 425, 429) or (status == 503 and after):
        assert isinstance(error, BusyError)
        assert error.after == (7.0 if after else None)
    elif status >= 500:
        assert type(error) is UnavailableError
    else:
        assert type(error) is DataError


@pytest.mark.parametrize(
    ("text", "date", "seconds"),
    [
        ("0", "", 0.0),
        ("120", "", 120.0),
        (" 5 ", "", 5.0),
        ("9" * 400, "", 604_800.0),
        ("Tue, 02 Jan 2099 12:00:00 GMT", "Tue, 02 Jan 2024 12:00:30 GMT", 604_800.0),
        ("Tue, 02 Jan 2024 12:00:30 GMT", "Tue, 02 Jan 2024 12:00:00 GMT", 30.0),
        ("Tue, 02 Jan 2024 12:00:00 GMT", "Tue, 02 Jan 2024 12:00:30 GMT", 0.0),
        ("Tue, 02 Jan 2024 12:00:30 GMT", "", None),
        ("", "Tue, 02 Jan 2024 12:00:00 GMT", None),
        ("soon", "Tue, 02 Jan 2024 12:00:00 GMT", None),
        ("-5", "", None),
        ("1.5", "", None),
        ("\u0663", "", None),
    ],
)
def test_how_long_to_wait(text: str, date: str, seconds: float | None) -> None:
    headers = {"retry-after": text, "date": date}
    assert Response(429, {k: v for k, v in headers.items() if v}).after == seconds


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"slow down", ": slow down"),
        (b"\n\n  too much \n<html>", ": too much"),
        (b"x" * 1000, ": " + "x" * SHOWN),
        (b"\x00\x01", ""),
        ("sp\u00e4ter".encode(), ": sp\u00e4ter"),
        (b"caf\xe9", ": caf\ufffd"),
    ],
)
def test_what_the_vendor_says_is_one_short_line(body: bytes, shown: str) -> None:
    with pytest.raises(BusyError) as raised:
        Response(429, {}, body, PLACE).check()
    assert str(raised.value) == f"https://api.example:8443/v1/trades: 429 Too Many Requests{shown}"


def test_a_status_that_has_no_name() -> None:
    with pytest.raises(UnavailableError, match=r"trades: 599: broken$"):
        Response(599, {}, b"broken", PLACE).check()
    assert Request("http://a/b?c").where == "http://a/b"
