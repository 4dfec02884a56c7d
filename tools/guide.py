"""docs/plugins.md: the contracts as they stand in the code, and the example package."""

import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from mdc_core import contracts, errors, hooks, plugin, testing
from mdc_core import plugin_package as package
from mdc_core.contracts import options
from mdc_core.quality import per_event
from mdc_core.testing.stream import (
    damage_suite,
    sandbox_suite,
    subscription_suite,
    tape,
    transcript,
    values,
)
from mdc_core.testing.suites import history_suite

Subject = Any
# What is shown of each kind: heading, contract, what it stands on, and its suite.
KINDS: dict[str, tuple[str, tuple[Subject, ...], Subject]] = {
    "stream": (
        "A live feed",
        (
            contracts.Stream,
            contracts.Live,
            contracts.Subscription,
            contracts.Endpoint,
            contracts.Lines,
            contracts.Lengths,
            contracts.Sandbox,
            contracts.HangUp,
        ),
        testing.StreamSuite,
    ),
    "history": (
        "A historical API",
        (
            contracts.History,
            contracts.HistoryRequest,
            contracts.Page,
            contracts.Request,
            contracts.Response,
        ),
        testing.HistorySuite,
    ),
    "check": (
        "A check",
        (contracts.Check, contracts.Finding, per_event.PerEvent),
        testing.CheckSuite,
    ),
    "filter": ("A filter", (contracts.Filter, contracts.Keep), testing.FilterSuite),
    "format": (
        "A format of the archive",
        (contracts.PartFormat, contracts.Part),
        testing.PartFormatSuite,
    ),
    "importer": (
        "An importer",
        (contracts.Importer, contracts.ImportRequest, contracts.BadRow),
        testing.ImporterSuite,
    ),
    "exporter": ("An exporter", (contracts.Exporter,), testing.ExporterSuite),
    "sink": ("A place for events", (contracts.Sink,), testing.SinkSuite),
}
EFFECTS = (
    contracts.Send,
    contracts.Fetch,
    contracts.Up,
    contracts.Refused,
    contracts.Busy,
    contracts.Reconnect,
    contracts.Bad,
)
ERRORS = (
    errors.UsageError,
    errors.DataError,
    errors.UnavailableError,
    errors.WriteError,
    errors.BusyError,
    errors.RefusedError,
    errors.ConfigError,
)


def guide() -> str:
    """The text of docs/plugins.md."""
    out = [
        "# Plugins",
        "",
        "Made by `tools/docs.py` from the docstrings and from `examples/mdc-acme`.",
        "",
        *prose(contracts),
        "## A package",
        "",
        "`mdc plugin new NAME --kind KIND` writes one. Its `pyproject.toml` names each plugin:",
        "",
        *shown(package.Example("check").root / "pyproject.toml", "toml"),
        "## What may be imported",
        "",
        *prose(plugin),
        *names(),
        "## What all plugins share, and options",
        "",
        *source(options.Plugin),
        *source(options.Options),
        *source(contracts.Argument),
        "| kind | written | given to the plugin |",
        "| --- | --- | --- |",
        *options_table(),
        "",
    ]
    out += ["## What the plugins of a vendor share", ""]
    out += [*source(contracts.Provider), *source(contracts.Limits)]
    out += ["## Tests", "", *prose(testing)]
    for kind, (title, parts, suite) in KINDS.items():
        out += section(kind, title, parts, suite)
    return "\n".join([*out, *effects_and_errors(), "", *hook_section()]).rstrip() + "\n"


def section(kind: str, title: str, parts: tuple[Subject, ...], suite: Subject) -> list[str]:
    """One kind of plugin: the contract, an example, its test."""
    example = package.Example(kind)
    out = [f"## {title}", "", f"Entry-point group `{package.KINDS[kind]}`.", ""]
    for part in parts:
        out += source(part)
    out += shown_example(example, suite)
    if kind == "stream":
        for part in (
            sandbox_suite.SandboxSuite,
            subscription_suite.SubscriptionSuite,
            damage_suite.DamageSuite,
        ):
            out += quoted(part)
        out += [*prose(tape), *prose(values), *prose(transcript)]
        out += helpers()
    if kind == "history":
        out += quoted(history_suite.RecordedPage)
    return [*out, *tests_of(example)]


def shown_example(example: package.Example, suite: Subject) -> list[str]:
    """The code of an example, and what its test stands on."""
    out = ["### An example", ""]
    for module in example.modules:
        out += shown(example.code / f"{module}.py", "python")
    return [*out, "### Its test", "", *quoted(suite)]


