"""An archive: where its parts lie, and where its catalog and journals are."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mdc_core.archive import ownership
from mdc_core.archive.catalog.catalog import Catalog, PartRow
from mdc_core.archive.catalog.database import exists
from mdc_core.archive.storage import STATE, URL, Directory, Storage, storage_of
from mdc_core.disk import no_archive, writing
from mdc_core.errors import BusyError, DataError, UnreadableError, WriteError
from mdc_core.texts import typed

if TYPE_CHECKING:
    import pyarrow as pa

MAINTENANCE = "maintenance.lock"
READERS = "readers.lock"
LOOKS_AT_ONCE = 16  # questions to an object store
GROWING = "growing.lock"
REWRITE = "rewrite-"  # begins the name of a folder with new files, below `tmp`


class Archive:
    """One archive, to be read from or to be changed.

    Parts lie below the root, or below the directory of their tier. The state directory holds
    the catalog, journals, and what is on its way: `_mdc` below the root, or for an object store
    a directory of this host, below MDC_STATE (default: $XDG_STATE_HOME/mdc/archives).
    """

    def __init__(self, root: str | Path, environ: Mapping[str, str] = os.environ) -> None:
        self.root = str(root)
        self.place = storage_of(root)
        self.local = self.place.local
        self.state = self.local / STATE if self.local else _remote_state(self.root, environ)
        self._id: str | None = None
        self._places: dict[str, Storage] = {"": self.place}
        self._untaken: set[str] = set()  # those that belong to no archive yet
        self._reading: BinaryIO | None = None
        # Who is told of each file that is complete: its path, and how many rows are new in it.
        self.on_commit: Callable[[str, int], None] = lambda path, rows: None

    @classmethod
    def open(cls, root: str | Path) -> "Archive":
        """One that is there; raises DataError if it is not, ConfigError if it is another's."""
        found = cls(root)
        found.check_root()
        if found.local is not None and not found.local.is_dir():
            raise no_archive(root)
        if found.local is None and not found.has_catalog:
            hint = typed("catalog", "rebuild", "--root", root)
            raise DataError(f"no catalog of {root} on this host", hint=hint)
        return found

    @classmethod
    def create(cls, root: str | Path) -> "Archive":
        """An archive, made if it is not there yet; raises ConfigError within another."""
        made = cls(root)
        made.check_root()
        with writing(f"below {root}"):
            made.state.mkdir(parents=True, exist_ok=True)
        return made

    def check_root(self) -> None:
        """Raise ConfigError where the root belongs to another archive."""
        if self.local is not None:
            ownership.check_root(self.local)

    @property
    def has_catalog(self) -> bool:
        """Whether it has one: a plain directory of parts has none."""
        return exists(self.state)

    def catalog(self, *, create: bool = False, read_only: bool = False) -> Catalog:
        """The catalog, opened; raises ConfigError if it names a directory of another archive.

        A place at a URL is looked at when it is used.
        """
        catalog = Catalog(self.state, create=create, read_only=read_only)
        try:
            for name in catalog.places():
                if not URL.match(name):
                    self.place_at(name)
        except BaseException:
            catalog.close()
            raise
        return catalog

    def place_at(self, name: str) -> Storage:
        """The root (no name), or the directory or URL of a tier, relative to the root.

        Raises ConfigError if it belongs to another archive.
        """
        if name not in self._places:
            directory = name
            if self.local is not None and not URL.match(name):
                directory = str(self.local / name)
            place, taken = storage_of(directory), False
            with suppress(UnreadableError):
                taken = ownership.check(place, self.id, self.place)
            self._places[name] = place
            if not taken:
                self._untaken.add(name)
        return self._places[name]

    @property
    def id(self) -> str | None:
        """What tells it from all other archives; None before anything was written."""
        if self._id is None and (owner := ownership.owner_in(self.state)) is not None:
            self._id = owner.id
        return self._id

    def identified(self, as_: str | None = None) -> str:
        """The id, made if there is none; `as_` is one that was lost."""
        if self.id is None:
            owner = ownership.Owner(as_ or ownership.new_id())
            with writing(f"below {self.state}"):
                Directory(self.state).make(ownership.NAME, ownership.encoded(owner))
        assert self.id is not None
        return self.id

    def take_root(self) -> None:
        """Make a root at a URL this archive's own; raises ConfigError if another catalog has it.

        What cannot be reached now is taken by the next command.
        """
        if self.local is None:
            with suppress(UnreadableError, WriteError):
                ownership.take_root(self.place, self.identified(), self.state)

    def is_taken(self, name: str) -> bool:
        """Whether a place is this archive's own already."""
        self.place_at(name)
        return not name or name not in self._untaken

    def take(self, name: str) -> None:
        """Make a place this archive's own, unless it is; raises ConfigError if it cannot be."""
        if not self.is_taken(name):
            ownership.take(self.place_at(name), self.identified(), self.place)
            self._untaken.discard(name)

    def path_of(self, part: PartRow) -> str:
        """The path or URL of a part."""
        return self.place_at(part.place).full_path(part.path)

    def tell(self, part: PartRow) -> None:
        """Say that a part is complete and in its place."""
        rows = part.frames[-1].rows if part.frames else part.rows
        self.on_commit(self.path_of(part), rows)

    def must_have(self, parts: Sequence[PartRow]) -> None:
        """Raise DataError where the file of one of these parts is gone, or has another size."""
        with ExitStack() as held:
            sizes: Iterable[int | None] = map(self._size_of, parts)
            if any(self.place_at(name).local is None for name in {part.place for part in parts}):
                from concurrent.futures import ThreadPoolExecutor

                pool = held.enter_context(ThreadPoolExecutor(LOOKS_AT_ONCE))
                sizes = pool.map(self._size_of, parts)
            for part, size in zip(parts, sizes, strict=True):
                if size != part.bytes:
                    self.open_part(part).close()  # it may have grown, or is on its way elsewhere

    def _size_of(self, part: PartRow) -> int | None:
        return self.place_at(part.place).size(part.path)

    def open_part(self, part: PartRow) -> "pa.NativeFile":
        """A part to read anywhere in, also if another has taken its place since we looked."""
        trash = Directory(self.state / "trash")
        said = "is missing"
        if part.made_by != "store" and (staged := self._staged(part)) is not None:
            return staged
        for at, path in ((self.place_at(part.place), part.path), (trash, part.kept_as)):
            with suppress(FileNotFoundError, NotADirectoryError):
                file = at.open(path)
                said = "is not the file that the catalog knows"
                size = file.size()
                # What has grown is in the trash before another file, of any size, has its name.
                kept = trash.size(part.kept_as) or 0 if part.frames and at is not trash else 0
                fits = size == part.bytes or (bool(part.frames) and size > part.bytes)
                if fits and kept < part.bytes:
                    return file
                file.close()
        if (staged := self._staged(part)) is not None:
            return staged
        raise DataError(
            f"{self.path_of(part)} {said}",
            hint=typed("verify", "--root", self.root),
        )

    def _staged(self, part: PartRow) -> "pa.NativeFile | None":
        """A part that a rewrite has committed and not brought to its place yet.

        What has its name until then may well have its size.
        """
        if next((self.state / "tmp").glob(f"{REWRITE}*"), None) is None:
            return None
        with self.catalog(read_only=True) as now:
            moves = [move for move in now.moves() if (move.place, move.path) == part.key]
        if any(move.kind == "drop" and move.source == part.kept_as for move in moves):
            return None  # it is the one that goes
        for move in moves:
            if move.kind == "put":
                with suppress(FileNotFoundError):
                    return Directory(self.state).open(move.source)
        return None

    def reading(self) -> None:
        """Keep what we may still want to read from being cleared away, until we end."""
        if self._reading is None:
            with suppress(OSError):  # no right to write here: then it is only less sure
                self._reading = (self.state / READERS).open("ab")
                fcntl.flock(self._reading, fcntl.LOCK_SH)

    def close(self) -> None:
        """Nothing more will be read; the end of the process says so as well."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody reads, and nobody begins to while we are in here."""
        with ExitStack() as held:
            try:
                file = held.enter_context((self.state / READERS).open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone = True
            except OSError:  # somebody reads, or nobody can tell
                alone = False
            yield alone

    @contextmanager
    def growing(self, *, barred: bool = False) -> Iterator[None]:
        """While files are appended to, none of them is replaced; `barred`: the other way."""
        with self._lock_file(GROWING) as file:
            fcntl.flock(file, fcntl.LOCK_EX if barred else fcntl.LOCK_SH)
            yield

    @contextmanager
    def maintained(self, *, wait: bool = False) -> Iterator[None]:
        """The right to rewrite parts, which one process has at a time; raises BusyError."""
        with self._lock_file(MAINTENANCE) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise BusyError(
                    f"{self.root} is being rewritten by another command", hint="try again later"
                ) from None
            yield

    def _lock_file(self, name: str) -> BinaryIO:
        with writing(f"below {self.state}"):
            return (self.state / name).open("ab")


def _remote_state(root: str, environ: Mapping[str, str]) -> Path:
    """Where this host keeps the catalog and the journals of an archive that lies elsewhere."""
    home = environ.get("XDG_STATE_HOME") or f"{environ.get('HOME', '')}/.local/state"
    base = environ.get("MDC_STATE") or f"{home}/mdc/archives"
    from hashlib import sha256

    url = root.rstrip("/")
    name = "".join(c if c.isalnum() else "-" for c in url)[:60]
    return Path(base, f"{name}-{sha256(url.encode()).hexdigest()[:12]}")
