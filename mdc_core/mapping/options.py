"""What a user says of a table of others: options, or a TOML file with the same keys."""

import shlex
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import asdict, fields, replace

from mdc_core.contracts import Options
from mdc_core.disk import absent
from mdc_core.errors import DataError, UsageError
from mdc_core.events import CONTROL_TYPES, EVENT_TYPES
from mdc_core.schema import field_names
from mdc_core.suggest import known, unknown

TYPES = {name: cls for name, cls in EVENT_TYPES.items() if name not in CONTROL_TYPES}
# What a column may be beside a field of an event: a flag that says who took liquidity.
FLAGS = {"seller_took": "sell", "buyer_took": "buy"}
PRICES = frozenset(
    [
        "price",
        "bid_price",
        "ask_price",
        "open",
        "high",
        "low",
        "close",
        "vwap",
        "limit_up",
        "limit_down",
        "original_price",
        "indicative_price",
        "amount",
    ]
)
FIELDS = frozenset(name for kind in TYPES for name in field_names(kind)) | {"type", *FLAGS}


class MappingOptions(Options, frozen=True, kw_only=True):
    """How the columns of a table become the fields of events."""

    map: Annotated[
        tuple[str, ...],
        Meta(description="a column and the field it is: COLUMN=FIELD, or DATE+TIME=FIELD of two"),
    ] = ()
    mapping: Annotated[
        Path | None, Meta(description="a TOML file with these options, as --guess -o writes it")
    ] = None
    type: Annotated[str | None, Meta(description="the event type of rows that do not say it")] = (
        None
    )
    set: Annotated[
        tuple[str, ...], Meta(description="a field that is the same in all rows: interval=1m")
    ] = ()
    symbol_from: Annotated[
        str | None,
        Meta(description="the symbol is in the file's name: `name`, `folder`, or a pattern (...)"),
    ] = None
    time_format: Annotated[
        str | None, Meta(description="how times are written: '%m/%d/%Y %H:%M:%S.%f'")
    ] = None
    time_unit: Annotated[
        Literal["s", "ms", "us", "ns"] | None, Meta(description="times are so many since 1970")
    ] = None
    decimal_comma: Annotated[bool, Meta(description="numbers are written 1,25")] = False
    scale: Annotated[
        Annotated[int, Meta(ge=0, le=18)] | None,
        Meta(description="prices are whole numbers: times 10 to the power of this"),
    ] = None
    digits: Annotated[
        tuple[str, ...],
        Meta(description="digits behind the point of a field that is a float: price=2"),
    ] = ()
    drop_column: Annotated[
        tuple[str, ...], Meta(description="a column to leave out; others go to `extra`")
    ] = ()
    yes: Annotated[bool, Meta(description="take what is guessed, as --guess shows it")] = False
    only_mapped: Annotated[bool, Meta(description="leave out all columns that are no field")] = (
        False
    )

    def __post_init__(self) -> None:
        for text in self.map:
            _, sign, field = text.rpartition("=")  # the name of an index may be empty
            if not sign:
                raise UsageError(f"--map {text}: no name of a column", hint="--map NAME=FIELD")
            if field not in FIELDS:
                raise UsageError(unknown("field to map to", field, FIELDS))
        if self.type is not None and self.type not in TYPES:
            raise UsageError(unknown("event type", self.type, TYPES), hint=known(TYPES))
        for text in self.set:
            name, _, value = text.partition("=")
            if name not in FIELDS or not value:
                raise UsageError(f"--set {text}: FIELD=VALUE, such as interval=1m")
        for field, count in self.digits_of.items():
            if field not in FIELDS or not (count.isdecimal() and int(count) <= 18):
                raise UsageError(f"--digits {field}={count}: FIELD=NUMBER, such as price=2")

    @property
    def fields(self) -> dict[str, str]:
        """Which field a column is, by its name."""
        pairs = (text.rpartition("=") for text in self.map)
        return {name: field for name, _, field in pairs}

    @property
    def constants(self) -> dict[str, str]:
        """The fields that are the same in all rows."""
        pairs = (text.partition("=") for text in self.set)
        return {name: value for name, _, value in pairs}

    @property
    def digits_of(self) -> dict[str, str]:
        """How many digits a field has that is a float."""
        pairs = (text.partition("=") for text in self.digits)
        return {name: count for name, _, count in pairs}


