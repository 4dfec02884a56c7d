"""The maps of `coverage`: text, page, drawing, image."""

import contextlib
import json
import os
import pty
import subprocess
import termios
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.conftest import Shell
from tests.pipes.coverage.coverage_days import (
    CODE,
    Archive,
    told,
    weekdays,
)


@pytest.fixture
def months(data: Archive) -> Archive:
    """November to January: one that is whole, and one with all states."""
    holidays = ("2023-11-23", "2023-12-25", "2024-01-01")
    for day in weekdays("2023-11-20", "2024-01-12", *holidays):
        data.day("SPY", day, last="12:59")
        if day not in ("2023-12-05", "2023-12-06", "2024-01-03", "2024-01-04", "2024-01-05"):
            data.day("AAPL", day, last="11:00" if day == "2024-01-08" else "12:59")
    data.empty("AAPL", "2023-12-06T00:00:00Z", "2023-12-07T00:00:00Z")
    return data


OPTIONS = "--calendar XNYS --tolerance 3h1m"
DAYS = """\
2023-11-20 to 2024-01-12, a character is a day
             2023                                      2024
             Nov        Dec                            Jan
               22       1      8      15     22        1      8
AAPL  trade  ###.#..#####..#x0##..#####..#####...####...#xxx..-####   87.1 %
SPY   trade  ###.#..#####..#####..#####..#####...####...####..#####  100.0 %

#   complete       68   91.8 %  nothing known to be missing
-=+ partial         1    1.3 %  some missing
x   missing         4    5.4 %  nothing held
0   empty           1    1.3 %  asked for: there is none
.   closed         34           market closed
complete: 69 of 74 open days, 93.2 %
covered: 93.5 % of their time
"""


def test_the_text_map(months: Archive, shell: Shell) -> None:
    done = shell(f"mdc coverage {OPTIONS}", PYTHONIOENCODING="ascii")
    assert done.out == DAYS
    for mark, block in zip("#-x0.", "█░×○·", strict=True):  # noqa: RUF001
        assert (mark in done.out) and block in shell(f"mdc coverage {OPTIONS}").out
    file = shell(f"mdc coverage {OPTIONS} -o map.txt && cat map.txt").out
    assert file == shell(f"mdc coverage {OPTIONS}").out


