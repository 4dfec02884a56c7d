"""A feed on loopback in a vendor's protocol, and the shortest client one could write for it.

python bench/feed.py serve NAME 300000     prints its URL; as fast as the client reads
python bench/feed.py read NAME URL 300000  one JSON line an event on standard output
"""

import sys
from typing import BinaryIO

import orjson
from vendors import find
from vendors.vendor import Vendor, ticks
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

BLOCK = 1 << 16  # bytes that are sent at once


def prepared(vendor: Vendor, events: int) -> list[bytes]:
    """Frames with at least so many events as they travel, many of them in each block.

    None is sent twice: codecs look at ids and numbers, and would see a feed that is repeated.
    """
    blocks, block = [], bytearray()
    for message, count in vendor.messages(ticks(vendor.symbols)):
        is_packed = isinstance(message, bytes)
        data = message if is_packed else orjson.dumps(message)
        block += Frame(Opcode.BINARY if is_packed else Opcode.TEXT, data).serialize(mask=False)
        events -= count
        if events <= 0 or len(block) >= BLOCK:
            blocks.append(bytes(block))
            block.clear()
        if events <= 0:
            return blocks
    return blocks


def feed(connection: ServerConnection, vendor: Vendor, blocks: list[bytes]) -> None:
    """Let a client in, and send all there is; then listen."""
    try:
        vendor.admit(connection)
        # Past the library's own send, which would cost more than a client's reading.
        for block in blocks:
            connection.socket.sendall(block)
        while True:
            connection.recv()
    except (ConnectionClosed, OSError):
        return  # the client has what it wanted


def server_of(vendor: Vendor, events: int) -> Server:
    """What serves every client the same feed."""
    blocks = prepared(vendor, events)
    # A ping of the library would come in the midst of a frame.
    return serve(
        lambda c: feed(c, vendor, blocks), "127.0.0.1", 0, compression=None, ping_interval=None
    )


def url_of(vendor: Vendor, server: Server) -> str:
    """Where it is served."""
    host, port = server.socket.getsockname()
    return f"ws://{host}:{port}{vendor.path}"


def read(vendor: Vendor, url: str, events: int, out: BinaryIO) -> None:
    """Subscribe, and write as many events as one object a line, under our names."""
    with connect(url, compression=None, ping_interval=None, max_size=None) as socket:
        vendor.join(socket)
        while events > 0:
            rows = vendor.rows(vendor.read(socket.recv()))[:events]
            out.write(b"".join([orjson.dumps(row) + b"\n" for row in rows]))
            out.flush()
            events -= len(rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", name, events]:
            with server_of(find(name), int(events)) as server:
                print(url_of(find(name), server), flush=True)
                server.serve_forever()
        case ["read", name, url, events]:
            read(find(name), url, int(events), sys.stdout.buffer)
        case _:
            sys.exit(__doc__)
