"""Lines that are nearly right, and both readers of JSONL on each of them."""

import random
import re
from collections.abc import Iterator

from mdc_core.batch import from_rows
from mdc_core.errors import DataError
from mdc_core.schema import columns
from mdc_core.wire.lines.jsonl import encode_batch
from mdc_core.wire.lines.line import check_values, parse_line
from mdc_core.wire.lines.parse import LinesParser

TIME = b'"ts_event":"2024-03-08T14:30:00.123456789Z","ts_recv":"2024-03-08T14:30:00.2Z"'
LINES = (
    b'{"type":"trade","v":"1.0.0",' + TIME + b',"provider":"sim","symbol":"SPY","seq":17,'
    b'"price":512.340,"size":100,"trade_id":"7\\u00e9","conditions":["@","F"],"venue":"V"}',
    b'{"type":"quote",' + TIME + b',"symbol":"BTC-USD","bid_price":64000.5,'
    b'"bid_size":0.00000001,"ask_price":"64001","ask_size":1e-7,"extra":{"a":{"b":[1,"}"]}}}',
    b'{"type":"bar","v":"1.0.0",' + TIME + b',"symbol":"AAPL","open":1,"high":2.5,"low":0.5,'
    b'"close":2,"volume":12345678901,"trades":3}',
    b'{"type":"book","symbol":"ES","bids":[{"price":1.5,"size":2,"count":3}],'
    b'"asks":[{"price":"1.6","size":0},{"price":1.7,"size":1}]}',
    b'{"type":"heartbeat",' + TIME + b',"provider":"sim"}',
    b'{"type":"gap","symbol":"SPY","start":"2024-03-08T14:30:00Z","reason":"disconnect"}',
    b'{"type":"end","run_id":"r1","stage":"sim","counts":{"trade":1},"reason":"eof"}',
    b'{"type":"integrity","symbol":"SPY","check":"gap","severity":"warning","message":"a\\nb"}',
)
TYPES = [line[9 : line.index(b'",')] for line in LINES]
_PLAIN = rb"""
0 -0 0.0 -0.0 0e0 0e37 0E+40 0e-40 0E-999999999 0e99999999999999999999 1e17 1e18 1e-18 1e-19
10e-19 1.50E+2 1E400 1e-400 01 1. .5 +1 - 1e 1_0 0x10 1e+5 -1e5 99999999999999999999
-99999999999999999999 9223372036854775807 9223372036854775808 -9223372036854775808
-9223372036854775809 18446744073709551616 170141183460469231731
999999999999999999.999999999999999999 1000000000000000000 0.0000000000000000000000000000001
1.000000000000000000000000000000000000000000000000000000000000
12345678901234567890123456789012345678.5 true false null True NaN nan Infinity -Infinity {} []
[null] [[]] [{}] {"":1} "1" "1e5" "1E400" "NaN" "nan" "inf" "Infinity" " 1" "1 " "1_0" "0x1"
"+1" ".5" "5." "0e37" "0E+40" "1,5" "-" "--1" "true" "null" "{}" "trade" "quote" "1.0.0" "0.9.0"
"2.0.0" "\ud800" "\udc00" "\ud83d\ude00" "\ud800x" "\ud800\ud800" "\udc00\ud800" "\u0000"
"\u001f" "\u2028" "\ufffe" "\uFFFF" "\/" "\x41" "\u12" "\b\f\n\r\t" "\\" "\"" "2024-03-08"
"2024-02-30" "0000-01-01" "9999-12-31" "2024-3-8" "20240308" "1969-12-31" "2024-03-08T14:30:00Z"
"2024-03-08T14:30:00" "2024-03-08T14:30Z" "2024-03-08T14Z" "2024-03-08t14:30:00z"
"2024-03-08T14:30:00.Z" "2024-03-08T14:30:00,5Z" "2024-03-08T14:30:00+00:00"
"2024-03-08T14:30:00-05:00" "2024-03-08T14:30:00+0530" "2024-03-08T14:30:60Z"
"2024-03-08T24:00:00Z" "2024-03-08T14:30:00.1234567891Z" "1677-09-21T00:12:43.145224193Z"
"1677-09-20T00:00:00Z" "2262-04-11T23:47:16.854775807Z" "2262-04-12T00:00:00Z"
"0001-01-01T00:00:00Z" "9999-12-31T23:59:59Z" "1970-01-01T00:00:00Z" ["a"] ["a",null] [1]
["\ud800"] [""] [["a"]] [{"price":1,"size":2}] [{"price":1}] [{"price":1,"size":2,"size":3}]
[{"price":1,"size":2,"x":3}] [{"price":0e40,"size":1}] [{"price":1,"size":null}]
[{"price":1,"size":1,"count":1.0}] [{"price":"1","size":" 1"}]
[{"price":1,"size":1,"count":9223372036854775808}] [null,{"price":1,"size":2}] {"a":1}
{"a":{"b":{"c":{}}}} {"a":1,"a":2} {"a":"\ud800"} {"a":NaN} {"a":1e999} {"":""}
{"a":[1,2,{"b":0e40}]} {"a":99999999999999999999999} {"a":0.10} {"a":1E2} {"a":"}"} {"a":1}x
"""
VALUES = [
    *_PLAIN.split(),
    b'""',
    b'"\xd9\xa3"',
    b'"\xef\xbc\x91"',
    b'"\x00"',
    b'"\x01"',
    b'"\x1f"',
    b'"\x7f"',
    b'"\t"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"\xff"',
    b'"\xe2\x80\xa8"',
    b'"\xf0\x9f\x98\x80"',
    b'"2024-03-08 14:30:00Z"',
    b'"2024-03-08T14:30:00 Z"',
    b'{"a" : 1 , "b":\t2}',
    b'{"a":"\x01"}',
    b'{"a":"\xff"}',
    b"9" * 18 + b"." + b"9" * 18,
    b"9" * 400,
    b"1." + b"0" * 60,
    b"0." + b"0" * 30 + b"1",
    b"0." + b"0" * 90 + b"1",
    b'"' + b"x" * 300 + b'"',
    b"[" * 60 + b"]" * 60,
]
ALIKE = {start: [v for v in VALUES if v[:1] == start] for start in (b'"', b"[", b"{")}
ALIKE |= {bytes([c]): [v for v in VALUES if v[:1].isdigit()] for c in b"0123456789"}
NAMES = [
    *(f'"{name}"'.encode() for name in ("type", "v", *columns())),
    b'""',
    b'"x"',
    b'"Price"',
    b'"price "',
    rb'"\u0070rice"',
    rb'"extr\u0061"',
    rb'"\ud800"',
    b'"\x01"',
    b'"\xff"',
    b"price",
    b"'price'",
]
BYTES = [bytes([c]) for c in b'{}[]:,"\\ \t\r\x00\x0b\x0c\x1f\x7f\xa0\xff0123e.-+/anul']
BYTES += [b"\xef\xbb\xbf", b"\xc2\xa0", b"\xe2\x80\xa8", b"/**/", b"//", b"{}", b",,", b"\\ud800"]
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+0-9.eE]+|[a-z]+|[{}\[\],:]')
_MEMBER = re.compile(rb'"(?:[^"\\]|\\.)*":')


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """Lines with one to three things about them changed, the same for the same seed."""
    draw = random.Random(seed)
    for _ in range(count):
        line = draw.choice(LINES)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            line = draw.choice(_CHANGES)(line, draw)
        yield line.replace(b"\n", b" ")