class NamedColumns(MappingOptions, frozen=True, kw_only=True):
    """How the columns of a table are read that may have no names of its own."""

    columns: Annotated[
        tuple[str, ...], Meta(description="the names of the columns of a table without a header")
    ] = ()


# The options of tables that take no value.
SWITCHES = frozenset(
    f"--{f.encode_name.replace('_', '-')}" for f in fields(NamedColumns) if f.default is False
)


def with_file(options: MappingOptions) -> tuple[MappingOptions, str | None]:
    """The options with those of their `--mapping FILE` beside them, and the zone it names."""
    if options.mapping is None:
        return options, None
    said = read_mapping(options.mapping)
    zone = said.pop("tz", None)
    said.pop("profile", None)
    names = {field.encode_name: field.type for field in fields(options)}
    for key in said:
        if key not in names or key == "mapping":
            raise DataError(f"{options.mapping}: {unknown('key', key, names)}")
    try:
        there = msgspec.convert(said, type(options))
    except msgspec.ValidationError as error:
        raise DataError(f"{options.mapping}: {error}") from None
    given = {key: value for key, value in asdict(options).items() if key in _said(options)}
    for key in ("map", "set", "digits", "drop_column"):
        given[key] = (*getattr(there, key), *getattr(options, key))
    return replace(there, **{**given, "mapping": None}), zone if zone is None else str(zone)


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys of a mapping file, tables as lists of NAME=VALUE; raises DataError."""
    try:
        said = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise absent(path, "write one: mdc import TABLE --guess -o MAPPING") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: {error}") from None
    for key, value in said.items():
        if isinstance(value, dict):
            said[key] = [f"{name}={one}" for name, one in value.items()]
    return said


def _said(options: Options) -> dict[str, Any]:
    """The options that are not as they are by themselves."""
    plain = type(options)()
    own = ("mapping", "yes")
    return {k: v for k, v in asdict(options).items() if k not in own and v != getattr(plain, k)}


def command_of(
    profile: str, options: Options, name: str, symbol: str | None = None, zone: str | None = None
) -> str:
    """The command that imports a file with these options."""
    words = ["mdc", "import", "--profile", profile, name]
    for key, value in _said(options).items():
        flag = f"--{key.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif isinstance(value, tuple):
            words += [flag, ",".join(value)]
        else:
            words += [flag, str(value)]
    words += ["--symbol", symbol] if symbol else []
    words += ["--tz", zone] if zone else []
    return shlex.join(words)


def toml_of(profile: str, options: Options, zone: str | None = None) -> str:
    """These options as the text of a mapping file."""
    lines, tables = [f"profile = {_text(profile)}"], list[str]()
    for key, value in _said(options).items():
        if key in ("map", "set", "digits"):
            pairs = (one.rpartition("=") if key == "map" else one.partition("=") for one in value)
            tables.append(f"\n[{key}]")
            tables += [f"{_text(name)} = {_text(one)}" for name, _, one in pairs]
        elif isinstance(value, tuple):
            lines.append(f"{key} = [{', '.join(map(_text, value))}]")
        else:
            lines.append(f"{key} = {_text(value) if isinstance(value, str) else _plain(value)}")
    lines += [f"tz = {_text(zone)}"] if zone else []
    return "\n".join([*lines, *tables]) + "\n"


def _text(text: str) -> str:
    return msgspec.json.encode(text).decode()  # a basic string of TOML is one of JSON


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
