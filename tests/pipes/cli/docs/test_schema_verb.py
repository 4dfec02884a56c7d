"""`mdc schema`: the vocabulary, for people, for programs, and for an archive that is older."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mdc_core.events import EVENT_TYPES
from mdc_core.schema import allowed_values, fields_of, json_schema, version_of
from mdc_core.versions import history
from tests.conftest import Shell


def test_the_list_and_its_json_are_the_vocabulary(shell: Shell) -> None:
    rows = json.loads(shell("mdc schema list --json").out)
    assert [row["type"] for row in rows] == list(EVENT_TYPES)
    assert {row["type"]: row["version"] for row in rows} == {n: version_of(n) for n in EVENT_TYPES}
    lines = shell("mdc schema list").out.splitlines()
    assert [line.split(maxsplit=2) for line in lines] == [list(row.values()) for row in rows]
    starts = {line.index(row["version"]) for line, row in zip(lines, rows, strict=True)}
    assert len(starts) == 1  # a column


def test_every_type_is_shown_with_its_fields(shell: Shell) -> None:
    names = " ".join(EVENT_TYPES)
    done = shell(f"for name in {names}; do mdc schema show $name; echo; done")
    assert done.status == 0, done.err
    for text, (name, cls) in zip(done.out.split("\n\n"), EVENT_TYPES.items(), strict=False):
        head, *fields, last = text.splitlines()
        assert head == f"{name} {version_of(name)}: {cls.__doc__}"
        assert last == "* must be present"
        wanted = fields_of(cls)
        assert [line[2:].split()[0] for line in fields] == [field for field, _, _ in wanted]
        assert [line[2:].split()[1] for line in fields] == [kind for _, kind, _ in wanted]
        marked = {line[2:].split()[0] for line in fields if line.startswith("* ")}
        assert marked == set(cls.required)
        for line, (field, _, description) in zip(fields, wanted, strict=True):
            values = allowed_values(cls, field)
            assert line.endswith(f"{description} ({', '.join(values)})" if values else description)


def test_json_schemas_are_files_as_well(shell: Shell, tmp_path: Path) -> None:
    done = shell("mdc schema export a/b --dry-run")
    assert not (tmp_path / "a").exists()
    wanted = [f"would write a/b/{name}.schema.json" for name in EVENT_TYPES]
    assert done.out.splitlines() == wanted
    done = shell("mdc schema export a/b")
    assert (done.out, done.err) == ("", f"mdc schema export: {len(EVENT_TYPES)} schemas in a/b\n")
    for name in EVENT_TYPES:
        text = (tmp_path / "a" / "b" / f"{name}.schema.json").read_text()
        assert json.loads(text) == json_schema(name)
        assert json.loads(text)["properties"]["type"]["enum"] == [name]


def test_the_log_of_a_type_is_its_history(shell: Shell) -> None:
    for name in ("trade", "gap", "integrity"):
        versions = history(name)
        told = json.loads(shell(f"mdc schema log {name} --json").out)
        assert [one["version"] for one in told] == [v.number for v in reversed(versions)]
        assert told[0]["version"] == version_of(name)
        lines = shell(f"mdc schema log {name}").out.splitlines()
        heads = [line for line in lines if not line.startswith(" ")]
        assert heads == [f"{v.number}  {v.date}  {v.summary}" for v in reversed(versions)]
        changes = [change for one in told for old in one["migrations"] for change in old["changes"]]
        assert sum(line.startswith(" ") for line in lines) == len(changes)


@pytest.mark.parametrize("verb", ["show", "log"])
def test_a_type_that_there_is_not(verb: str, shell: Shell) -> None:
    done = shell(f"mdc schema {verb} quotes")
    assert (done.status, done.out) == (2, "")
    first, hint = done.err.splitlines()
    assert first == f"mdc schema {verb}: no such event type: 'quotes'; did you mean quote?"
    assert hint.startswith("hint: known: ") and "heartbeat" in hint


def test_the_dictionary_names_every_field(shell: Shell) -> None:
    text = shell("mdc schema doc").out
    for name, cls in EVENT_TYPES.items():
        _, _, section = text.partition(f"## {name} ({version_of(name)})")
        section = section.partition("\n## ")[0]
        assert section, name
        for field, _, _ in fields_of(cls):
            assert f"`{field}`" in section or f"`{field}`" in text.partition("\n## ")[0]


def test_an_archive_that_is_up_to_date_is_left_alone(shell: Shell, tmp_path: Path) -> None:
    assert shell("mdc stream sim SPY --limit 20 | mdc store").status == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("data/SPY/**/*.parquet")}
    for line in ("mdc schema migrate --root data --dry-run", "mdc schema migrate --root data"):
        done = shell(line)
        assert (done.status, done.out) == (0, ""), done.err
    assert json.loads(shell("mdc schema migrate --root data --json").out) == []
    assert {p: p.read_bytes() for p in tmp_path.rglob("data/SPY/**/*.parquet")} == before


def test_a_part_of_a_later_version_is_told(shell: Shell, tmp_path: Path) -> None:
    """It is not entered, and stays as it is; the others are."""
    assert shell("mdc stream sim SPY --limit 20 | mdc store").status == 0
    (path,) = tmp_path.glob("data/SPY/trade/*.parquet")
    table = pq.read_table(path)
    versions = {b"mdc.versions": b'{"trade":"9.0.0"}'}
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, **versions}), path)
    data = path.read_bytes()
    name = str(path.relative_to(tmp_path / "data"))
    done = shell("mdc catalog rebuild")
    assert done.status == 1
    assert name in done.out and "9.0.0" in done.out
    assert path.read_bytes() == data
    read = shell("mdc cat --root data")
    assert read.events and {event["type"] for event in read.events} == {"quote"}
    assert shell("mdc schema migrate --root data --json").out == "[]\n"
    file = shell(f"mdc cat data/{name} > /dev/null")
    assert (file.status, "9.0.0" in file.err) == (65, True)