def _value(line: bytes, draw: random.Random) -> bytes:
    """Another value for a name."""
    members = list(_MEMBER.finditer(line))
    if not members:
        return line
    start = draw.choice(members).end()
    end = line.find(b',"', start)
    end = len(line) - 1 if end < 0 else end
    alike = ALIKE.get(line[start : start + 1], VALUES) if draw.random() < 0.7 else VALUES
    return line[:start] + draw.choice(alike) + line[end:]


def _name(line: bytes, draw: random.Random) -> bytes:
    """Another name for a value."""
    members = list(_MEMBER.finditer(line))
    if not members:
        return line
    found = draw.choice(members)
    return line[: found.start()] + draw.choice(NAMES) + b":" + line[found.end() :]


def _more(line: bytes, draw: random.Random) -> bytes:
    """One member more, at the end or the beginning."""
    member = draw.choice(NAMES) + b":" + draw.choice(VALUES)
    if draw.random() < 0.5:
        return line[:-1] + b"," + member + b"}"
    return b"{" + member + b"," + line[1:]


def _token(line: bytes, draw: random.Random) -> bytes:
    """A token less, twice, or another one."""
    tokens = list(_TOKEN.finditer(line))
    if not tokens:
        return line
    found = draw.choice(tokens)
    other = draw.choice((b"", found[0] * 2, draw.choice(VALUES), draw.choice(BYTES)))
    return line[: found.start()] + other + line[found.end() :]


def _byte(line: bytes, draw: random.Random) -> bytes:
    """A byte less or more, or another one."""
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice((b"", *BYTES)) + line[at + draw.randrange(2) :]


_CHANGES = (_value, _value, _name, _more, _token, _byte)


class Readers:
    """The quick reader of blocks and the careful one of lines, to be compared."""

    def __init__(self) -> None:
        self.taken = 0  # by the quick one, which leaves the rest to the other
        self._parsers: dict[bytes, LinesParser] = {}

    def difference(self, line: bytes) -> str | None:
        """What the two make of a line, where it is not the same."""
        quick, careful = self.quickly(line), carefully(line)
        if quick is not None:
            self.taken += 1
            if quick != careful:
                return f"{line!r}\n quick   {quick!r}\n careful {careful!r}"
        if isinstance(careful, bytes):
            again = carefully(careful[:-1])
            if again != careful:
                return f"{line!r}\n written {careful!r}\n read    {again!r}"
            quick = self.quickly(careful[:-1])
            if quick is not None and quick != careful:
                return f"{line!r}\n written {careful!r}\n quick   {quick!r}"
        return None

    def quickly(self, line: bytes) -> bytes | None:
        """The event in canonical form, or None where the quick reader will not have it."""
        kind = next((name for name in TYPES if b'"' + name + b'"' in line), b"trade")
        parser = self._parsers.get(kind)
        if parser is None:
            parser = self._parsers[kind] = LinesParser(lambda number, text, reason: None)
            parser.expect({kind.decode()})
        piece = parser.as_columns(line + b"\n")
        return None if piece is None else encode_batch(piece[0])


def carefully(line: bytes) -> bytes | str:
    """The event in canonical form, or why it is none."""
    try:
        row = parse_line(line.strip(b" \t\r")).row
        check_values(row)
    except DataError as error:
        return str(error)
    return encode_batch(from_rows([row]))
