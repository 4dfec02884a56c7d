"""`mdc import --profile lobster | mdc book`: the book behind each row is that of the book file."""

from pathlib import Path

import pytest

from tests.conftest import Done, Shell
from tests.pipes.books.lobster_day import DAY, NOBODY, Venue

Levels = list[tuple[int, int]]


def files_of(venue: Venue, folder: Path, depth: int) -> Path:
    """Both files of a day; the message file."""
    path = folder / f"{DAY}_message_{depth}.csv"
    path.write_text("\n".join(venue.messages) + "\n")
    (folder / f"{DAY}_orderbook_{depth}.csv").write_text("\n".join(venue.books) + "\n")
    return path


def books_of(done: Done) -> dict[int, tuple[Levels, Levels]]:
    """The last book behind each row of the message file: asks and bids in the files' units."""
    found = {}
    for row in done.events:
        if row["type"] == "book":
            asks, bids = (
                [(round(float(at["price"]) * 10_000), int(at["size"])) for at in row[name]]
                for name in ("asks", "bids")
            )
            found[int(row["seq"])] = asks, bids
    return found


def rows_of(book_file: Path) -> list[tuple[Levels, Levels]]:
    """The rows of a book file: asks and bids."""
    found = []
    for line in book_file.read_text().split():
        numbers = list(map(int, line.split(",")))
        asks, bids = (
            [
                at
                for at in zip(numbers[n::4], numbers[n + 1 :: 4], strict=True)
                if abs(at[0]) < NOBODY
            ]
            for n in (0, 2)
        )
        found.append((asks, bids))
    return found


@pytest.mark.parametrize(("seed", "depth"), [(1, 1), (2, 3), (3, 5)])
def test_each_row_is_that_of_the_venue(shell: Shell, tmp_path: Path, seed: int, depth: int) -> None:
    venue = Venue(seed, depth)
    venue.run(1500)
    path = files_of(venue, tmp_path, depth)
    done = shell(f"mdc import --profile lobster {path.name} | mdc book --levels {depth}")
    assert done.status == 0, done.err
    assert not [row for row in done.events if row["type"] == "integrity"]
    found = books_of(done)
    assert len(venue.messages) > 100
    for number, row in enumerate(rows_of(tmp_path / f"{DAY}_orderbook_{depth}.csv"), 1):
        assert found[number] == row, f"row {number}: {venue.messages[number - 1]}"


def test_real_days(shell: Shell, shared: Path) -> None:
    paths = sorted((shared / "data" / "lobster").glob("*_message_*.csv"))
    if not paths:
        pytest.skip("no files of LOBSTER's there")
    for path in paths:
        done = shell(f"mdc import --profile lobster '{path}' | mdc book --levels 10")
        assert done.status == 0, done.err
        assert not [row for row in done.events if row["type"] == "integrity"]
        rows = rows_of(path.with_name(path.name.replace("_message_", "_orderbook_")))
        found, book = books_of(done), None
        for number, row in enumerate(rows, 1):
            book = found.get(number, book)  # a hidden execution changes nothing
            assert book == row, f"{path.name}, row {number}"


def test_without_its_book_file_nothing_is_known(shell: Shell, tmp_path: Path) -> None:
    venue = Venue(4, 2)
    venue.run(100)
    path = files_of(venue, tmp_path, 2)
    (tmp_path / f"{DAY}_orderbook_2.csv").rename(tmp_path / "books.csv")
    done = shell(f"mdc import {path.name} --profile lobster | mdc book")
    (said,) = (row for row in done.events if row["type"] == "integrity")
    assert (said["symbol"], said["severity"]) == ("ABC", "warning")
    assert not books_of(done)
    named = shell(f"mdc import {path.name} --profile lobster --orderbook books.csv | mdc book")
    assert len(books_of(named)) == len(venue.messages) + 1


def test_a_name_that_says_nothing(shell: Shell, tmp_path: Path) -> None:
    line = "34200.000000001,1,11,100,1000000,1\n"
    (tmp_path / "day.csv").write_text(line)
    done = shell("mdc import day.csv --profile lobster")
    assert done.status == 2
    assert "day.csv: its name says no symbol and no day" in done.err
    done = shell("mdc import day.csv --profile lobster --ticker ABC --day 2024-01-02")
    assert [(row["symbol"], row["ts_event"]) for row in done.events] == [
        ("ABC", "2024-01-02T14:30:00.000000001Z")
    ]
    done = shell(
        "mdc import --profile lobster --ticker ABC --day 2024-07-02 -", stdin=line.encode()
    )
    assert [row["ts_event"] for row in done.events] == ["2024-07-02T13:30:00.000000001Z"]


def test_a_row_that_cannot_be_read_is_set_aside_and_the_book_begins_anew(
    shell: Shell, tmp_path: Path
) -> None:
    venue = Venue(5, 3)
    venue.run(300)
    venue.messages[50] = "34200.5,1,x,100,1000000,1"
    path = files_of(venue, tmp_path, 3)
    done = shell(f"mdc import {path.name}")  # the name tells the profile
    assert "1 rejected" in done.err
    assert [row["type"] for row in done.events].count("book") == 2
    book = shell(f"mdc import --profile lobster {path.name} | mdc book --levels 3")
    assert not [row for row in book.events if row["type"] == "integrity"]
    found = list(books_of(book).values())
    assert found[-1] == rows_of(tmp_path / f"{DAY}_orderbook_3.csv")[-1]
