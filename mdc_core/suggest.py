"""What somebody who mistyped a word may have meant."""

from collections.abc import Iterable, Mapping
from itertools import islice

MOST = 3  # that are named


def near(word: str, choices: Iterable[str], also: Mapping[str, str] | None = None) -> list[str]:
    """The choices that a mistyped word is close to, the likeliest first.

    `also` are words of other tools, each with the choices that do the same here.
    """
    every, wanted = list(choices), word.casefold()
    if other := [choice for choice in (also or {}).get(wanted, "").split() if choice in every]:
        return other
    if len(word.lstrip("-")) == 1:  # one letter is near every other
        return [choice for choice in every if choice.casefold() == wanted]
    limit = 1 + (len(word) > 4) + (len(word) > 8)
    found = []
    for choice in every:
        far = _distance(wanted, choice.casefold(), limit)
        if far > 1 and choice[:1].casefold() != wanted[:1]:
            continue  # hardly anybody mistypes the first letter, and another one as well
        if far > limit and len(word) > 2 and choice.casefold().startswith(wanted):
            far = limit
        if far <= limit:
            found.append((far, choice))
    found.sort(key=lambda item: item[0])
    return [choice for far, choice in islice(found, MOST) if far <= found[0][0] + 1]


def _distance(one: str, other: str, limit: int) -> int:
    """How many letters are to be changed, left out, put in or swapped; or more than the limit."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above, row = row, before, [i]
        for j, its in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


def question(close: list[str]) -> str:
    """What is asked behind a word that is not known; nothing, if it is close to none."""
    return f"; did you mean {' or '.join(close)}?" if close else ""


def unknown(kind: str, word: str, choices: Iterable[str]) -> str:
    """One line that says that a word is not known, and which one is like it."""
    return f"no such {kind}: {word!r}{question(near(word, choices))}"


def known(choices: Iterable[str]) -> str | None:
    """A hint that lists what there is."""
    words = ", ".join(sorted(choices))
    return f"known: {words}" if words else None
