"""The map of a coverage as a web page: one file, without scripts."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice

from mdc_core.archive.coverage.survey import CLOSED, MISSING, OUTSIDE, PARTIAL, STATES, CoverageRow
from mdc_core.cli.coverage_map.cells import (
    GRADES,
    LEGEND,
    MEANING,
    Axis,
    kind_of,
    name_of,
    percent,
    runs,
)
from mdc_core.cli.coverage_map.image import (
    COLOURS,
    HEIGHT,
    PARTLY,
    Box,
    boxes,
    margin,
    month_words,
    pitch,
    words_svg,
)
from mdc_core.texts import counted

_MOST_RUNS = 200  # of one symbol and type
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2530; --faint: #66717e; --paper: #fff;
  --line: #e3e7ec; --closed: #e7eaee; --band: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf1; --faint: #9aa6b4;
  --paper: #14181d; --line: #2a323b; --closed: #2a323b; --band: #1b2127; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 3rem) 4rem; max-width: 110rem;
  background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .6rem; }
.about { color: var(--faint); margin: .2rem 0 1.6rem; }
.sums { display: flex; flex-wrap: wrap; gap: .7rem; padding: 0; margin: 0 0 1.8rem;
  list-style: none; }
.sums li { border: 1px solid var(--line); border-radius: 8px; padding: .55rem .9rem;
  min-width: 8.5rem; }
.sums b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.sums small { color: var(--faint); }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px;
  margin-right: .4rem; vertical-align: -1px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll table { min-width: 100%; }
th, td { padding: .15rem .7rem; text-align: left; white-space: nowrap; font-weight: 400; }
thead th { color: var(--faint); font-size: .8rem; vertical-align: bottom; padding-top: .5rem; }
tbody th { font-weight: 600; }
tbody tr:hover > * { background: var(--band); }
.symbol { position: sticky; left: 0; background: var(--paper); }
td.number, th.number { text-align: right; }
td svg, th svg { display: block; }
td:has(svg), th:has(svg) { width: 100%; }
thead text { fill: var(--faint); }
rect:hover { stroke: var(--ink); stroke-width: 1.5; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; } summary b { margin-right: .5rem; }
"""


def page(
    title: str, subtitle: str, first: int, over: Axis, lines: Sequence[CoverageRow]
) -> Iterator[str]:
    """The page, piece by piece."""
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f"<title>{escape(title)}</title>"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{_STYLE}"
    yield f"rect {{ width: {pitch(over) - margin(over)}px; height: {HEIGHT}px }}"
    for state in LEGEND:
        name, colour = STATES[state], "var(--closed)" if state == CLOSED else COLOURS[state]
        yield f"rect.{name} {{ fill: {colour} }} .key.{name} {{ background: {colour} }}"
    for grade, colour in enumerate(PARTLY):
        yield f"rect.p{grade} {{ fill: {colour} }} .key.p{grade} {{ background: {colour} }}"
    yield "</style>\n</head>"
    yield f'<body>\n<h1>{escape(title)}</h1>\n<p class="about">{escape(subtitle)}</p>'
    yield from _sums(lines)
    yield from _map(over, lines)
    yield from _not_complete(first, lines)
    yield "</body>\n</html>"


def _sums(lines: Sequence[CoverageRow]) -> Iterator[str]:
    """The total of each state, which is the legend as well."""
    counts = [line.counts() for line in lines]
    complete = sum(line.complete()[0] for line in lines)
    of = sum(line.complete()[1] for line in lines)
    covered = sum(line.covered() for line in lines)
    yield '<ul class="sums">'
    yield f"<li><small>covered, of open days' time</small><b>{percent(covered, of)}</b></li>"
    yield f"<li><small>complete, of open days</small><b>{percent(complete, of)}</b></li>"
    for state in LEGEND:
        name = STATES[state]
        total = sum(count[name] for count in counts)
        if state == OUTSIDE and not total:
            continue
        share = "" if state in (OUTSIDE, CLOSED) else f" · {percent(total, of)}"
        grades = [f" p{grade}" for grade in range(GRADES)] if state == PARTIAL else [""]
        keys = "".join(f'<i class="key {name}{grade}"></i>' for grade in grades)
        yield (f"<li>{keys}{name}<b>{total:,}</b><small>{MEANING[state]}{share}</small></li>")
    yield "</ul>"


def _map(over: Axis, lines: Sequence[CoverageRow]) -> Iterator[str]:
    width = len(over) * pitch(over)
    heads = "".join(words_svg(words) for words in month_words(over, 0, 11))
    yield '<div class="scroll" tabindex="0" role="region" aria-label="heat map">\n<table>'
    yield '<thead><tr><th scope="col" class="symbol">symbol</th><th scope="col">type</th>'
    yield f'<th scope="col"><svg width="{width + 40}" height="30" role="img" '
    yield f'aria-label="one cell is a {over.unit}">{heads}</svg></th>'
    for name in ("covered", "partial", "missing", "empty"):
        yield f'<th scope="col" class="number">{name}</th>'
    yield "</tr></thead>\n<tbody>"
    for line in lines:
        counts = line.counts()
        told = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
        full = escape(name_of(line, 10_000))
        yield (
            f'<tr><th scope="row" class="symbol" title="{full}">{escape(name_of(line))}</th>'
            f"<td>{escape(kind_of(line))}</td>"
            f'<td><svg width="{width}" height="{HEIGHT}" role="img" aria-label="{told} days">'
        )
        yield "".join(map(_cell, boxes(line, over, 0, 0)))
        numbers = "".join(
            f'<td class="number">{counts[state]:,}</td>'
            for state in ("partial", "missing", "empty")
        )
        share = percent(line.covered(), line.complete()[1])
        yield f'</svg></td><td class="number">{share}</td>{numbers}</tr>'
    yield "</tbody>\n</table>\n</div>"


def _cell(box: Box) -> str:
    """A cell; its size and colour are the same for all, and in the style."""
    said = escape(box.title)
    return f'<rect class="{box.name}" x="{box.x:g}"><title>{said}</title></rect>'


def _not_complete(first: int, lines: Sequence[CoverageRow]) -> Iterator[str]:
    """The days that are missing or partial, in words."""
    yield "<h2>Days that are not complete</h2>"
    nothing = True
    for line in lines:
        counts = line.counts()
        bad = counts[STATES[MISSING]] + counts[STATES[PARTIAL]]
        if not bad:
            continue
        nothing = False
        name = f"<b>{escape(name_of(line))}</b>{escape(kind_of(line))}"
        yield f"<details><summary>{name}: {counted(bad, 'day')}</summary>\n<ul>"
        spans = runs(line, first)
        for state, begin, end, number in islice(spans, _MOST_RUNS):
            if number == 1:
                yield f"<li>{begin:%a} {begin}: {state}</li>"
            else:
                yield f"<li>{begin} to {end}: {state}, {counted(number, 'open day')}</li>"
        more = sum(1 for _ in spans)
        yield (f"<li>and {more:,} more</li>" if more else "") + "</ul></details>"
    if nothing:
        yield "<p>There are none.</p>"
