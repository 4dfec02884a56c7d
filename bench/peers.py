"""What others have written for the same work: vendors' own clients, cryptofeed's order books."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

from feeds import stream_of
from measure import output_of, run_pipe
from settings import Bench
from vendors import find
from work import HERE, MDC, PYTHON, Group, Work

BOOKS = (PYTHON, str(HERE / "books.py"))
LEVELS = "10"
CAPTURE = "data/cryptofeed-capture/COINBASE.ws.28.0"
PRODUCTS = ("SKL-USD", "BAND-GBP", "CRV-EUR", "YFI-BTC", "NU-GBP")
# By the vendor's feed the client, whose program is in `clients/`.
CLIENTS = {
    "alpaca-msgpack": "alpaca-py",
    "polygon": "polygon-api-client",
    "coinbase": "coinbase-advanced-py",
    "kraken": "python-kraken-sdk",
    "binance": "python-binance",
}


def clients_python() -> str | None:
    """The Python that has the vendors' clients: MDC_CLIENTS names it, or it is in the cache."""
    if named := os.environ.get("MDC_CLIENTS"):
        return named
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mdc-clients"
    whole = sorted(cache.glob("*/complete"), key=lambda path: path.stat().st_mtime)
    return str(whole[-1].parent / "bin" / "python") if whole else None


def client_group(name: str, url: str, events: int) -> Group:
    """Collecting a vendor's feed, beside the vendor's own client, which prints a line an event."""
    vendor, client = find(name), CLIENTS[name]
    program = str(HERE / "clients" / f"{client.replace('-', '_')}.py")
    args = (program, url, str(events), *vendor.symbols)
    few = (program, url, str(events // 10), *vendor.symbols)
    python = clients_python() or ""
    title = f"{client}, a line an event"
    reference = Work(client, title, [(python, *args)], short=(python, *few))
    title = f"`mdc stream {vendor.provider}`, beside {client}"
    stream, begun = stream_of(vendor, url, events), stream_of(vendor, url, events // 10)
    work = Work(f"beside-{client}", title, [stream], at_most=0.6, short=begun)
    return Group("clients", [reference], [work], agree=True)


def books_group(path: Path) -> Group:
    """The best levels of order books behind each update, beside cryptofeed's library."""
    apply = (*BOOKS, "apply", str(path), LEVELS)
    reference = Work("order-book", "cryptofeed's order_book, ten levels a line", [apply])
    book = (MDC, "-q", "book", str(path), "--levels", LEVELS, "--plain")
    work = Work("book", "`mdc book x.jsonl --levels 10`", [book], at_most=1.0)
    return Group("books", [reference], [work], agree=True)


def has_order_book() -> bool:
    """Whether cryptofeed's library is beside mdc."""
    return find_spec("order_book") is not None


def prepare_books(bench: Bench) -> Path:
    """Changes of books: those of a capture again and again; made up where that is not there."""
    shared = Path(os.environ.get("MDC_SHARED") or HERE.parents[1] / "shared")
    capture, once, path = shared / CAPTURE, bench.out / "once.jsonl", bench.out / "books.jsonl"
    made: list[str] = []
    if capture.exists():
        replay = ("--feed", "exchange", "--type", "book", "--replay", str(capture), "--plain")
        stream = (MDC, "-q", "stream", "coinbase", *PRODUCTS, *replay)
        run_pipe([stream], stdin=None, stdout=once, env=bench.environment, cwd=bench.out)
        made.append(str(once))
    with path.open("wb") as file:
        updates = str(1_000 if bench.quick else 100_000)
        output_of([*BOOKS, "make", updates, *made], file)
    return path


def engines(path: Path) -> dict[str, float]:
    """Updates a CPU second of the two with nothing read or written."""
    told: dict[str, float] = json.loads(output_of([*BOOKS, "engine", str(path), LEVELS]))
    return told
