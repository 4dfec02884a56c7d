"""The house keeps its order: imports run downwards, plugins come in by the one door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A module may import what stands in a row above its own.
ROWS = (
    {
        "errors",
        "disk",
        "folders",
        "times",
        "moments",
        "sizes",
        "market",
        "patterns",
        "concerned",
        "events",
        "schema",
        "sources",
        "versions",
        "suggest",
        "texts",
        "grid",
        "logs",
        "requirements",
    },
    {"batch", "decimals", "flaws", "grouped", "messages", "screening"},
    {"contracts", "hooks", "wire", "mapping", "protocol"},
    {"orderbook"},
    {"plugin", "columns"},
    {
        "plugin_files",
        "plugin_package",
        "installed",
        "guests",
        "registry",
        "config",
        "secrets",
        "observers",
        "accounting",
        "session",
        "telemetry",
        "control",
    },
    {"live", "history", "archive", "quality", "testing"},
    {"export", "publish"},
    {"pipelines"},
    {"cli"},
    {"api"},
)
ENGINES = ROWS[6]
# Re-exported lazily by the door: what stands below it in the house and is meant for authors.
DOOR = {"quality.per_event", "archive.merge", "registry"}
IMPURE = {
    "asyncio",
    "click",
    "http",
    "logging",
    "os",
    "requests",
    "select",
    "signal",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "websockets",
}
OBSERVERS = {"ledger.py"}  # they do something when they are told
PURE = ("mdc_providers", "mdc_validators", "mdc_exporters", "mdc_acme", "mdc_zephyr")


def imports(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "mdc_core":
                found |= {f"mdc_core.{alias.name}" for alias in node.names}
    return found


def row_of(module: str) -> int:
    return next(number for number, row in enumerate(ROWS) if module in row)


CORE = sorted((ROOT / "mdc_core").rglob("*.py"))
PLUGINS = sorted([*ROOT.glob("plugins/*/**/*.py"), *ROOT.glob("examples/*/src/*/**/*.py")])


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_core_imports_run_downwards(path: Path) -> None:
    below = path.relative_to(ROOT / "mdc_core")
    room = below.parts[0].removesuffix(".py")
    for name in imports(path):
        top, _, rest = name.partition(".")
        assert not top.startswith("mdc_") or top == "mdc_core", f"the core imports {name}"
        if top == "click":
            assert room == "cli", "only cli/ knows click"
        if top != "mdc_core" or not rest or room == "__init__" or rest == "__version__":
            continue
        other = rest.partition(".")[0]
        if room == "plugin" and rest in DOOR:
            continue
        assert row_of(other) <= row_of(room), f"{room} imports {name}, which stands above it"
        if room in ENGINES and other in ENGINES and other != room:
            assert rest == other, f"the engine {room} reaches inside {other}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_plugins_come_in_by_the_one_door(path: Path) -> None:
    bundle = next(part for part in path.parts if part.startswith("mdc_"))
    for name in imports(path):
        top = name.partition(".")[0]
        if top.startswith("mdc_"):
            allowed = name in ("mdc_core.plugin", "mdc_core.columns", "mdc_core") or top == bundle
            assert allowed, f"{path.name} imports past the door: {name}"
        if bundle in PURE and path.name not in OBSERVERS:
            # To take a URL apart is no way to the network.
            assert top not in IMPURE or name == "urllib.parse", f"a pure plugin imports {name}"


# The command line is flat on purpose; at the top lies what all rooms stand on.
LARGE = {"cli", "cli/verbs", "."}
A_DOZEN = 12


def test_a_folder_has_at_most_a_dozen_files() -> None:
    """Beyond that it has subfolders which say what is in them."""
    found = {}
    for root in (ROOT / "mdc_core", ROOT / "tests", *ROOT.glob("plugins/mdc_*")):
        for folder in (root, *root.rglob("*/")):
            files = [f for f in folder.glob("*.py") if f.name != "__init__.py"]
            name = folder.relative_to(root).as_posix()
            if len(files) > A_DOZEN and name not in LARGE:
                found[name] = len(files)
    assert found == {}


def test_nobody_hides_errors() -> None:
    broad = []
    for path in [*CORE, *PLUGINS]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {getattr(kind, "id", None) for kind in kinds}
            last = node.body[-1]
            if isinstance(last, ast.Raise) and last.exc is None:
                continue  # it goes on as it came
            if node.type is None or names & {"Exception", "BaseException"}:
                broad.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    files = sorted({place.partition(":")[0] for place in broad})
    assert files == [
        "mdc_core/archive/part_formats.py",  # what a format raises at a file: it is damaged
        "mdc_core/archive/write/sealing/seal.py",  # a format that fails: Parquet in its place
        "mdc_core/cli/command.py",  # a check whose Options fail is left out
        "mdc_core/cli/main.py",  # the one exit, where a bug gets its status
        "mdc_core/live/session/connection.py",  # a change at which a codec fails: connects anew
        "mdc_core/live/session/receiving.py",  # a frame at which a codec fails is set aside
        "mdc_core/observers.py",  # an observer that fails is told of, and does no harm
        "mdc_core/pipelines/stage.py",  # a stage that fails says so to those behind it
        "mdc_core/quality/engine.py",  # a check that fails is one finding, and off
        "mdc_core/registry.py",  # a plugin that cannot be imported is told by its name
        "mdc_core/testing/suites/format_suite.py",  # what a format raises at a file that was cut
        "mdc_core/texts.py",  # an error that cannot even say what it is
    ], broad


def test_options_of_verbs_can_be_set_elsewhere() -> None:
    """`option` of cli/options makes them so; click's own would read the process's environment."""
    plain = [p.name for p in CORE if "click.option(" in p.read_text() and p.name != "options.py"]
    assert plain == []


def test_an_empty_path_is_refused_everywhere() -> None:
    """`PathType` of cli/types does that; click's own takes it for the working directory."""
    assert [p.name for p in CORE if "click.Path(" in p.read_text()] == []


def test_a_number_beyond_64_bits_is_refused_everywhere() -> None:
    """`WholeNumber` of cli/types does that; click's own would let it through."""
    plain = [p.name for p in CORE if "click.IntRange" in p.read_text() and p.name != "types.py"]
    assert plain == ["options.py"]  # in an example of its docstring


def test_a_class_name_stands_for_one_thing_in_the_core() -> None:
    places: dict[str, list[str]] = {}
    for path in CORE:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def arrows(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of the core that a file imports when it runs."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in for_types or not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        for alias in node.names:
            names = [f"{node.module}.{alias.name}", node.module]
            found |= {next((n for n in names if n in modules), node.module)} & modules.keys()
    return found


def circles(graph: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """The modules that reach themselves, those together that reach each other."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in graph[waiting.pop()] - seen:
                seen.add(name)
                waiting.append(name)
        reached[start] = seen
    return {
        tuple(sorted(other for other in seen if name in reached[other]))
        for name, seen in reached.items()
        if name in seen
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in CORE
    }
    graph = {name: arrows(path, modules) - {name} for name, path in modules.items()}
    found = circles(graph)
    assert found == set()


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set[str](), "e": {"a"}}
    assert circles(graph) == {("a", "b", "c")}
