"""What somebody who mistyped a word may have meant."""

from collections.abc import Iterable


def unknown(kind: str, word: str, choices: Iterable[str]) -> str:
    """One line that says that a word is not known, and which one is like it."""
    from difflib import get_close_matches

    plain = {choice.casefold(): choice for choice in choices}
    near = get_close_matches(word.casefold(), list(plain), n=3, cutoff=0.6)
    close = [plain[match] for match in near]
    question = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no such {kind}: {word!r}{question}"


def known(choices: Iterable[str]) -> str | None:
    """A hint that lists what there is."""
    words = ", ".join(sorted(choices))
    return f"known: {words}" if words else None
