"""python -m tests.torture.soak --minutes 10 --rate 20000 --reconnect-every 20

`mdc stream alpaca | mdc store` for so many minutes of a market at this rate, whose server breaks
off every so many seconds. The verdict is one line of JSON on standard output, and the status is 1
if a bound is broken: memory of a process that grows by 1 MB a minute or more behind the first
minute, in which the buffers are filled once (the first third of a shorter run), descriptors that
become more, an account that does not balance. `--only-account` looks at that alone.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mdc_core.live.buffer import CAPACITY
from tests.torture.soak.account import account
from tests.torture.soak.feed import SYMBOLS, SoakFeed
from tests.torture.soak.samples import Growth, Sampler

MOST_SLOPE = 1.0  # MB a minute
LONG, SETTLE = 2.0, 10.0  # minutes of a run that is judged; seconds until it has settled
SPARE = 2  # descriptors that may be open at one moment and not at another
_SECRETS = {"ALPACA_KEY_ID": "sandbox-key", "ALPACA_SECRET_KEY": "sandbox-secret"}
_STREAM = ("stream", "alpaca", *SYMBOLS, "--feed", "sip", "--backoff", "1ms..50ms")
_WAITS = ("--breaker", "off", "--stale", "2s", "--heartbeat", "1s")


def soak(args: argparse.Namespace, folder: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """Run it; what was found, with the bounds that were broken."""
    root = folder / "data"
    with SoakFeed(args.rate, args.reconnect_every, args.connections) as feed:
        stream = subprocess.Popen(
            ["mdc", "-q", *_STREAM, *_WAITS, "--url", feed.url],
            env={**env, **_SECRETS},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        store = subprocess.Popen(
            ["mdc", "-q", "store", "--root", str(root), "--seal-every", args.seal_every],
            env={**env},
            stdin=stream.stdout,
        )
        assert stream.stdout is not None
        stream.stdout.close()
        with Sampler({"stream": stream.pid, "store": store.pid}) as sampler:
            feed.has_begun.wait()
            began = time.monotonic()
            if args.minutes >= LONG:
                fill(store.pid, feed, args.rate)
            feed.is_over.wait(args.minutes * 60 - (time.monotonic() - began))
            feed.end()
        took = time.monotonic() - began
        feed.is_over.wait()
        stream.send_signal(signal.SIGINT)
        statuses = stream.wait(), store.wait()
    if args.samples:
        args.samples.write_text(json.dumps(sampler.samples))
    if feed.error is not None:
        raise feed.error
    balance = account(feed.ledger, root, env)
    since = min(1.0, args.minutes / 3)
    grown = {name: sampler.growth(name, since) for name in ("stream", "store")}
    broken = [] if balance.balances else ["account"]
    broken += [f"status {status}" for status in statuses if status]
    if not args.only_account:
        broken += [text for name, growth in grown.items() for text in broken_by(name, growth)]
    found: dict[str, Any] = {
        "minutes": round(took / 60, 2),
        "rate": round(balance.sent / took),
        "connections": feed.connections,
        **balance._asdict(),
        **{name: growth and growth._asdict() for name, growth in grown.items()},
        "broken": broken,
    }
    return found


def fill(pid: int, feed: SoakFeed, rate: int) -> None:
    """Stop the reader for as long as it takes to fill the buffer before it.

    What is bounded has been full once by then, and takes no more than that later on, whatever
    else the machine does.
    """
    feed.is_over.wait(SETTLE)
    os.kill(pid, signal.SIGSTOP)
    feed.is_over.wait(1.5 * CAPACITY / rate)
    os.kill(pid, signal.SIGCONT)


def broken_by(name: str, growth: Growth | None) -> list[str]:
    """The bounds that a process has broken."""
    if growth is None:
        return [f"{name} was not watched"]
    first, last = growth.descriptors
    found = [f"memory of {name}"] if growth.slope >= MOST_SLOPE else []
    return found + ([f"descriptors of {name}"] if last > first + SPARE else [])


def main(words: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run it, and say what was found; `env` has another `mdc` on its PATH."""
    reads = argparse.ArgumentParser(prog="python -m tests.torture.soak")
    reads.add_argument("--minutes", type=float, default=10.0)
    reads.add_argument("--rate", type=int, default=20_000, help="events a second")
    reads.add_argument("--reconnect-every", type=float, default=20.0, help="seconds")
    reads.add_argument("--connections", type=int, default=2, help="at least")
    reads.add_argument("--seal-every", default="20s", help="of mdc store: many seals")
    reads.add_argument("--samples", type=Path, help="a file for all samples, to be looked at")
    reads.add_argument("--only-account", action="store_true")
    args = reads.parse_args(words)
    if env is None:
        env = {name: text for name, text in os.environ.items() if not name.startswith("MDC_")}
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    with tempfile.TemporaryDirectory(prefix="mdc-soak-") as folder:
        places = {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
        found = soak(args, Path(folder), {**env, **places})
    print(json.dumps(found))
    return int(bool(found["broken"]))


if __name__ == "__main__":
    sys.exit(main())
