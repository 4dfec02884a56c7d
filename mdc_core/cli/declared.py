"""A plugin's options as its source declares them: for TAB, which imports no plugin."""

import ast
from pathlib import Path

import click

from mdc_core import registry


def declared_options(ref: registry.PluginRef, prefix: str) -> list[click.Option]:
    """The options of a plugin by name, with the choices of a Literal; none if unreadable."""
    fields = _options_class(ref)
    if fields is None:
        return []
    return [
        _option(field, prefix)
        for field in fields.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


def _options_class(ref: registry.PluginRef) -> ast.ClassDef | None:
    """The class that `Options` is in the plugin's class: nested, or named by it."""
    file = registry.source_file(ref)
    if file is None:
        return None
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    plugin = classes.get(ref.attribute)
    for node in plugin.body if plugin else ():
        match node:
            case ast.ClassDef(name="Options"):
                return node
            case ast.Assign(targets=[ast.Name(id="Options")], value=ast.Name(id=name)):
                return classes.get(name)
    return None


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
                return [
                    part.value
                    for part in ast.walk(inside)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
    return []


def _text(annotation: ast.expr) -> str | None:
    """The description in a Meta."""
    for node in ast.walk(annotation):
        match node:
            case ast.keyword(arg="description", value=ast.Constant(value=str(text))):
                return text
    return None
