"""What is asked of every plugin: that it is documented, and that it is pure."""

import ast
import importlib.util
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from mdc_core.batch import from_rows
from mdc_core.contracts import Options, Plugin, Provider
from mdc_core.contracts.faults import faults
from mdc_core.contracts.fields import impossible, option_fields
from mdc_core.events import Event, type_of
from mdc_core.flaws import flaw_of
from mdc_core.schema import allowed_values, field_names
from mdc_core.testing.golden import line_of, row_of

# What only drivers do: clocks, sockets, processes, threads, logs, the command line.
_FORBIDDEN = frozenset(
    {
        "aiohttp",
        "asyncio",
        "click",
        "concurrent",
        "http",
        "httpx",
        "logging",
        "os",
        "multiprocessing",
        "requests",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
        "uuid",
        "websockets",
    }
)

_EARLIEST = "1990"
_DOORS = ("mdc_core.plugin", "mdc_core.columns")


class PluginSuite:
    """What all suites share; `options` are given to the plugin's Options."""

    options: ClassVar[Mapping[str, Any]] = {}
    pure: ClassVar[bool] = True

    def plugin(self) -> type[Plugin]:
        """The class under test."""
        raise NotImplementedError

    def make_options(self) -> Options:
        """The plugin's options, as the tests use them."""
        return self.plugin().Options(**self.options)

    def make_secrets(self) -> dict[str, str]:
        """A recognisable value for each secret."""
        # Not by their names: what is signed with them is the same for a vendor of another name.
        names = _declared(self.plugin())
        return {name: f"test-secret-{number}" for number, name in enumerate(names, 1)}

    def test_documented(self) -> None:
        """The plugin and each of its options say what they are."""
        plugin = self.plugin()
        module = sys.modules[plugin.__module__]
        assert (module.__doc__ or "").strip(), "the module's docstring is the plugin's help"
        assert issubclass(plugin.Options, Options), "Options must be a subclass of Options"
        for field in option_fields(plugin.Options):
            assert not impossible(field), impossible(field)
            assert field.description, f"option {field.name} has no description"
            needed = field.default is msgspec.NODEFAULT and not field.positional
            assert not needed, f"option {field.name} has no default"

    def test_contract(self) -> None:
        """Every method that its contract asks for is there, and takes what it is given."""
        assert not list(faults(self.plugin()))

    def test_secrets(self) -> None:
        """Secrets are names of the environment: capitals, digits and underscores."""
        for name in _declared(self.plugin()):
            assert name.isidentifier() and name == name.upper(), name

    def test_pure(self) -> None:
        """The plugin's own modules neither act nor look at a clock; the drivers do."""
        if not self.pure:
            return
        for path in own_modules(self.plugin()):
            found = list(impurities(path.read_text(encoding="utf-8")))
            assert not found, f"{path.name}: {', '.join(found)}"


class ProviderSuite(PluginSuite):
    """What the suites for the plugins of a vendor share."""

    def test_facts(self) -> None:
        """`mdc providers` can say whose plugin it is, and for which classes of assets."""
        plugin = self.plugin()
        assert issubclass(plugin, Provider)
        assert plugin.vendor, "vendor is empty"
        assert plugin.assets, "assets is empty"


def _declared(plugin: type[Plugin]) -> tuple[str, ...]:
    return (*plugin.secrets, *plugin.optional_secrets)


