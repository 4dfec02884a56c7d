"""What several commands tell of a provider: its limits, and where its secrets are."""

from collections.abc import Iterable, Iterator
from typing import Any

from mdc_core.contracts import Limits, Provider
from mdc_core.errors import ConfigError
from mdc_core.session import Session
from mdc_core.sizes import size_text
from mdc_core.times import SECOND, span_text

LIMITS = (
    "connections",
    "symbols_per_connection",
    "subscriptions_per_connection",
    "messages",
    "messages_per_seconds",
    "largest_message",
    "new_connections",
    "new_connections_per_seconds",
)


def limits_of(limits: Limits) -> dict[str, int | None]:
    """What a vendor allows, by the names of `LIMITS`."""
    values = (
        limits.connections,
        limits.symbols,
        limits.subscriptions,
        limits.messages,
        limits.messages and limits.per,
        limits.message,
        limits.openings,
        limits.openings and limits.openings_per,
    )
    return dict(zip(LIMITS, values, strict=True))


def pace(row: dict[str, Any], what: str) -> str | None:
    """How many messages, or new connections, the vendor takes in which time."""
    per = row[f"{what}_per_seconds"]
    return per and f"{row[what]:,} in {span_text(per * SECOND)}"


def limit_texts(row: dict[str, Any]) -> list[tuple[str, object]]:
    """The limits for people, each with its name."""
    symbols, subscriptions = row["symbols_per_connection"], row["subscriptions_per_connection"]
    largest = row["largest_message"]
    return [
        ("connections", row["connections"]),
        ("symbols", symbols and f"{symbols} a connection"),
        ("subscriptions", subscriptions and f"{subscriptions} a connection"),
        ("messages", pace(row, "messages")),
        ("openings", pace(row, "new_connections")),
        ("largest", largest and size_text(largest)),
    ]


def secrets_of(session: Session, plugins: Iterable[type[Provider]]) -> Iterator[dict[str, Any]]:
    """The secrets of all the plugins, each once, and where its value is; never the value."""
    several = [*plugins]
    needed = [name for plugin in several for name in plugin.secrets]
    others = [name for plugin in several for name in plugin.optional_secrets]
    for name in dict.fromkeys([*needed, *others]):
        problem = ""
        try:
            where = session.secret_source(name)
        except ConfigError as error:
            where, problem = None, str(error)
        yield {
            "name": name,
            "required": name in needed,
            "set": where is not None,
            "from": where,
            "problem": problem,
        }


def secret_state(secret: dict[str, Any]) -> str:
    """Whether a secret is there, and where it was found."""
    if secret["set"]:
        return f"set ({secret['from']})"
    missing = "missing" if secret["required"] else "not set, optional"
    return secret["problem"] or missing
