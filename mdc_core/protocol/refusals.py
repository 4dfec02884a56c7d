"""What is said of symbols and channels that a vendor refuses, or leaves out of its answer."""

from collections.abc import Collection, Mapping, Sequence

from mdc_core.contracts.live.effects import Refused

_NAMED = 20  # symbols in the text of a refusal


def left_out(
    name: str, missing: Mapping[str, Sequence[str]], channels: Collection[str]
) -> list[Refused]:
    """What an acknowledgement of the whole subscription lacks: `missing` channels by symbol.

    `channels` are all that were asked for, by the user's words. Symbols that lack the same are
    one refusal; one that lacks all of them is refused as a whole.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for symbol, lacking in missing.items():
        of = () if set(channels) <= set(lacking) else tuple(lacking)
        alike.setdefault(of, []).append(symbol)
    return [refusal(name, "", of, symbols) for of, symbols in alike.items()]


def refusal(
    name: str,
    text: str,
    channels: tuple[str, ...],
    symbols: Sequence[str],
    hint: str | None = None,
) -> Refused:
    """The refusal of symbols, or of some channels of them; without words they were left out."""
    what = ", ".join(symbols[:_NAMED])
    if len(symbols) > _NAMED:
        what += f" and {len(symbols) - _NAMED} more"
    if channels:
        what += f" ({', '.join(channels)})"
    said = (
        f"{name} refuses {what}: {text}" if text else f"{name} left out of the subscription: {what}"
    )
    return Refused(said, tuple(symbols), channels, hint)