@pytest.mark.parametrize(
    ("options", "width", "unit", "aapl"),
    [
        ("", "80", "day", "###.#..#####..#x0##..#####..#####...####...#xxx..-####"),
        ("", "70", "week", "##+###-+"),
        ("--cell week", "80", "week", "##+###-+"),
        ("--cell month", "80", "month", "#+="),
        ("--cell quarter", "80", "quarter", "+="),
        ("--cell year --to 2023-11-30", "80", "year", "#"),
        ("--cell month --from 2024-01-03 --to 2024-01-05", "80", "month", "x"),
        ("--cell week --from 2024-01-03 --to 2024-01-07", "80", "week", "x"),
        ("--cell week --from 2024-01-06 --to 2024-01-07", "80", "week", "."),
        ("--cell week --from 2023-12-06 --to 2023-12-06", "80", "week", "0"),
        ("--cell week --from 2023-12-06 --to 2023-12-09", "80", "week", "#"),
        ("--cell week --from 2023-12-05 --to 2023-12-06", "80", "week", "="),
    ],
)
@pytest.mark.some(3)
def test_cells_of_several_days(
    options: str, width: str, unit: str, aapl: str, months: Archive, shell: Shell
) -> None:
    env = {"COLUMNS": width, "PYTHONIOENCODING": "ascii"}
    lines = shell(f"mdc coverage {OPTIONS} {options}", **env).out.splitlines()
    assert lines[0].endswith(f"a character is a {unit}")
    (line,) = (line for line in lines if line.startswith("AAPL"))
    assert line.split()[2] == aapl


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.some(1)
def test_colours_are_for_terminals(
    env: dict[str, str], months: Archive, quiet_env: dict[str, str], shell: Shell
) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    line = ["mdc", "coverage", *OPTIONS.split()]
    variables = {"TERM": "xterm", **{k: v for k, v in quiet_env.items() if k != "COLUMNS"}}
    process = subprocess.Popen(
        line, cwd=months.root.parent, env=variables | env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the terminal is gone with its last process
        while more := os.read(ours, 65_536):
            said += more
    os.close(ours)
    assert process.wait() == 0, said
    missing, empty, complete = "\x1b[31m×\x1b[0m", "\x1b[36m○\x1b[0m", "\x1b[32m██\x1b[0m"  # noqa: RUF001
    assert (missing + empty + complete in said.decode()) == (not env)
    assert (b"\x1b" in said) == (not env)
    assert "\x1b" not in shell(f"mdc coverage {OPTIONS}").out


class Page(HTMLParser):
    """The elements of a page: tags with attributes, and the text in them."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-2:] == ["rect", "title"]:
            self.titles.append(data)
        elif data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())


AAPL_DAYS = "###.#..#####..#x0##..#####..#####...####...#xxx..+####"


def cells_said(titles: list[str]) -> dict[str, str]:
    """By symbol and type, the state of each cell, as its title says it; no legend."""
    said: dict[str, str] = {}
    for title in titles:
        name, _, rest = title.partition(", ")
        if rest:
            state = rest.partition(": ")[2].partition(",")[0]
            said[name] = said.get(name, "") + CODE[state]
    return said


def test_the_page(months: Archive, shell: Shell) -> None:
    assert shell(f"mdc coverage {OPTIONS} -o map.html").status == 0
    text = (months.root.parent / "map.html").read_text()
    page = Page(text)
    assert cells_said(page.titles)["AAPL trade"] == AAPL_DAYS
    assert "AAPL trade, Mon 2023-11-20: complete, 14:30:00 to 17:59:00 UTC, 2 events" in page.titles
    assert "AAPL trade, Tue 2023-12-05: missing" in page.titles
    tags = {tag for tag, _ in page.found}
    assert tags.isdisjoint({"script", "link", "img", "iframe"})
    assert "http" not in text
    for row in (
        "AAPL",
        "87.1 %",
        "100.0 %",
        "Tue 2023-12-05: missing",
        "2024-01-03 to 2024-01-05: missing, 3 open days",
        "Mon 2024-01-08: partial",
    ):
        assert row in page.texts, row
    classes = Counter(str(a["class"]) for tag, a in page.found if tag == "rect")
    assert classes == {"complete": 68, "partial p0": 1, "missing": 4, "empty": 1, "closed": 34}
    labels = [a["aria-label"] for tag, a in page.found if tag == "svg" and a["role"] == "img"]
    assert labels[1] == "4 missing, 1 partial, 31 complete, 1 empty, 17 closed days"


def test_the_drawing(months: Archive, shell: Shell) -> None:
    done = shell(f"mdc coverage {OPTIONS} --format svg")
    tree = ElementTree.fromstring(done.out)
    name = "{http://www.w3.org/2000/svg}"
    assert tree.find(f"{name}title").text == "Coverage of data"  # type: ignore[union-attr]
    rects = [rect for rect in tree.iter(f"{name}rect") if rect.get("class")]
    titles = [rect.findtext(f"{name}title") or "" for rect in rects]
    assert cells_said(titles)["AAPL trade"] == AAPL_DAYS
    fills = {rect.get("class"): rect.get("fill") for rect in rects}
    assert len(set(fills.values())) == 8
    words = [text.text for text in tree.iter(f"{name}text")]
    about = "2023-11-20 to 2024-01-12, UTC · a cell is a day · calendar XNYS"
    assert words[:2] == ["Coverage of data", about]
    assert {"2023", "2024", "Dec", "Jan", "AAPL", "SPY", "trade", "87.1 %"} <= set(words)
    width = float(tree.get("width", "0"))
    assert all(0 <= float(r.get("x", "")) + float(r.get("width", "")) <= width for r in rects)


def test_the_image(months: Archive, shell: Shell) -> None:
    """The pixel in the middle of each cell has the colour of its state, twice as far out."""
    from PIL import Image, ImageColor

    assert shell(f"mdc coverage {OPTIONS} -o map.png").status == 0
    assert shell(f"mdc coverage {OPTIONS} --format png > piped.png").status == 0
    folder = months.root.parent
    assert (folder / "piped.png").read_bytes() == (folder / "map.png").read_bytes()
    tree = ElementTree.fromstring(shell(f"mdc coverage {OPTIONS} --format svg").out)
    boxes = [e for e in tree.iter("{http://www.w3.org/2000/svg}rect") if e.get("class")]
    assert len(boxes) == 54 * 2 + 8
    with Image.open(folder / "map.png") as image:
        assert image.size == (2 * int(tree.get("width", "")), 2 * int(tree.get("height", "")))
        for box in boxes:
            x, y, wide, high = (float(box.get(k, "")) for k in ("x", "y", "width", "height"))
            colour = ImageColor.getrgb(box.get("fill", ""))
            for at in (1, wide, 2 * wide - 2):
                assert image.getpixel((int(2 * x + at), int(2 * y + high))) == colour
            assert image.getpixel((int(2 * (x + wide) + 1), int(2 * y + 4))) == (255, 255, 255)
        letters = image.crop((0, 0, image.width, 180)).getcolors(maxcolors=4096)
        assert letters is not None and len(letters) > 20  # there is a title


HOSTILE = ["<script>alert(1)</script>", 'a"b&c', "\x1b[2Jx", "\u202eevil", "€" * 200, "]]>", ""]


def test_symbols_of_strangers(data: Archive, shell: Shell) -> None:
    rows = [{"type": "trade", "symbol": s, "ts_event": "2024-01-02T15:00:00Z"} for s in HOSTILE]
    (data.root / "hostile.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = told(shell("mdc coverage --json"))
    assert found == {(symbol, "trade"): "+" for symbol in HOSTILE}
    for form in ("text", "html", "svg", "json"):
        out = shell(f"mdc coverage --format {form}").out
        assert not {"\x1b", "\u202e"} & set(out)
        assert form in ("text", "json") or "<script" not in out
    page = Page(shell("mdc coverage --format html").out)
    assert {"<script>alert(1)</scrip…", 'a"b&c', "'\\x1b[2Jx'"} <= set(page.texts)
    tree = ElementTree.fromstring(shell("mdc coverage --format svg").out)
    assert {"]]>", 'a"b&c'} <= {text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")}
    assert shell("mdc coverage -o map.png").status == 0
    assert max(map(len, shell("mdc coverage").out.splitlines())) <= 80


def test_a_large_map_has_coarser_cells(data: Archive, shell: Shell) -> None:
    """Ten years: months, unless it is said otherwise."""
    data.at("AAPL", "trade", "2014-01-02T15:00:00Z", "2023-12-29T15:00:00Z")
    page = Page(shell("mdc coverage --format html").out)
    assert len(page.titles) == 120
    assert page.titles[0] == "AAPL trade, 2014-01-02 to 2014-01-31: partial, <0.1 %, 1 event"
    assert page.titles[1] == "AAPL trade, 2014-02-01 to 2014-02-28: missing"
    drawn = Page(shell("mdc coverage --format svg --cell week").out)
    assert len(drawn.titles) == 522 + 8
