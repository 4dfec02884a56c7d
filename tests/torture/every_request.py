"""Commands on an object store, run again and again: each time another request of theirs fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow.fs import FileSelector

from tests.conftest import Done
from tests.kit.s3 import KEYS, KINDS, FailingStore, client
from tests.torture.every_step import STORE, Commands, Fault, Runs, Scenario

BUCKET = "archive"
ROOT = f"s3://{BUCKET}/team/data"
TIER = f'[tier.cold]\ndirectory = "s3://{BUCKET}/cold"\n'
READS = ("GET", "HEAD")


def stored(mdc: Commands, folder: Path) -> None:
    """An archive of which each day has several objects."""
    (folder / "mdc.toml").write_text(TIER)
    for writer in "ab":
        mdc.stored(folder, writer, f"--root {ROOT}", runs=2)


def left_in_the_journal(mdc: Commands, folder: Path) -> None:
    """The same, and a run of store that was killed."""
    stored(mdc, folder)
    mdc.stored(folder, "k", f"--root {ROOT}", fault="commit:2:kill")


def to_move(mdc: Commands, folder: Path) -> None:
    """An archive in a directory whose tier is on the store."""
    (folder / "mdc.toml").write_text(TIER)
    mdc.stored(folder, "a", runs=2)


def _there(command: str, make: Callable[[Commands, Path], None] = stored, **more: bool) -> Scenario:
    return Scenario(f"{command} --root {ROOT}", make, root=ROOT, **more)  # type: ignore[arg-type]


SCENARIOS = {
    "store": _there(STORE, fed=True),
    "compact": _there("mdc compact"),
    "tier": Scenario("mdc tier migrate --now 2024-09-01", to_move),
    "tier there": _there("mdc tier migrate --now 2024-09-01"),
    "retain": _there("mdc retain --yes --by event --keep 1d --now 2024-01-04T12:00", removes=True),
    "recover": _there("mdc recover", left_in_the_journal, reorders=True),
    "rebuild": _there("mdc catalog rebuild"),
}


class Requests(Runs):
    """A scenario, and what its command does where a request of it fails."""

    scenarios = SCENARIOS

    def __init__(self, name: str, mdc: Commands, folder: Path, store: FailingStore) -> None:
        self._store, self._looks = store, client(store.url)
        self._looks.create_dir(BUCKET)
        self._objects: dict[str, bytes] = {}
        # Relative: each copy of the files has its own.
        env = {**KEYS, "AWS_ENDPOINT_URL": store.url, "MDC_STATE": "state"}
        super().__init__(name, Commands(mdc.env | env), folder)

    def faults(self) -> Iterator[Fault]:
        """Every request, each way in which it can fail; once, and as often as it is tried."""
        for number, (method, _, path) in enumerate(self.steps, 1):
            for kind in KINDS:
                if kind == "cut" and method != "GET":
                    continue
                for lasting in ("", "+"):
                    yield Fault(f"{number}:{kind}{lasting}", f"{method} {path}")

    def _traced(self, trace: Path) -> list[str]:
        self._objects = self._content()
        done, _ = self._run("")
        assert done.status == 0, done
        return self._store.steps

    def _is_there(self) -> bool:
        return True

    def _fine(self, fault: Fault) -> tuple[int, ...]:
        # Uploads run side by side: another one may have been the one of that number.
        number = int(fault.text.partition(":")[0])
        step = next(iter(self._store.steps[number - 1 :]), fault.step)
        fine = (0, 65, 73) if step.startswith(READS) else (0, 73)
        return (*fine, 1) if "rebuild" in self.scenario.command else fine

    def _run(self, fault: str) -> tuple[Done, int]:
        for path in self._content():
            self._looks.delete_file(path)
        for path, data in self._objects.items():
            with self._looks.open_output_stream(path) as out:
                out.write(data)
        self._store.arm(fault)
        try:
            return super()._run("")
        finally:
            steps = self._store.steps
            self._store.arm("")
            self._store.steps = steps

    def _content(self) -> dict[str, bytes]:
        found = self._looks.get_file_info(FileSelector(BUCKET, recursive=True))
        return {
            info.path: self._looks.open_input_stream(info.path).read()
            for info in found
            if info.is_file
        }


@contextmanager
def requests(name: str, env: dict[str, str], folder: Path) -> Iterator[Requests]:
    """The runs of a scenario, with a store of their own."""
    store = FailingStore()
    try:
        yield Requests(name, Commands(env), folder, store)
    finally:
        client(store.url).delete_dir(BUCKET)
        store.close()
