"""The path of a server that `--url` names, beside that of the feed that is asked for."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit

from msgspec.structs import replace

from mdc_core.contracts import Endpoint
from mdc_core.contracts.fields import option_fields
from mdc_core.errors import MdcError

CodecOf = Callable[[Any], Any]  # by a provider's options; raises MdcError


def with_path(url: str, vendor: str) -> str:
    """The URL of a WebSocket server with the path and query of the vendor's, if it has none."""
    try:
        place = urlsplit(url)
    except ValueError:
        return url  # told where the feed is connected to
    if place.scheme not in ("ws", "wss") or place.path or place.query:
        return url
    own = urlsplit(vendor)
    return place._replace(path=own.path, query=own.query).geturl()


class OtherPath(NamedTuple):
    """A path that a URL has and an endpoint has not; `option` is the one that would choose it."""

    path: str
    asked: str
    option: str | None

    def __str__(self) -> str:
        said = f"--url has the path {self.path}, and what is asked for is at {self.asked or '/'}"
        return said if self.option is None else f"{said}: say {self.option}, or another URL"


def other_path(url: str, endpoint: Endpoint, options: Any, codec: CodecOf) -> OtherPath | None:
    """What is to be said of the path of a URL; None where it is that of the endpoint."""
    path, asked = _path(url), _path(endpoint.url)
    if path in ("", asked):
        return None
    choices = (text for text, other in _others(options, codec) if _path(other) == path)
    return OtherPath(path, asked, next(choices, None))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _others(options: Any, codec: CodecOf) -> Iterator[tuple[str, str]]:
    """What else there is to choose, and where that is."""
    for field in option_fields(type(options)):
        for value in get_args(field.type) if get_origin(field.type) is Literal else ():
            try:
                found = codec(replace(options, **{field.name: value})).endpoints()
            except MdcError:
                continue  # not without other options
            for one in found:
                yield f"--{field.name.replace('_', '-')} {value}", one.url
