"""Show the event types and their fields."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mdc_core.cli import offers
from mdc_core.cli.archives import of_archive
from mdc_core.cli.options import Session, group, option
from mdc_core.cli.selection import DRY_RUN, FORCE, JSON, missed, one_of, selecting_symbols
from mdc_core.cli.show import answer, json_text, table
from mdc_core.cli.types import PathType
from mdc_core.disk import must_be_new, writing
from mdc_core.errors import DataError, UsageError
from mdc_core.events import EVENT_TYPES
from mdc_core.pipelines.inputs import archive_at
from mdc_core.schema import allowed_values, data_dictionary, fields_of, json_schema, version_of
from mdc_core.suggest import known, unknown
from mdc_core.texts import counted
from mdc_core.versions import Version, history

if TYPE_CHECKING:
    from mdc_core.archive.catalog.catalog import PartRow
    from mdc_core.archive.catalog.query import Query

GROUP = "setup 1"
EXAMPLES = (
    "mdc schema list",
    "mdc schema show trade",
    "mdc schema show trade --json",
    "mdc schema show trade --json-schema",
    "mdc schema log trade",
    "mdc schema migrate --root data --dry-run",
    "mdc schema export -o schemas",
    "mdc schema doc > dictionary.md",
)


@group()
def command() -> None:
    """The event types."""


@command.command("list")
@JSON
def list_types(as_json: bool) -> None:
    """List the event types with their versions."""
    rows = [(name, version_of(name), str(cls.__doc__)) for name, cls in EVENT_TYPES.items()]
    if as_json:
        keys = ("type", "version", "summary")
        answer([dict(zip(keys, row, strict=True)) for row in rows])
        return
    table(rows, header=False)


@command.command("show")
@click.argument("type_name", metavar="TYPE", shell_complete=offers.every_type)
@JSON
@option("--json-schema", "as_schema", is_flag=True, help="its JSON Schema, for other tools")
def show(type_name: str, as_json: bool, as_schema: bool) -> None:
    """Show the fields of one event type."""
    _check_type(type_name)
    if as_json and as_schema:
        raise UsageError("--json and --json-schema exclude each other")
    if as_schema:
        answer(json_schema(type_name))
        return
    cls = EVENT_TYPES[type_name]
    if as_json:
        answer(_described(type_name))
        return
    click.echo(f"{type_name} {version_of(type_name)}: {cls.__doc__}")
    fields = fields_of(cls)
    width = max(len(name) for name, _, _ in fields)
    for name, kind, text in fields:
        mark = "*" if name in cls.required else " "
        values = allowed_values(cls, name)
        choices = f" ({', '.join(values)})" if values else ""
        click.echo(f"{mark} {name:{width}}  {kind:6}  {text}{choices}")
    click.echo("* must be present")


@command.command("log")
@click.argument("type_name", metavar="TYPE", shell_complete=offers.every_type)
@JSON
def log(type_name: str, as_json: bool) -> None:
    """Show the versions that an event type has had, the newest first.

    Under each version: what is done on reading to an event of an earlier one.
    """
    _check_type(type_name)
    versions = history(type_name)[::-1]
    if as_json:
        answer([_as_object(version) for version in versions])
        return
    for version in versions:
        click.echo(f"{version.number}  {version.date}  {version.summary}")
        for old, changes in version.migrations.items():
            for change in changes:
                click.echo(f"       from {old}: {change}")


def _described(type_name: str) -> dict[str, object]:
    """An event type and its fields as an object."""
    cls = EVENT_TYPES[type_name]
    fields = [
        {
            "name": name,
            "kind": kind,
            "required": name in cls.required,
            "values": list(allowed_values(cls, name) or ()) or None,
            "summary": text,
        }
        for name, kind, text in fields_of(cls)
    ]
    version = version_of(type_name)
    return {"type": type_name, "version": version, "summary": str(cls.__doc__), "fields": fields}


def _as_object(version: Version) -> dict[str, object]:
    return {
        "version": version.number,
        "date": version.date,
        "summary": version.summary,
        "migrations": [
            {"from": old, "changes": [str(change) for change in changes]}
            for old, changes in version.migrations.items()
        ],
    }


def _check_type(type_name: str) -> None:
    if type_name not in EVENT_TYPES:
        raise UsageError(unknown("event type", type_name, EVENT_TYPES), hint=known(EVENT_TYPES))


@command.command("export")
@click.argument("directory", required=False, type=PathType(file_okay=False))
@option("-o", "--output", type=PathType(file_okay=False), help="the directory to write to")
@FORCE
@DRY_RUN
@click.pass_obj
def export(
    session: Session, directory: Path | None, output: Path | None, force: bool, dry_run: bool
) -> None:
    """Write the JSON Schema of every event type to a directory."""
    directory = one_of(directory, output, "DIRECTORY and --output")
    if directory is None:
        raise UsageError("no directory to write to", hint="mdc schema export -o schemas")
    for name in EVENT_TYPES:
        must_be_new(directory / f"{name}.schema.json", force=force)
    for name in EVENT_TYPES:
        file = directory / f"{name}.schema.json"
        if dry_run:
            click.echo(f"would write {file}")
            continue
        with writing(file):
            directory.mkdir(parents=True, exist_ok=True)
            file.write_text(json_text(json_schema(name)) + "\n", encoding="utf-8")
    if not dry_run:
        session.log.note(f"{len(EVENT_TYPES)} schemas in {directory}")


@command.command("migrate")
@of_archive
@selecting_symbols
@DRY_RUN
@JSON
@click.pass_obj
def migrate(
    session: Session,
    root: Path | str,
    query: "Query",
    dry_run: bool,
    as_json: bool,
) -> int:
    """Rewrite the parts of an archive that have older schema versions.

    They can be read as they are; rewritten, they are read faster, and by other programs with
    the columns of today. Each part is verified before it takes the place of the old one.
    """
    place = archive_at(root, "schema migrate")
    absent = missed(session, place, query, answers=as_json)
    find = _outdated if dry_run else _migrated
    done, problems = find(session, place, query)
    verb = "would migrate" if dry_run else "migrated"
    if as_json:
        answer([_migration(part) for part in done])
    for part in [] if as_json else done:
        said = _migration(part)
        click.echo(
            f"{verb} {part.path}: {part.type_name} {part.version} to {said['current']}, "
            f"{counted(part.rows, 'event')}"
        )
    for problem in problems:
        session.log.warning(problem)
    session.log.note(f"{verb} {counted(len(done), 'file')}")
    return DataError.exit_status if problems else absent


def _migration(part: "PartRow") -> dict[str, object]:
    return {
        "path": part.path,
        "type": part.type_name,
        "version": part.version,
        "current": version_of(part.type_name),
        "events": part.rows,
    }


def _outdated(
    session: Session, root: Path | str, query: "Query"
) -> "tuple[list[PartRow], list[str]]":
    """The parts that have older versions."""
    from mdc_core.archive.read.snapshot import snapshot
    from mdc_core.archive.upkeep.migration import outdated

    return outdated(snapshot(root, query).parts)


def _migrated(
    session: Session, root: Path | str, query: "Query"
) -> "tuple[list[PartRow], list[str]]":
    """The parts that had older versions; why others still have."""
    from mdc_core.archive.upkeep.migration import migrate, outdated
    from mdc_core.archive.upkeep.tiering import read_tiers
    from mdc_core.archive.write.archive import Archive
    from mdc_core.archive.write.replace import rewriting
    from mdc_core.pipelines.progress import Progress
    from mdc_core.pipelines.stages.store import prepared

    place = Archive.open(root)
    prepared(session, place)
    profiles = read_tiers(session.config, place).profiles
    with rewriting(place) as catalog:
        found, problems = outdated(catalog.parts(query))
        with Progress(session, "schema migrate", writes=False) as bar:
            bar.expect(sum(part.rows for part in found))
            migrated = migrate(place, catalog, found, profiles, bar.add)
    return migrated.done, [*problems, *migrated.problems]


@command.command("doc")
def doc() -> None:
    """Print the data dictionary as Markdown."""
    click.echo(data_dictionary())
