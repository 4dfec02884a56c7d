"""One part of an archive as the catalog knows it."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mdc_core.archive.catalog.query import Query


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What was appended to a file at once: rows in time order."""

    bytes: int
    rows: int
    begins: int
    ends: int


class SymbolShare(msgspec.Struct, frozen=True, array_like=True):
    """What a shared part has of one symbol; the fields are those of a PartRow."""

    symbol: str | None
    rows: int
    begins: int
    ends: int
    first: int | None
    last: int | None
    untimed: int


class IntervalShare(msgspec.Struct, frozen=True, array_like=True):
    """What a part of bars or flow has of one symbol and interval."""

    symbol: str | None
    interval: str | None
    rows: int
    begins: int
    ends: int


class PartRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part as the catalog knows it; times in nanoseconds since 1970, UTC.

    A part is of one symbol, or it is shared: then `shares` has what it holds of each symbol, in
    the order of their names in paths, and `symbol` says nothing.
    """

    path: str  # below its place, with slashes
    place: str = ""  # empty: the root; else a directory or URL of a tier
    symbol: str | None = None
    shares: tuple[SymbolShare, ...] = ()
    type_name: str
    period: str
    layout: str
    format: str  # the plugin that wrote it
    suffix: str
    codec: str = ""  # with its level, as far as it is known
    rows: int
    bytes: int
    begins: int  # the moments that the first and the last row are filed under
    ends: int
    first: int | None = None  # event times
    last: int | None = None
    untimed: int = 0  # rows without event time
    first_seq: int | None = None
    last_seq: int | None = None
    sha256: str
    tier: str = "hot"
    version: str  # of its event type
    segment: str | None = None  # of the journal that it was sealed from
    run_id: str = ""
    origin: str = ""  # key of what is known of where the rows come from
    slim: bool = False  # whether its file names its origin, and does not carry it
    bare: bool = False  # whether its file lacks the columns that its folders say
    inputs: tuple[tuple[str, str], ...] = ()  # path and hash of the parts it was made from
    made_by: str = "store"
    made_at: int
    stored_at: int | None = None  # when the last of its rows came, where that was before
    in_order: bool = True  # whether the rows, or those of each frame, are in time order
    intervals: tuple[IntervalShare, ...] = ()  # of a type that has them; empty: not known
    frames: tuple[Frame, ...] = ()  # of a file that grows; empty: written at once, in order

    @property
    def key(self) -> tuple[str, str]:
        """What names a part."""
        return self.place, self.path

    @property
    def stored(self) -> int:
        """When the last of its rows came into the archive, as far as that is known."""
        return self.made_at if self.stored_at is None else self.stored_at

    @property
    def file_name(self) -> str:
        """The last of its path: in this order come rows of equal time of one symbol."""
        return self.path.rpartition("/")[2]

    @property
    def kept_as(self) -> str:
        """What its file is called in the trash; the same for one that has grown since."""
        if not self.frames:
            return self.sha256
        from hashlib import sha256

        return sha256(self.path.encode()).hexdigest()

    @property
    def symbols(self) -> list[str | None]:
        """Of which symbols it has something."""
        return [share.symbol for share in self.shares] if self.shares else [self.symbol]

    def by_symbol(self) -> "list[PartRow]":
        """The part for each symbol in it, as if that had a part of its own.

        Its path and its hash stay those of the file, whose bytes are divided by the rows.
        """
        if not self.shares:
            return [self]
        sizes = divided(self.bytes, [share.rows for share in self.shares])
        return [
            msgspec.structs.replace(
                self,
                bytes=size,
                shares=(),
                intervals=(),
                first_seq=None,
                last_seq=None,
                **_said(share),
            )
            for share, size in zip(self.shares, sizes, strict=True)
        ]

    def may_hold(self, query: "Query") -> bool:
        """Whether events that are asked for can be in it."""
        kinds = not query.types or self.type_name in query.types
        of_time = query.spans(self.begins, self.ends)
        return kinds and of_time and any(map(query.wants, self.symbols))


def _said(share: SymbolShare) -> dict[str, object]:
    return {name: getattr(share, name) for name in share.__struct_fields__}


def divided(size: int, rows: list[int]) -> list[int]:
    """The bytes of a file divided by rows, without one too many or too few."""
    total = sum(rows)
    cut = [size * count // total for count in rows]
    return [size - sum(cut[1:]), *cut[1:]] if cut else []
