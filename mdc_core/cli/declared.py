"""A plugin's options as its source declares them: for TAB, which imports no plugin."""

import ast
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import click

from mdc_core import installed, registry


def declared_options(ref: installed.PluginRef, prefix: str) -> list[click.Option]:
    """The options of a plugin by name, with the choices of a Literal; none if unreadable."""
    fields: dict[str, ast.AnnAssign] = {}
    for node in reversed(_options_classes(ref)):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                fields[field.target.id] = field
    return [_option(field, prefix) for field in fields.values()]


ASKED = ("sandbox", "simulated")  # the attributes that verbs ask for


class Outline(NamedTuple):
    """What a plugin is, as far as a verb must know that before it is imported."""

    contracts: frozenset[str]  # the names of the classes that it is made of
    has: frozenset[str]  # attributes that it sets to something


def outline_of(plugin: Any) -> Outline:
    """That of a plugin's class."""
    contracts = frozenset(kind.__name__ for kind in plugin.__mro__)
    return Outline(contracts, frozenset(n for n in ASKED if getattr(plugin, n, None)))


def outline(ref: installed.PluginRef) -> Outline | None:
    """That of a plugin that is not imported, as its source says; None if unreadable."""
    found = _class(ref.module, ref.attribute)
    return _outline(*found) if found else None


def _outline(module: str, node: ast.ClassDef) -> Outline:
    contracts, has = {node.name}, set[str]()
    for base in node.bases:
        name = getattr(base, "attr", getattr(base, "id", ""))
        above = _class(module, name) if isinstance(base, ast.Name) and name != node.name else None
        more = _outline(*above) if above else Outline(frozenset([name]), frozenset())
        contracts |= more.contracts
        has |= more.has
    for line in node.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                has = has | {name} if _is_something(value) else has - {name}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                has = has | {name} if _is_something(value) else has - {name}
    return Outline(frozenset(contracts), frozenset(has))


def _is_something(value: ast.expr) -> bool:
    return not isinstance(value, ast.Constant) or bool(value.value)


def declared_channels(ref: installed.PluginRef) -> list[str]:
    """The channels that the source of a provider names; those of the contract if it names none."""
    found = _class(ref.module, ref.attribute)
    return (found and _words(*found, "channels")) or ["trade", "quote"]


def _words(module: str, node: ast.ClassDef, name: str) -> list[str]:
    """The texts that a class, or one that it inherits from, assigns to a name."""
    for line in node.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return _texts(value)
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value):
                if found == name:
                    return _texts(value)
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id != node.name:
            above = _class(module, base.id)
            if above and (words := _words(*above, name)):
                return words
    return []


def _texts(value: ast.expr) -> list[str]:
    parts = (part.value for part in ast.walk(value) if isinstance(part, ast.Constant))
    return [part for part in parts if isinstance(part, str)]


def _options_classes(ref: installed.PluginRef) -> list[ast.ClassDef]:
    """The class that is a plugin's `Options`, and those that it inherits from."""
    found = _class(ref.module, ref.attribute)
    if found is None:
        return []
    module, plugin = found
    for node in plugin.body:
        match node:
            case ast.ClassDef(name="Options"):
                return _with_bases(module, node)
            case ast.Assign(targets=[ast.Name(id="Options")], value=ast.Name(id=name)):
                named = _class(module, name)
                return _with_bases(*named) if named else []
    return []


def _with_bases(module: str, node: ast.ClassDef) -> list[ast.ClassDef]:
    found = [node]
    for base in node.bases:
        # Options of mdc's own has no fields, and the nested class may have its name.
        if isinstance(base, ast.Name) and base.id != node.name:
            above = _class(module, base.id)
            found += _with_bases(*above) if above else []
    return found


def _class(module: str, name: str, depth: int = 4) -> tuple[str, ast.ClassDef] | None:
    """A class of a module, or where it is imported from, with the module that has it."""
    tree = _tree(module) if depth and not module.startswith("mdc_core") else None
    for node in tree.body if tree else ():
        match node:
            case ast.ClassDef(name=found) if found == name:
                return module, node
            case ast.ImportFrom(module=str(source), level=level, names=names):
                for alias in names:
                    if (alias.asname or alias.name) == name:
                        above = module.rsplit(".", level)[0] + "." if level else ""
                        return _class(above + source, alias.name, depth - 1)
    return None


def _tree(module: str) -> ast.Module | None:
    file = registry.module_file(module)
    if file is None:
        return None
    try:
        return _parsed(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None


@lru_cache(64)
def _parsed(text: str) -> ast.Module:
    """What a source says: it is asked for by each option of a command."""
    return ast.parse(text)


def _option(field: ast.AnnAssign, prefix: str) -> click.Option:
    assert isinstance(field.target, ast.Name)
    flag = f"{prefix}{field.target.id}".replace("_", "-")
    names = {node.id for node in ast.walk(field.annotation) if isinstance(node, ast.Name)}
    switch = f"--{flag}/--no-{flag}" if "bool" in names else f"--{flag}"
    choices = _literals(field.annotation)
    kind = click.Choice(choices) if choices else None
    return click.Option([switch], type=kind, expose_value=False, help=_text(field.annotation))


def _literals(annotation: ast.expr) -> list[str]:
    """The strings of a Literal."""
    for node in ast.walk(annotation):
        match node:
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inside):
                return _texts(inside)
    return []


def _text(annotation: ast.expr) -> str | None:
    """The description in a Meta."""
    for node in ast.walk(annotation):
        match node:
            case ast.keyword(arg="description", value=ast.Constant(value=str(text))):
                return text
    return None
