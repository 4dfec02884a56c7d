"""Show where a file comes from: the commands that made it, from the source on.

Read from the metadata of a stored part, or from the begin events of a stream; with the
schema versions and the SHA-256 of the file. For a part of an archive the catalog adds what
made the file, when, from which files with which hashes, and whether it is still the same.
A file that cannot be read, or is not what the catalog knows, has status 65."""

from pathlib import Path
from typing import Any

import click

from mdc_core.cli.options import ROOT_TYPE, Session, option
from mdc_core.cli.options import command as make
from mdc_core.cli.selection import JSON, PATH
from mdc_core.cli.show import answer, facts, local, section, shown, zone_shown
from mdc_core.errors import DataError
from mdc_core.pipelines.inputs import as_file

GROUP = "check 4"
EXAMPLES = (
    "mdc lineage events.jsonl",
    "mdc head -n 5 events.jsonl > first.jsonl && mdc lineage --json first.jsonl",
)


@make()
@click.argument("path", type=PATH, metavar="FILE")
@option("--root", type=ROOT_TYPE, help="its archive, where that is not above it")
@JSON
@click.pass_obj
def command(session: Session, path: Path, root: Path | str | None, as_json: bool) -> int:
    """Show where a file comes from."""
    from mdc_core.archive.read.describe import describe
    from mdc_core.archive.read.lineage import lineage

    with as_file(path) as file:
        found = describe(file, name="<stdin>" if file != path else "")
        said = lineage(found, root)
    if as_json:
        answer(said, exact=True)
    else:
        click.echo("\n".join(_text(said)))
    for problem in found.problems:
        session.log.error(shown(problem))
    stored = said["stored"]
    changed = stored is not None and not stored["unchanged"]
    if changed:
        session.log.error(f"{shown(path)} is not the file that the catalog knows")
    return 0 if found.whole and not changed else DataError.exit_status


def _text(said: dict[str, Any]) -> list[str]:
    lines = facts(
        [
            ("file", said["path"]),
            ("bytes", f"{said['bytes']:,}"),
            ("sha256", said["sha256"]),
            ("times in", zone_shown()),
            ("lineage", None if said["runs"] else "none: the file does not say"),
        ]
    )
    lines += _stored(said["stored"]) if said["stored"] else []
    versions = sorted(said["versions"].items())
    lines += section("schemas", [(name, ", ".join(known)) for name, known in versions])
    for run in said["runs"]:
        lines += section(f"run {shown(run['run_id'])}", [_stage(stage) for stage in run["stages"]])
    return lines


def _stored(stored: dict[str, Any]) -> list[str]:
    made = f"{stored['made_by']} at {local(stored['made_at'])}"
    inputs = [(made_from["path"], made_from["sha256"]) for made_from in stored["inputs"]]
    return [
        *facts([("made by", made), ("segment", stored["segment"]), ("tier", stored["tier"])]),
        *section("made from", inputs),
    ]


def _stage(stage: dict[str, Any]) -> tuple[object, ...]:
    from mdc_core.wire.lines.values import encode_json

    request = encode_json(stage["request"] or {}).decode()
    said = (local(stage["ts_recv"]), stage["stage"], stage["provider"])
    version = f"mdc {stage['mdc']}" if stage["mdc"] else None
    return (*("-" if text is None else text for text in (*said, version)), request)
