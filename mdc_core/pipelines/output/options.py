"""What is asked of an output: its form, its file, its columns, with or without control events."""

from datetime import tzinfo
from pathlib import Path

from msgspec import Struct

from mdc_core.disk import must_be_new
from mdc_core.errors import UsageError
from mdc_core.suggest import unknown

FORMS = ("jsonl", "arrow", "csv", "table", "parquet")
PIPED = ("jsonl", "arrow")  # those that another command reads
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrows": "arrow",
    ".arrow": "arrow",
    ".csv": "csv",
    ".txt": "table",
    ".parquet": "parquet",
}
_CODECS = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}


class OutputOptions(Struct, kw_only=True, frozen=True):
    """How a stage writes its events; `form` is None where nothing says it."""

    form: str | None = None
    piped: str | None = None  # the form where no terminal is written to, if `form` is None
    file: Path | None = None
    force: bool = False
    plain: bool = False
    fields: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # the only event types that there can be, if that is known
    portable: bool = False
    floats: bool = False
    zone: tzinfo | None = None  # of the times in a table; None is UTC

    @property
    def named(self) -> tuple[str | None, str | None]:
        """The form and the compression that the name of the file asks for."""
        return (None, None) if self.file is None else form_of(self.file)

    def checked(self) -> "OutputOptions":
        """The same; raises an MdcError for what cannot be."""
        from mdc_core.schema import columns

        names = ("type", "v", *columns())
        for field in self.fields:
            if field not in names:
                raise UsageError(unknown("field", field, names), hint="mdc schema show trade")
        if self.file is not None:
            form, codec = self.named
            if (self.form or form) is None:
                raise UsageError(
                    f"cannot tell the format of {self.file} by its name",
                    hint=f"say --format, or end it in one of {', '.join(_SUFFIXES)}",
                )
            if codec and (self.form or form) == "parquet":
                raise UsageError(
                    "Parquet is compressed inside", hint=f"leave out {self.file.suffix}"
                )
            must_be_new(self.file, force=self.force)
        return self

    @property
    def is_piped(self) -> bool:
        """Whether another command can read it: it has all of an event, and the control events."""
        return self.form in (None, *PIPED) and not self.fields


OUTPUT = OutputOptions()


def form_of(path: Path) -> tuple[str | None, str | None]:
    """The form and the compression that a file's name asks for."""
    codec = _CODECS.get(path.suffix)
    name = path.with_suffix("") if codec else path
    return _SUFFIXES.get(name.suffix), codec
