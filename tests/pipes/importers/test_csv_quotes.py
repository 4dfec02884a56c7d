"""Quotes of CSV that do not hold cost the line in which they opened, and no other."""

import json
import shlex
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import Shell

HEAD = "ts_event,symbol,price,size,note\n"
UNCLOSED, BEHIND = "a quote that is not closed", "text behind a closing quote"


def row(size: int, symbol: str = "A", note: str = "") -> str:
    return f"2024-07-01T09:30:00Z,{symbol},1,{size},{note}\n"


@pytest.mark.parametrize(
    ("rows", "sizes", "told"),
    [
        # the next quote closes it before other text
        ([row(1, '"A'), row(2, '"A'), row(3)], [3], {2: UNCLOSED, 3: UNCLOSED}),
        ([row(1), row(2, '"A'), *map(row, range(3, 99))], [1, *range(3, 99)], {3: UNCLOSED}),
        ([row(1, '"A"B'), row(2)], [2], {2: BEHIND}),
        ([row(1, '"A" '), row(2, note='"x ""y"" z"')], [2], {2: BEHIND}),
        # a row of two lines, and one in whose second line a quote is left open
        ([row(1, note='"a\nb"'), row(2)], [1, 2], {}),
        (["2024-07-01,A,1,1,x\r\n", row(2, note='"a\r\nb"'), row(3)], [1, 2, 3], {}),
        (['2024-07-01,"A', '\nB","1,1,\n', row(2)], [2], {2: UNCLOSED}),
        ([row(1, note='5" pipe'), row(2, '"A"', '""')], [1, 2], {}),
        ([row(1, '"A\nB"'), row(2)], [1, 2], {}),
        ([row(1).replace(",1,1,", ',"1\n",1,'), row(2)], [2], {2: "(a row of 2 lines)"}),
        (['1,"\n\n"\n', row(2)], [2], {2: "2 fields, not 5 (a row of 3 lines)"}),
        ([row(1, '"' + "A" * 30_000), *[row(2)] * 30_000], [2] * 30_000, {2: UNCLOSED}),
    ],
)
def test_a_loose_quote(
    rows: list[str], sizes: list[int], told: dict[int, str], shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "v.csv").write_bytes((HEAD + "".join(rows)).encode())
    done = shell("mdc import --profile csv v.csv --type trade --strict --quarantine aside")
    assert done.status == (1 if told else 0), done.err
    assert [int(event["size"]) for event in done.events] == sizes
    assert {event["symbol"].partition("\n")[0] for event in done.events} == {"A"}
    aside = tmp_path / "aside"
    found = [json.loads(text) for text in aside.read_text().splitlines()] if told else []
    assert [one["where"] for one in found] == [f"v.csv row {number}" for number in told]
    for one, reason in zip(found, told.values(), strict=True):
        assert reason in one["reason"], one
        if one["reason"] in (UNCLOSED, BEHIND):
            assert one["text"] == rows[one_row(one["where"])].rstrip("\n").split("\n")[0]


def one_row(where: str) -> int:
    return int(where.rpartition(" ")[2]) - 2


def test_a_file_that_ends_within_quotes_says_how_many_lines(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text(HEAD + row(1) + row(2, note='"some\ntext\nof')[:-1])
    done = shell("mdc import --profile csv v.csv --type trade")
    assert (done.status, [e["type"] for e in done.events]) == (65, ["trade", "gap"])
    assert "v.csv row 3: the file ends within quotes (in the last 3 lines)" in done.err
    (tmp_path / "h.csv").write_text('"' + HEAD + row(1))
    done = shell("mdc import --profile csv h.csv --type trade")
    assert done.status == 65 and f"its header: {UNCLOSED}" in done.err


def test_a_row_that_is_not_utf8(shell: Shell, tmp_path: Path) -> None:
    text = HEAD + row(1, note="café") + row(2)
    (tmp_path / "u.csv").write_bytes(text.encode("latin-1"))
    done = shell("mdc import --profile csv u.csv --type trade")
    assert [int(event["size"]) for event in done.events] == [2]
    assert "u.csv row 2: not UTF-8: rejected into " in done.err and "JSON" not in done.err


@pytest.mark.parametrize("member", ["sub/b [1].csv", "only.txt"])
def test_the_command_that_unpacks(member: str, shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a dir").mkdir()
    with ZipFile(tmp_path / "a dir/c.zip", "w") as packed:
        if member.endswith(".csv"):
            packed.writestr("__MACOSX/x.csv", "x")
            packed.writestr("readme", "x")
        packed.writestr(member, HEAD + row(7))
    done = shell("mdc import --profile csv 'a dir/c.zip' --type trade")
    assert done.status == 65
    said = done.err.partition("it is packed: ")[2].partition(", and import that")[0]
    words = shlex.split(said)
    assert words[:3] == ["unzip", "-p", "a dir/c.zip"] and words[-2:] == [">", "a dir/c.csv"]
    assert words[3:-2] == (["sub/b [[]1].csv"] if member.endswith(".csv") else [])
    (tmp_path / "a dir/t.xz").write_bytes(b"\xfd7zXZ\x00")
    done = shell("mdc import --profile csv 'a dir/t.xz' --type trade")
    assert "xz -dc 'a dir/t.xz' > 'a dir/t.csv', and import that" in done.err
