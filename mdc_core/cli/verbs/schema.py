"""Show the event types and their fields."""

from pathlib import Path

import click

from mdc_core.cli.options import Session, group
from mdc_core.errors import UsageError, WriteError
from mdc_core.events import EVENT_TYPES
from mdc_core.schema import allowed_values, data_dictionary, fields_of, json_schema, version_of
from mdc_core.suggest import known, unknown

EXAMPLES = (
    "mdc schema list",
    "mdc schema show trade",
    "mdc schema show trade --json-schema",
    "mdc schema export schemas",
    "mdc schema doc > dictionary.md",
)


@group()
def command() -> None:
    """The event types."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON array")
def list_types(as_json: bool) -> None:
    """List the event types with their versions."""
    rows = [(name, version_of(name), str(cls.__doc__)) for name, cls in EVENT_TYPES.items()]
    if as_json:
        keys = ("type", "version", "summary")
        click.echo(_json([dict(zip(keys, row, strict=True)) for row in rows]))
        return
    width = max(len(name) for name in EVENT_TYPES)
    for name, version, doc in rows:
        click.echo(f"{name:{width}}  {version}  {doc}")


@command.command("show")
@click.argument("type_name", metavar="TYPE")
@click.option("--json-schema", "as_schema", is_flag=True, help="its JSON Schema")
def show(type_name: str, as_schema: bool) -> None:
    """Show the fields of one event type."""
    if type_name not in EVENT_TYPES:
        raise UsageError(unknown("event type", type_name, EVENT_TYPES), hint=known(EVENT_TYPES))
    if as_schema:
        click.echo(_json(json_schema(type_name)))
        return
    cls = EVENT_TYPES[type_name]
    click.echo(f"{type_name} {version_of(type_name)}: {cls.__doc__}")
    fields = fields_of(cls)
    width = max(len(name) for name, _, _ in fields)
    for name, kind, text in fields:
        mark = "*" if name in cls.required else " "
        values = allowed_values(cls, name)
        choices = f" ({', '.join(values)})" if values else ""
        click.echo(f"{mark} {name:{width}}  {kind:6}  {text}{choices}")
    click.echo("* must be present")


@command.command("export")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dry-run", is_flag=True, help="say what would be written")
@click.pass_obj
def export(session: Session, directory: Path, dry_run: bool) -> None:
    """Write the JSON Schema of every event type to a directory."""
    for name in EVENT_TYPES:
        file = directory / f"{name}.schema.json"
        if dry_run:
            click.echo(f"would write {file}")
            continue
        try:
            directory.mkdir(parents=True, exist_ok=True)
            file.write_text(_json(json_schema(name)) + "\n", encoding="utf-8")
        except OSError as error:
            raise WriteError(f"cannot write {file}: {error.strerror}") from None
    if not dry_run:
        session.log.note(f"{len(EVENT_TYPES)} schemas in {directory}")


@command.command("doc")
def doc() -> None:
    """Print the data dictionary as Markdown."""
    click.echo(data_dictionary())


def _json(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)