def tests_of(example: package.Example) -> list[str]:
    """The test of an example, and what was recorded for it."""
    out: list[str] = []
    for path in sorted(example.tests.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            out += shown(path, "python" if path.suffix == ".py" else "text")
    return out


def helpers() -> list[str]:
    """What the door has for codecs of serious venues: classes with their methods."""
    out = ["### Helpers", ""]
    for thing in (
        plugin.Messages,
        plugin.Follow,
        plugin.Missing,
        plugin.Restarted,
        plugin.SequenceCount,
        plugin.Ladder,
        plugin.Subscriptions,
        plugin.Unanswered,
        plugin.Awaited,
    ):
        given = ", ".join(p for p in inspect.signature(thing).parameters)
        first, *others = markdown(inspect.getdoc(thing) or "")
        out += [f"`{thing.__name__}({given})`: {first}", *others, ""]
        methods = [(n, m) for n, m in vars(thing).items() if inspect.isfunction(m) and n[0] != "_"]
        out += ["| method | what it does |", "| --- | --- |"] if methods else []
        for name, method in methods:
            _, *names = inspect.signature(method).parameters
            says = " ".join((inspect.getdoc(method) or "").split())
            out.append(f"| `{name}({', '.join(names)})` | {says} |")
        out += [""] if methods else []
    venue = package.Example("venue")
    out += [
        "### A serious venue",
        "",
        "`mdc plugin new NAME --kind venue` writes all of it, with its servers and tests:",
        "",
    ]
    for module in ("provider", "stream", "lines"):
        out += shown(venue.code / f"{module}.py", "python")
    return out


def shown(path: Path, language: str) -> list[str]:
    """A file of the example, in full."""
    place = path.relative_to(package.Example("check").root.parents[1]).as_posix()
    return [f"`{place}`", "", f"```{language}", path.read_text("utf-8").rstrip(), "```", ""]


def source(thing: Subject) -> list[str]:
    """A class or function of a contract as it stands in the code, without what is inside."""
    text = inspect.getsource(thing).rstrip()
    text = re.sub(r"\n +raise NotImplementedError\b.*", "", text)
    text = re.sub(r" +# noqa.*", "", text)
    return ["```python", text, "```", ""]


def prose(module: ModuleType) -> list[str]:
    """A module's docstring as Markdown."""
    return [*markdown(inspect.getdoc(module) or ""), ""]


def quoted(thing: Subject) -> list[str]:
    """A class's docstring, with its name."""
    first, *others = markdown(inspect.getdoc(thing) or "")
    return [f"`{thing.__name__}`: {first}", *others, ""]


def markdown(text: str) -> list[str]:
    """Paragraphs as they are; what is indented is fenced."""
    out: list[str] = []
    inside = False
    for line in text.splitlines():
        code = line.startswith("    ") or (inside and not line)
        if code != inside:
            out += ["```text"] if code else [*_end(out), ""]
        out.append(line[4:] if code else line)
        inside = code
    return [*out, *(["```"] if inside else [])]


def _end(out: list[str]) -> list[str]:
    while out and not out[-1]:
        out.pop()
    return ["```"]


def names() -> list[str]:
    """What is in the door: functions with what they do, then the other names."""
    every = {name: getattr(plugin, name) for name in plugin.__all__}
    functions = {name: thing for name, thing in every.items() if inspect.isfunction(thing)}
    out = ["| function | what it does |", "| --- | --- |"]
    for name, function in functions.items():
        first = (inspect.getdoc(function) or "").partition("\n\n")[0]
        given = ", ".join(inspect.signature(function).parameters)
        out.append(f"| `{name}({given})` | {' '.join(first.split())} |")
    others = "`, `".join(name for name in every if name not in functions)
    also = "What events have is in [the data dictionary](data-dictionary.md)."
    return [*out, "", f"And: `{others}`. {also}", ""]


def options_table() -> list[str]:
    """The kinds of options."""
    rows = (
        ("`str`, `int`, `float`, `bool`, `Decimal`, `Path`", "as such", "as such"),
        ('`Literal["a", 1]`', "one of them", "that value"),
        ("`Span`", "`250ms`, `1h30m`", "nanoseconds"),
        ("`Moment`", "`2024-01-02`, `2024-01-02T14:30:00Z`, `today`", "nanoseconds since 1970"),
        ("`Size`", "`500MB`, `1.5GiB`", "bytes"),
        ("`Symbols`", "`SPY,QQQ`", "`tuple[str, ...]`, each once"),
        ("`tuple[T, ...]`", "with commas, or the flag repeated", "a tuple"),
        ("any of them `| None`", "left out", "`None`, if that is the default"),
    )
    return [f"| {' | '.join(row)} |" for row in rows]


def effects_and_errors() -> list[str]:
    """Which effect, or which error, for what."""
    out = ["## Which effect, which error", "", "A `Stream` says what is to be done:", ""]
    out += ["| effect | what for |", "| --- | --- |"]
    for effect in EFFECTS:
        fields_of = ", ".join(effect.__struct_fields__)
        text = " ".join((inspect.getdoc(effect) or "").split())
        out.append(f"| `{effect.__name__}({fields_of})` | {text} |")
    out += ["", "All other kinds raise, and so may a constructor:", ""]
    out += ["| error | exit status | what for |", "| --- | --- | --- |"]
    for error in ERRORS:
        text = " ".join((inspect.getdoc(error) or "").split())
        out.append(f"| `{error.__name__}` | {error.exit_status} | {text} |")
    return [
        *out,
        "",
        "Anything else that is raised is a fault of the plugin, told by its name.",
        "",
    ]


def hook_section() -> list[str]:
    """The hooks: when each is called, and with what."""
    example = package.Example("hook")
    out = ["## Hooks", "", f"Entry-point group `{package.KINDS['hook']}`.", "", *prose(hooks)]
    out += [*source(hooks.RunInfo), *source(hooks.Hooks)]
    return [*out, *shown_example(example, testing.ObserverSuite), *tests_of(example)]
