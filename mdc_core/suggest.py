"""What somebody who mistyped a word may have meant."""

from collections.abc import Iterable


def near(word: str, choices: Iterable[str]) -> list[str]:
    """The choices that are like a word, the likeliest first."""
    from difflib import get_close_matches

    plain = {choice.casefold(): choice for choice in choices}
    found = get_close_matches(word.casefold(), list(plain), n=3, cutoff=0.6)
    return [plain[match] for match in found]


def unknown(kind: str, word: str, choices: Iterable[str]) -> str:
    """One line that says that a word is not known, and which one is like it."""
    close = near(word, choices)
    question = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no such {kind}: {word!r}{question}"


def known(choices: Iterable[str]) -> str | None:
    """A hint that lists what there is."""
    words = ", ".join(sorted(choices))
    return f"known: {words}" if words else None
