"""A new package for a plugin: a kind's part of an example package, under another name.

The examples are `examples/mdc-acme` and, for a venue, the whole of `examples/mdc-zephyr`; in an
installed mdc they lie beside this file, in a folder of the same name.
"""

import re
import tomllib
from pathlib import Path

from mdc_core.disk import must_be_new, refused
from mdc_core.errors import UsageError

KINDS = {
    "stream": "mdc.stream",
    "venue": "mdc.stream",
    "history": "mdc.backfill",
    "check": "mdc.validate",
    "filter": "mdc.filter",
    "format": "mdc.store",
    "importer": "mdc.import",
    "exporter": "mdc.export",
    "sink": "mdc.publish",
    "hook": "mdc.hooks",
}
FOLDERS = {"importer": "import", "exporter": "export"}  # of the tests, where it is not the kind
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WHOLE = {"venue": "zephyr"}  # kinds for which all of an example is the template
TRANSPORTS = {"ws": "stream", "tcp": "lines"}  # its halves: a module, and a folder of tests

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "mdc-{name}"
version = "0.1.0"
description = "{title} for mdc."
requires-python = ">=3.11"
dependencies = ["market-data-collector>=0.1,<0.2"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

{entries}
[tool.hatch.build.targets.wheel]
packages = ["src/{package}"]

[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
pythonpath = ["src"]
testpaths = ["tests"]
"""


class Example:
    """The part of an example package that a kind of plugin needs.

    Of a venue it is all, or the half of one transport.
    """

    def __init__(self, kind: str, transport: str | None = None) -> None:
        self.transport = transport
        self.vendor = _WHOLE.get(kind, "acme")
        self.root = _example(self.vendor)
        self.code = self.root / "src" / f"mdc_{self.vendor}"
        self.tests = self.root / "tests"
        settings = tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))
        self._entries: dict[str, dict[str, str]] = settings["project"]["entry-points"]
        modules = [_module(target) for target in self._entries[KINDS[kind]].values()]
        if kind not in _WHOLE:
            self.tests /= FOLDERS.get(kind, kind)
            modules = modules[:1]
        elif transport is not None:
            self.tests /= TRANSPORTS[transport]
            modules = [TRANSPORTS[transport]]
        self.modules = self._modules(modules)

    def entries(self) -> list[tuple[str, str, str]]:
        """The entry points of the files there are: group, name, target."""
        return [
            (group, name, target)
            for group, entries in self._entries.items()
            for name, target in entries.items()
            if _module(target) in self.modules
        ]

    def _modules(self, found: list[str]) -> list[str]:
        """The plugins' modules, and those of the package that they or their tests import."""
        own = re.compile(rf"from mdc_{self.vendor}\.(\w+) import")
        files = [path.read_text("utf-8") for path in self.tests.rglob("*.py")]
        for name in found:
            files.append((self.code / f"{name}.py").read_text("utf-8"))
            for text in files:
                found += [n for n in dict.fromkeys(own.findall(text)) if n not in found]
            files.clear()
        return found


def new_package(
    kind: str,
    name: str,
    folder: Path,
    *,
    transport: str | None = None,
    dry_run: bool = False,
) -> list[Path]:
    """Write the package of a plugin below a folder that is not there yet; returns its files."""
    if transport is not None and kind not in _WHOLE:
        raise UsageError(f"--transport chooses a half of a venue, not of a {kind}")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a name", hint="small letters, digits and '-'")
    must_be_new(folder, hint="another NAME, or --into DIRECTORY")
    example = Example(kind, transport)
    files = _files(example, name)
    try:
        for path, data in files.items() if not dry_run else ():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    except OSError as error:
        raise refused(folder, error) from None
    return [folder / path for path in files]


def _files(example: Example, name: str) -> dict[str, bytes]:
    package = f"mdc_{name.replace('-', '_')}"
    head = f'"""{_titled(name)} for mdc."""\n'
    files = {
        "pyproject.toml": _pyproject(example, name, package).encode(),
        f"src/{package}/__init__.py": head.encode(),
    }
    for module in example.modules:
        text = (example.code / f"{module}.py").read_text("utf-8")
        files[f"src/{package}/{module}.py"] = _renamed(example, name, text).encode()
    for path in sorted(example.tests.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            place = f"tests/{path.relative_to(example.tests).as_posix()}"
            place = place.replace(example.vendor, name.replace("-", "_"))
            files[place] = _renamed(example, name, path.read_text("utf-8")).encode()
    return files


def _pyproject(example: Example, name: str, package: str) -> str:
    lines = [
        f'[project.entry-points."{group}"]\n'
        + "".join(
            f'{_renamed(example, name, entry)} = "{_renamed(example, name, target)}"\n'
            for of, entry, target in example.entries()
            if of == group
        )
        for group in dict.fromkeys(group for group, *_ in example.entries())
    ]
    entries = "\n".join(lines)
    return PYPROJECT.format(name=name, title=_titled(name), package=package, entries=entries)


def _renamed(example: Example, name: str, text: str) -> str:
    """The example's text with the new name in the place of its vendor's."""
    under, vendor = name.replace("-", "_"), example.vendor
    if example.transport is not None:  # the only one has the name of the package
        text = text.replace(f"{vendor}-{TRANSPORTS[example.transport]}", name)
    text = text.replace(f"mdc_{vendor}", f"mdc_{under}").replace(f"mdc-{vendor}", f"mdc-{name}")
    if vendor not in _WHOLE.values():
        for _, entry, _ in example.entries():
            text = re.sub(rf"\b{entry}\b", name, text)
    text = text.replace(vendor.upper(), under.upper()).replace(vendor.title(), _titled(name))
    return text.replace(vendor, name)


def _titled(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _module(target: str) -> str:
    return target.partition(":")[0].rpartition(".")[2]


def _example(vendor: str) -> Path:
    below = Path("examples") / f"mdc-{vendor}"
    installed, in_checkout = (folder / below for folder in Path(__file__).parents[:2])
    return installed if installed.is_dir() else in_checkout
