"""Commands that change an archive, run again and again: each time another step of theirs fails."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import zstandard

from tests.conftest import Done, is_control
from tests.kit.forks.fail_points import READS
from tests.unit.wire.older import chosen, write_parquet

STORE = "mdc store --seal-size 1B --ack --fsync always"
EVENTS = 12  # of a run of store
HANGS = 900  # seconds after which a command of a second is thought to hang, on any machine
PIECES = 3  # that it reads one after another
MANY = [f"S{number:03d}" for number in range(257)]  # that share a part


class Fault(NamedTuple):
    """A value of MDC_FAIL, and what is to fail by it."""

    text: str
    step: str

    @property
    def kills(self) -> bool:
        """Whether it ends the process."""
        return self.text.endswith("kill")


class Commands(NamedTuple):
    """Lines of shell in a folder, with an `mdc` that knows fail points."""

    env: dict[str, str]

    def run(self, line: str, folder: Path, fault: str = "") -> Done:
        """What a line did."""
        env = self.env | {"MDC_FAIL": fault}
        command = ["bash", "-c", line]
        try:
            done = subprocess.run(
                command, capture_output=True, cwd=folder, env=env, check=False, timeout=HANGS
            )
        except subprocess.TimeoutExpired:
            return Done(-1, "", f"{line} hangs")
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def well(self, line: str, folder: Path) -> None:
        """A line that has to do well."""
        done = self.run(line, folder)
        assert done.status == 0, done

    def fed(
        self, command: str, pieces: Sequence[bytes], folder: Path, fault: str = ""
    ) -> tuple[Done, int]:
        """Feed a store a piece when the one before is acknowledged; how many events were."""
        process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=self.env | {"MDC_FAIL": fault},
        )
        assert process.stdin is not None and process.stdout is not None
        assert process.stderr is not None
        sent = heard = 0
        with suppress(BrokenPipeError):
            for piece in pieces:
                # In one write of a few KB, which no read divides: the steps are the same each time.
                packed = zstandard.compress(piece)
                process.stdin.write(packed)
                process.stdin.flush()
                sent += piece.count(b"\n")
                while heard < sent and (line := process.stdout.readline()):
                    heard = max(heard, _acknowledged(line))
        with suppress(BrokenPipeError):
            process.stdin.close()
        for line in process.stdout:
            heard = max(heard, _acknowledged(line))
        errors = process.stderr.read().decode()
        status = process.wait()
        process.stdout.close()
        process.stderr.close()
        return Done(status, "", errors), heard

    def stored(
        self, folder: Path, writer: str, options: str = "", fault: str = "", runs: int = PIECES
    ) -> None:
        """A run of store that ends well, or at a step, of so many seals."""
        pieces = [lines(writer, EVENTS // PIECES, at * EVENTS // PIECES) for at in range(runs)]
        self.fed(f"{STORE} {options}", pieces, folder, fault)


class Scenario(NamedTuple):
    """A command, and what there has to be before it."""

    command: str
    make: Callable[[Commands, Path], None]
    fed: bool = False  # events come on standard input, and are acknowledged
    root: str = "data"
    removes: bool = False  # events may be gone afterwards
    symbols: Sequence[str] = ("SPY",)  # of the events that come
    price: str = "100.25"  # the same
    adds: bool = False  # the command adds events each time, or some of them where it fails
    reorders: bool = False  # equal times: out of a journal, or where formats are side by side
    shown: str = ""  # a line of shell that shows the file that the command makes


def lines(
    writer: str,
    count: int = EVENTS,
    start: int = 0,
    symbols: Sequence[str] = ("SPY",),
    price: str = "100.25",
) -> bytes:
    """Trades on two days, so many of each symbol, each with an id of its own."""
    return b"".join(
        f'{{"type":"trade","symbol":"{symbol}","ts_event":"2024-01-{2 + number % 2:02d}'
        f'T14:30:{number:02d}.000000007Z","price":{price},"size":{1 + number},'
        f'"trade_id":"{writer}{number}"}}\n'.encode()
        for number in range(start, start + count)
        for symbol in symbols
    )


def _acknowledged(line: bytes) -> int:
    if not line.endswith(b"\n"):
        return 0
    event = json.loads(line)
    return sum(event["counts"].values()) if event["type"] == "ack" else 0


def one_part(mdc: Commands, folder: Path) -> None:
    """An archive with a part a day of one run."""
    mdc.stored(folder, "a")


def many_parts(mdc: Commands, folder: Path) -> None:
    """Parts of several runs, both formats."""
    for writer, form in (("a", "parquet"), ("b", "jsonl"), ("c", "parquet"), ("d", "jsonl")):
        mdc.stored(folder, writer, f"--format {form}", runs=2)
    (folder / "mdc.toml").write_text('[tier.warm]\ndirectory = "../warm"\n')


def given_files(mdc: Commands, folder: Path) -> None:
    """An archive, and events in files of their own."""
    mdc.stored(folder, "a", runs=2)
    (folder / "given.jsonl").write_bytes(lines("g"))
    mdc.well("mdc export --profile csv -o given.csv given.jsonl", folder)


def shared_parts(mdc: Commands, folder: Path) -> None:
    """A part that many symbols shared, and that some share still, beside one of their own."""
    mdc.fed("mdc store --ack --fsync always", [lines("a", 4, 0, MANY)], folder)
    gone = ",".join(MANY[3:])
    mdc.well(
        f"mdc retain --yes --by event --symbol {gone} --keep 1d --now 2024-01-09 --root data",
        folder,
    )
    assert len(list((folder / "data/~mixed/trade").iterdir())) == 2
    mdc.fed(STORE, [lines("b", 4, 0, MANY[:2])], folder)


def parts_to_share(mdc: Commands, folder: Path) -> None:
    """Two parts a day that many symbols share, and on one day some of their own beside."""
    for writer in ("a", "b"):
        mdc.fed("mdc store --ack --fsync always", [lines(writer, 2, 0, MANY)], folder)
    assert len(list((folder / "data/~mixed/trade").iterdir())) == 4
    mdc.fed(STORE, [lines("c", 1, 0, MANY[:2])], folder)


def a_pack(mdc: Commands, folder: Path) -> None:
    """An archive, and a pack of another one."""
    many_parts(mdc, folder)
    mdc.stored(folder, "p", "--root other --format parquet")
    mdc.stored(folder, "q", "--root other --format jsonl")
    mdc.well("mdc pack create given.zip --root other", folder)
    shutil.rmtree(folder / "other")


def killed_store(form: str) -> Callable[[Commands, Path], None]:
    """An archive of which a run of store was killed in its second seal."""

    def make(mdc: Commands, folder: Path) -> None:
        mdc.stored(folder, "a", f"--format {form}")
        mdc.stored(folder, "b", f"--format {form}", fault="commit:2:kill")
        assert list((folder / "data/_mdc/journal").iterdir())

    return make


def old_versions(mdc: Commands, folder: Path) -> None:
    """Parts of an older schema version."""
    rows, _ = chosen("trade", "0.8.0")
    for number in range(2):
        path = folder / "data" / f"S{number}" / "trade" / "2024-01-02.old.parquet"
        path.parent.mkdir(parents=True)
        own = [{**row, "symbol": f"S{number}"} for row in rows]
        write_parquet(path, own, {"trade": "0.8.0"})
    mdc.well("mdc catalog rebuild", folder)


def no_catalog(mdc: Commands, folder: Path) -> None:
    """An archive whose catalog is gone, and whose last store was killed."""
    many_parts(mdc, folder)
    mdc.stored(folder, "k", "--format jsonl", fault="commit:2:kill")
    for path in (folder / "data/_mdc").glob("catalog*"):
        path.unlink()


def damaged_catalog(mdc: Commands, folder: Path) -> None:
    """An archive with flipped bits in an entry of its catalog."""
    many_parts(mdc, folder)
    path = folder / "data/_mdc/catalog.sqlite"
    data = bytearray(path.read_bytes())
    data[data.rindex(b'"path"') + 1] ^= 1
    path.write_bytes(data)


KINDS = {
    "read": ("eio", "eintr", "short"),
    "select": ("eio",),
    "look": ("emfile", "eio", "eintr"),
    "open": ("kill", "term", "eio", "enospc", "emfile", "eintr"),
    "write": ("kill", "term", "eio", "enospc", "eintr", "short"),
    "connect": ("kill", "term", "emfile"),
    "sql": ("kill", "term", "eio", "enospc"),
    "commit": ("kill", "term", "eio", "enospc"),
    "committed": ("kill", "term", "eio", "enospc"),
    "unlink": ("kill", "term", "eio", "eintr"),
    "rmdir": ("kill", "term", "eio", "eintr"),
}
SHARED = Scenario("", shared_parts)
SCENARIOS = {
    "store": Scenario(STORE, one_part, fed=True),
    "store jsonl": Scenario(f"{STORE} --format jsonl", one_part, fed=True),
    "store batch": Scenario(f"{STORE} --fsync batch", one_part, fed=True),
    "store anew": Scenario(f"{STORE} --root new", one_part, fed=True, root="new"),
    "store shared": Scenario(f"{STORE} --seal-after 0s", one_part, fed=True, symbols=MANY),
    "store shared at the end": Scenario(STORE, one_part, fed=True, symbols=MANY),
    "store wide": Scenario(STORE, one_part, fed=True, price="0.000000123456"),
    "import": Scenario("mdc import --profile csv given.csv then store", given_files, adds=True),
    "export": Scenario(
        "mdc export --profile csv -o out.csv --force", given_files, shown="cat out.csv"
    ),
    "export apart": Scenario(
        "mdc export --profile csv --output out --force",
        given_files,
        shown="cat out/SPY/trade/2024-01-02.csv",
    ),
    "convert": Scenario(
        "mdc convert given.jsonl -o out.parquet --force",
        given_files,
        shown="mdc cat out.parquet | grep trade_id",
    ),
    "convert jsonl": Scenario(
        "mdc convert given.jsonl -o out.jsonl.zst --force",
        given_files,
        shown="mdc cat out.jsonl.zst | grep trade_id",
    ),
    "compress": Scenario("mdc compress given.jsonl", given_files),
    "pack create": Scenario(
        "mdc pack create out.zip --force", many_parts, shown="mdc pack list out.zip"
    ),
    "pack create 7z": Scenario(
        "mdc pack create out.7z --force", many_parts, shown="mdc pack list out.7z"
    ),
    "compact": Scenario("mdc compact", many_parts, reorders=True),
    "compact shared": SHARED._replace(command="mdc compact"),
    "compact to shared": Scenario("mdc compact", parts_to_share),
    "retain shared": SHARED._replace(
        command="mdc retain --yes --by event --symbol S001 --keep 1d --now 2024-01-09", removes=True
    ),
    "tier shared": SHARED._replace(command="mdc tier migrate --now 2024-03-01"),
    "tier": Scenario("mdc tier migrate --now 2024-03-01", many_parts),
    "retain": Scenario(
        "mdc retain --yes --by event --keep 1d --now 2024-01-04T12:00", many_parts, removes=True
    ),
    "pack import": Scenario("mdc pack import given.zip", a_pack),
    "recover": Scenario("mdc recover", killed_store("parquet"), reorders=True),
    "recover jsonl": Scenario("mdc recover", killed_store("jsonl"), reorders=True),
    "migrate": Scenario("mdc schema migrate", old_versions),
    "rebuild": Scenario("mdc catalog rebuild", many_parts),
    "rebuild lost": Scenario("mdc catalog rebuild", no_catalog, reorders=True),
    "rebuild damaged": Scenario("mdc catalog rebuild", damaged_catalog),
}


class Runs:
    """A scenario, and what its command does to a fresh copy of its files with some fault."""

    scenarios = SCENARIOS

    def __init__(self, name: str, mdc: Commands, folder: Path) -> None:
        self.scenario = self.scenarios[name]
        self._mdc, self._work = mdc, folder / "work"
        self._fresh = folder / "fresh"
        self._fresh.mkdir()
        self.scenario.make(mdc, self._fresh)
        self.before = self._events_of(self._fresh)
        self.steps = [step.partition(" ") for step in self._traced(folder / "trace")]
        self.after = self._events_of(self._work)
        self.made = self._mdc.run(self.scenario.shown, self._work).out
        assert self.made or not self.scenario.shown

    def _traced(self, trace: Path) -> list[str]:
        """The steps of a run in which all goes well."""
        done, _ = self._run(f"trace:{trace}")
        assert done.status == 0, done
        return trace.read_text().splitlines()

    def faults(self) -> Iterator[Fault]:
        """Every step, each way in which it can fail."""
        counts: Counter[str] = Counter()
        for name, _, path in self.steps:
            counts.update([name] if name in READS else [name, "any"])
            step, number = f"{name} {path}", counts[name]
            for kind in KINDS.get(name, ("kill", "term", "eio", "enospc", "eintr")):
                yield Fault(f"{name}:{number}:{kind}", step)
            if name not in READS:
                yield Fault(f"any:{counts['any']}:enospc+", step)

    def survives(self, faults: Sequence[Fault], record: Callable[[str, object], None]) -> None:
        """Try these faults; say in the report of the test how many, and what went wrong."""
        found = {fault: problems for fault in faults if (problems := self.problems(fault))}
        record("faults", len(faults))
        record("broken", len(found))
        assert not found, f"{len(found)} of {len(faults)}: {found}"

    def problems(self, fault: Fault) -> list[str]:
        """What is wrong with the end of a run in which a step failed, and with what it left."""
        done, acknowledged = self._run(fault.text)
        found = []
        if done.status not in self._fine(fault):
            found.append(f"status {done.status}: {done.err[-300:]}")
        if "Traceback" in done.err:
            found.append(done.err[-900:])
        if not self._is_there():
            return found  # it came to nothing
        if self.scenario.command.startswith("mdc catalog") and done.status:
            # Until it is there again, there may be none to read by.
            return found + self._again()
        for line in ("mdc recover", "mdc cat"):
            then = self._in_work(line)
            # An archive without any event is nothing found.
            if then.status != (line == "mdc cat" and not then.lines):
                found.append(f"then {line}: status {then.status}: {then.err[-300:]}")
        found += self._promised(done.err, len(then.lines) - len(self.before))
        told = [line for line in then.lines if '"check":"accounting"' in line]
        if told and (not done.status or "then" not in self.scenario.command):
            found.append(f"with status {done.status}, {told[0]}")
        # A sink whose source fails says so by an event of its own.
        stored = [line for line in then.lines if line not in told]
        found += self._compared(stored, acknowledged)
        found += self._shown(done.status)
        if self.scenario.shown and not fault.kills and list(self._work.rglob(".*.part")):
            found.append("a file that is not whole is left beside it")
        return found + self._verified() + self._again()

    def _is_there(self) -> bool:
        return (self._work / self.scenario.root).exists()

    def _fine(self, fault: Fault) -> tuple[int, ...]:
        """The statuses that a command may have."""
        if fault.kills:
            return (-9, 137)
        if fault.text.endswith("short"):
            return (0,)
        if fault.text.endswith("term"):
            return (143,) if "then" not in self.scenario.command else (0,)
        if "mdc.toml" in fault.step:
            return (78,)
        name = fault.step.partition(" ")[0]
        reads = name in READS or name == "connect"
        if self.scenario.shown:  # who only reads an archive begins a transaction as well
            reads = reads or name == "sql" or fault.text.endswith("+")
        fine = (0, 65, 73) if reads else (0, 73)
        # A part that cannot be read is told of.
        return (*fine, 1) if "rebuild" in self.scenario.command else fine

    def _compared(self, events: list[str], acknowledged: int) -> list[str]:
        lowest = Counter(self.after if self.scenario.removes else self.before)
        highest = Counter(self.before if self.scenario.removes else self.after)
        now = Counter(events)
        found = []
        if lowest - now:
            found.append(f"{(lowest - now).total()} events are gone")
        if now - highest:
            found.append(f"{(now - highest).total()} events that should not be there")
        old = set(self.before)
        kept = [event for event in self.before if now[event]]
        if not self.scenario.reorders and [event for event in events if event in old] != kept:
            found.append("events that were there are in another order")
        if self.scenario.fed and len(events) < len(self.before) + acknowledged:
            found.append(
                f"of {acknowledged} acknowledged {len(events) - len(self.before)} are left"
            )
        return found

    def _promised(self, said: str, more: int) -> list[str]:
        """Whether what a store says to have kept is there."""
        out = re.search(r"store: \d+ in = (\d+) out", said) if self.scenario.fed else None
        if out is None or int(out[1]) <= more:
            return []
        return [f"{out[1]} said to be out, and {more} are there"]

    def _shown(self, status: int) -> list[str]:
        """Whether a file is whole, or not there."""
        if not self.scenario.shown:
            return []
        made = self._mdc.run(self.scenario.shown, self._work).out
        return [] if made == self.made or (status and not made) else [f"made: {made[-300:]}"]

    def _verified(self) -> list[str]:
        assert self._in_work("mdc recover").status == 0
        done = self._in_work("mdc verify --deep")
        return [f"verify: {done.status}: {done.out[-300:]}{done.err[-300:]}"] if done.status else []

    def _again(self) -> list[str]:
        """Whether the command does in the end what it was to do."""
        if self.scenario.fed or self.scenario.adds:
            return []
        done = self._in_work(self.scenario.command)
        # Whose symbol was removed whole has nothing more to find.
        if done.status and not (done.status == 1 and self.scenario.removes):
            return [f"again: status {done.status}: {done.err[-300:]}"]
        order: Callable[[list[str]], list[str]] = sorted if self.scenario.reorders else list
        if order(self._events_of(self._work)) != order(self.after):
            return ["again: other events, or in another order"]
        return self._shown(done.status) + self._verified()

    def _run(self, fault: str) -> tuple[Done, int]:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._fresh, self._work)
        if self.scenario.fed:
            symbols = self.scenario.symbols
            third = EVENTS // PIECES if len(symbols) == 1 else 1
            price = self.scenario.price
            pieces = [lines("s", third, at * third, symbols, price) for at in range(PIECES)]
            return self._mdc.fed(self.scenario.command, pieces, self._work, fault)
        return self._in_work(self.scenario.command, fault), 0

    def _in_work(self, line: str, fault: str = "") -> Done:
        if line != self.scenario.command or self.scenario.root != "data":
            line += f" --root {self.scenario.root}" if "--root" not in line else ""
        return self._mdc.run(line, self._work, fault)

    def _events_of(self, folder: Path) -> list[str]:
        root = self.scenario.root
        if folder == self._work and not self._is_there():
            return []
        done = self._mdc.run(f"mdc cat --root {root}", folder)
        return [line for line in done.out.splitlines() if not is_control(line)]