def impurities(source: str) -> Iterator[str]:
    """What a plugin's source does that only a driver may do."""
    tree = ast.parse(source)
    yield from _shared_state(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield from _wrong_import(alias.name, node.lineno)
            case ast.ImportFrom(module="mdc_core", names=[ast.alias(name="plugin")]):
                pass
            case ast.ImportFrom(level=0):
                yield from _wrong_import(node.module or "", node.lineno)
            case ast.Call(func=ast.Name(id="open" | "print" | "input" as called)):
                yield f"calls {called}() in line {node.lineno}"
            case ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today")):
                yield f"asks a clock in line {node.lineno}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="random"), attr=name), args=args):
                if name != "Random" or not args:
                    yield f"leaves it to chance, without a seed, in line {node.lineno}"
            case ast.Global():
                yield f"keeps state outside of its instances in line {node.lineno}"


def _shared_state(tree: ast.Module) -> Iterator[str]:
    """Lists and mappings of a module that begin empty: who fills them fills them for all."""
    for node in tree.body:
        match node:
            case ast.Assign(value=value) | ast.AnnAssign(value=value):
                pass
            case _:
                continue
        match value:
            case ast.List(elts=[]) | ast.Dict(keys=[]):
                yield f"keeps state outside of its instances in line {node.lineno}"
            case ast.Call(
                func=ast.Name(id="list" | "dict" | "set" | "defaultdict" | "Counter" as kind),
                args=args,
            ):
                if not args or kind == "defaultdict":
                    yield f"keeps state outside of its instances in line {node.lineno}"


def _wrong_import(name: str, line: int) -> Iterator[str]:
    if name in _FORBIDDEN or name.partition(".")[0] in _FORBIDDEN:
        yield f"imports {name} in line {line}"
    elif name.startswith("mdc_core") and name not in _DOORS:
        yield f"imports {name}, not mdc_core.plugin, in line {line}"


def own_modules(plugin: type[Plugin]) -> list[Path]:
    """The file of the plugin's class, and those of its package which that imports."""
    package = plugin.__module__.partition(".")[0]
    names, paths = [plugin.__module__], dict[str, Path]()
    while names:
        name = names.pop()
        spec = importlib.util.find_spec(name)
        if name in paths or spec is None or spec.origin is None:
            continue
        paths[name] = Path(spec.origin)
        for node in ast.walk(ast.parse(paths[name].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                found = [f"{node.module}.{alias.name}" for alias in node.names]
                names += [n for n in (node.module, *found) if n and _is_module(n)]
    return list(paths.values())


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def check_event(event: Event) -> None:
    """The event is what its type says, and nothing in it is beyond belief."""
    problem = flaw_of(event)
    assert problem is None, f"{event}: {problem}"
    for name in field_names(type_of(event)):
        value: Any = getattr(event, name)
        allowed = allowed_values(type(event), name)
        if value is not None and allowed and not name.startswith("_"):
            assert value in allowed, f"{event}: {name} is {value!r}, not {' or '.join(allowed)}"
    for name in ("ts_event", "ts_close"):
        time = getattr(event, name, None)
        assert time is None or time >= _EARLIEST, f"{event}: {name} is before {_EARLIEST}"


def check_wire(events: Sequence[Event]) -> None:
    """Every event is what its type says, survives JSON by value, and fits into the columns."""
    for event in events:
        check_event(event)
        assert row_of(line_of(event)) == event
        missing = [name for name in type(event).required if getattr(event, name) is None]
        # When a finding or a connection change happened is the driver's to say.
        missing = [name for name in missing if name != "ts_event"]
        assert not missing, f"{event} lacks {', '.join(missing)}"
    if events:
        assert from_rows(events).num_rows == len(events)


def damaged(frames: Sequence[str | bytes], times: int = 40) -> Iterator[str | bytes]:
    """Frames as no vendor sends them: cut, overwritten, random; the same each time."""
    rng = random.Random(20240102)
    yield from ("", b"", "null", "[]", "{}", "[[]]", "[null, 1]", '"', "[" * 20_000, "\ud800")
    for size in range(60):
        yield rng.randbytes(size)
    for frame in frames:
        data = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
        for _ in range(times):
            broken = bytearray(data)
            for _ in range(rng.randint(1, 3)):
                start = rng.randrange(len(broken) + 1)
                stop = min(len(broken), start + rng.randint(0, 8))
                piece = rng.choice(
                    (b"", rng.randbytes(2), b"0", b'"', b"null", broken[start:stop] * 2)
                )
                broken[start:stop] = piece
            as_text = isinstance(frame, str) and rng.random() < 0.8
            yield broken.decode("utf-8", "replace") if as_text else bytes(broken)
