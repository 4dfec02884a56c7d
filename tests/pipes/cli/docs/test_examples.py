"""Every example in a help text does what it says: it runs, in an empty directory."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import zipfile
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdc_core import installed, registry
from mdc_core.cli.lazy import verb_files
from mdc_core.cli.main import EXAMPLES

ARCHIVE = """
mdc stream sim SPY AAPL --limit 2000 --seed 1 > events.jsonl &&
mdc store --root data < events.jsonl &&
mdc convert -o events.parquet events.jsonl &&
mdc stream alpaca SPY --mock --limit 100 --capture raw/ > live.jsonl
"""


def collected():
    """The examples of mdc, of its verbs and of its plugins."""
    found = [("mdc", example) for example in EXAMPLES]
    for verb, file in verb_files().items():
        module = import_module(f"mdc_core.cli.verbs.{Path(file).stem}")
        found += [(verb, example) for example in getattr(module, "EXAMPLES", ())]
    for ref in registry.find_all():
        if ref.distribution == installed.BUILT_IN:
            module = import_module(ref.module)
            where = f"{ref.verb} {ref.name}"
            found += [(where, example) for example in getattr(module, "EXAMPLES", ())]
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, forked_env):
    """A directory with what the examples read: events.jsonl, data/, raw/, files of other tools."""
    folder = tmp_path_factory.mktemp("examples")
    env = {k: v for k, v in forked_env.items() if not k.startswith("MDC_")}
    env |= {"XDG_CONFIG_HOME": str(folder)}
    done = subprocess.run(
        ["bash", "-c", ARCHIVE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    minutes = folder / "lean-data" / "equity" / "usa" / "minute" / "spy"
    minutes.mkdir(parents=True)
    with zipfile.ZipFile(minutes / "20240102_trade.zip", "w") as packed:
        rows = "34200000,4750000,4760000,4740000,4755000,100\n"
        packed.writestr("20240102_spy_minute_trade.csv", rows)
    (folder / "ticks.csv").write_text("time,symbol,px,size\n2024-01-02T14:30:00Z,SPY,475.25,100\n")
    (folder / "trades.jsonl").write_text(
        '{"symbol":"SPY","size":100,"data":{"T":1704205800000,"p":475.25}}\n'
    )
    lobster = "AAPL_2012-06-21_34200000_57600000_{}_10.csv".format
    (folder / lobster("message")).write_text("34200.004241176,1,16113575,18,2238200,1\n")
    levels = ["2239500,100,2238200,18", "9999999999,0,2231800,100"]
    levels += ["9999999999,0,-9999999999,0"] * 8
    (folder / lobster("orderbook")).write_text(",".join(levels) + "\n")
    table = {"ts": ["2024-01-02T14:30:00Z"], "symbol": ["SPY"], "price": [475.25], "size": [100.0]}
    pq.write_table(pa.table(table), folder / "trades.parquet")
    return folder, env


@pytest.fixture
def shell(prepared, tmp_path):
    """Run a line of shell beside those files; whatever of it is left in the end is ended."""
    held, env = prepared
    folder = shutil.copytree(held, tmp_path / "here", symlinks=True)
    started = []

    def shell(line):
        for made in re.findall(r"-o (\S+)", line):
            (folder / made).unlink(missing_ok=True)
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        _, err = process.communicate()
        return process.returncode, err

    yield shell
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def at_hand(example):
    """The example with a mock server for a vendor, and an end."""
    feed = re.match(r"mdc stream (?!sim )\w+ ", example)
    if not feed or "--mock" in example:
        return example
    return f"{feed[0]}--mock --limit 50 {example[feed.end() :]}"


@pytest.mark.parametrize(("where", "example"), collected(), ids=lambda text: text[:60])
@pytest.mark.some(50)
def test_an_example_runs(where, example, shell):
    status, err = shell(at_hand(example))
    if "there is no simulated market of" in err:  # the options are understood
        return
    # 141: the last command of the pipe, such as head, has seen enough.
    assert status in (0, 141), f"{where}: {example}\n{err}"
    assert "Traceback" not in err
