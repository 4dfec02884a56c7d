"""`mdc lineage`: the commands that made a file, and its hash."""

import hashlib
import json

SIM = "mdc stream sim SPY --limit 50 --seed 1"


def lineage(shell, path, status=0):
    done = shell(f"mdc lineage --json {path}")
    assert done.status == status, done.err
    return json.loads(done.out)


def test_the_stages_of_a_stream_from_the_source_on(shell, tmp_path):
    shell(f"{SIM} | mdc validate | mdc head -n 7 > x.jsonl")
    said = lineage(shell, "x.jsonl")
    assert said["sha256"] == hashlib.sha256((tmp_path / "x.jsonl").read_bytes()).hexdigest()
    (run,) = said["runs"]
    assert [stage["stage"] for stage in run["stages"]] == ["stream", "validate", "head"]
    assert {stage["run_id"] for stage in run["stages"]} == {run["run_id"]}
    assert {stage["provider"] for stage in run["stages"]} == {"sim"}
    assert run["stages"][0]["request"]["symbols"] == ["SPY"]
    assert run["stages"][2]["request"]["lines"] == 7
    times = [stage["ts_recv"] for stage in run["stages"]]
    assert len(times) == 3
    assert all(len(time) == 30 for time in times)
    assert set(said["versions"]) <= {"trade", "quote"}
    assert set(run["stages"][0]) == {
        "stage",
        "provider",
        "request",
        "ts_recv",
        "mdc",
        "run_id",
    }


def test_a_stored_part_and_a_stream_of_arrow(shell):
    shell(f"{SIM} | mdc head -n 40 > x && mdc store --root data < x && mv data/SPY/trade/* part")
    expected = lineage(shell, "x")
    part = lineage(shell, "part --root data")
    assert part["runs"] == expected["runs"]
    assert part["versions"] == {"trade": ["1.0.0"]}
    shell("mdc convert x --format arrow > y")
    (run,) = lineage(shell, "y")["runs"]
    assert run["stages"][:-1] == expected["runs"][0]["stages"]
    assert run["stages"][-1]["stage"] == "convert"


def test_runs_one_behind_another(shell):
    shell(f"({SIM}; {SIM}) > x")
    first, second = lineage(shell, "x")["runs"]
    assert first["run_id"] != second["run_id"]
    assert [len(run["stages"]) for run in (first, second)] == [1, 1]


def test_text_for_people(shell, tmp_path):
    shell(f"{SIM} | mdc head -n 7 > x")
    lines = shell("mdc lineage x").out.splitlines()
    digest = hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()
    assert lines[0] == "file         x"
    assert f"sha256       {digest}" in lines
    run = next(number for number, line in enumerate(lines) if line.startswith("run "))
    assert [line.split()[1:3] for line in lines[run + 1 :]] == [
        ["stream", "sim"],
        ["head", "sim"],
    ]
    assert '{"lines":7,' in lines[-1]


def test_a_file_without_lineage(shell, tmp_path):
    (tmp_path / "x").write_text('{"type":"heartbeat"}\n')
    said = lineage(shell, "x")
    assert (said["runs"], said["versions"]) == ([], {"heartbeat": ["1.1.0"]})
    done = shell("mdc lineage x")
    assert "lineage      none: the file does not say" in done.out.splitlines()
    assert said["sha256"] in done.out


def test_what_cannot_be_read(shell, tmp_path):
    (tmp_path / "x").write_bytes(b"\x89PNG\r\n\x1a\n")
    said = lineage(shell, "x", status=65)
    assert said["whole"] is False
    assert len(said["sha256"]) == 64
    done = shell("mdc lineage nowhere")
    assert (done.status, done.out) == (65, "")
    assert "no such file or directory: nowhere" in done.err
    assert shell("mdc lineage .").status == 2


def test_a_converted_parquet_file_keeps_its_lineage(shell):
    shell("mdc stream sim SPY --limit 5 | mdc validate | mdc convert -o x.parquet")
    (run,) = json.loads(shell("mdc lineage x.parquet --json").out)["runs"]
    assert [stage["stage"] for stage in run["stages"]] == ["stream", "validate"]
    assert run["stages"][0]["request"]["symbols"] == ["SPY"]


def test_what_the_catalog_knows_of_a_part(shell, tmp_path):
    """What made it, from which files with which hashes, and whether it is still the same."""
    for seed in (1, 2):
        line = f"mdc stream sim SPY --type trade --limit 50 --seed {seed} | mdc store"
        assert shell(f"{line} --format jsonl").status == 0
    old = sorted((tmp_path / "data" / "SPY" / "trade").iterdir())
    said = json.loads(shell(f"mdc lineage --json {old[0]}").out)
    assert [stage["stage"] for stage in said["runs"][0]["stages"]] == ["stream"]
    assert said["stored"]["made_by"] == "store" and said["stored"]["inputs"] == []
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in old}
    assert shell("mdc compact").status == 0
    new = "data/SPY/trade/2024-01-02.jsonl"
    said = json.loads(shell(f"mdc lineage --json {new}").out)
    assert {i["path"].rpartition("/")[2]: i["sha256"] for i in said["stored"]["inputs"]} == hashes
    facts = {name: said["stored"][name] for name in ("symbol", "type", "events", "tier", "made_by")}
    assert facts == {
        "symbol": "SPY",
        "type": "trade",
        "events": 100,
        "tier": "hot",
        "made_by": "compact",
    }
    assert said["stored"]["unchanged"] is True and len(said["runs"]) == 2
    text = shell(f"mdc lineage {new}").out
    assert "made by      compact at " in text and all(h in text for h in hashes.values())
    with (tmp_path / new).open("ab") as file:
        file.write(b'{"type":"trade","symbol":"SPY"}\n')
    changed = shell(f"mdc lineage --json {new}")
    assert changed.status == 65
    assert "is not the file that the catalog knows" in changed.err
    assert json.loads(changed.out)["stored"]["unchanged"] is False
