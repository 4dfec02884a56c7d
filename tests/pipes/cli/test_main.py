"""The real `mdc`: what it says, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import says_nothing


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("plugns",), "no such command: 'plugns'; did you mean plugins or plugin?"),
        (("stream", "acne"), "no such provider to stream: 'acne'; did you mean acme?"),
        (("stream",), "the name of a provider is missing"),
        (
            ("stream", "acme", "--feeed", "x"),
            "no such option: --feeed; did you mean --feed?",
        ),
        (("schema", "shw"), "no such command: 'shw'; did you mean show?"),
        (("schema", "show", "trde"), "no such event type: 'trde'; did you mean trade?"),
        (("completion", "tcsh"), "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (("--log-format", "xml", "plugins"), "'xml' is not one of 'text', 'json'"),
    ],
)
def test_wrong_usage_is_told_in_one_line_and_is_2(mdc, acme, args, message):
    done = mdc(*args, path=acme)
    first = done.stderr.splitlines()[0]
    assert done.returncode == 2 and says_nothing(done.stdout)
    verb = " ".join(args[:2]) if args[:2] == ("schema", "show") else args[0]
    who = "mdc" if verb in ("plugns", "--log-format") else f"mdc {verb}"
    assert first.startswith(f"{who}: ") and message in first


def test_no_command_shows_the_help_on_stderr(mdc):
    done = mdc()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: mdc")


def test_a_broken_plugin_breaks_its_own_command_only(mdc, acme):
    broken = mdc("stream", "broken", "SPY", path=acme)
    assert broken.returncode == 78
    assert "plugin stream:broken (mdc-acme 1.2) cannot be loaded: SystemExit" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert mdc("stream", "--help", path=acme).returncode == 0
    assert mdc("stream", "acme", "--help", path=acme).returncode == 0
    assert mdc("plugins", path=acme).returncode == 0


def test_plugins_are_listed(mdc, acme):
    rows = json.loads(mdc("plugins", "--json", path=acme).stdout)
    assert {
        "verb": "stream",
        "name": "acme",
        "distribution": "mdc-acme",
        "version": "1.2",
        "module": "acme_feed:Acme",
        "summary": "Acme's feed, for tests.",
        "problem": "",
        "status": "",
    } in rows
    lines = mdc("plugins", path=acme).stdout.splitlines()
    assert lines[0].split() == ["VERB", "NAME", "FROM", "STATUS", "SUMMARY"]
    assert any(line.split()[:4] == ["stream", "acme", "mdc-acme", "1.2"] for line in lines)


def test_plugins_check_names_every_broken_one(mdc, acme):
    done = mdc("plugins", "--load", path=acme)
    assert done.returncode == 78
    for name in ("stream:broken", "stream:extra", "stream:gone", "stream:notone"):
        assert f"plugin {name} (mdc-acme 1.2)" in done.stderr
    broken = [line.split() for line in done.stdout.splitlines() if " broken" in line]
    assert {(line[0], line[1]) for line in broken if line[2] == "mdc-acme"} == {
        ("stream", "broken"),
        ("stream", "extra"),
        ("stream", "gone"),
        ("stream", "notone"),
        ("validate", "ruined"),
    }
    assert any(
        line.split()[:2] == ["stream", "acme"] and " ok " in line
        for line in done.stdout.splitlines()
    )


def test_our_own_plugins_all_load(mdc):
    done = mdc("plugins", "--load")
    assert (done.returncode, done.stderr) == (0, "")


def test_third_party_plugins_can_be_left_out(mdc, acme):
    assert " acme " not in mdc("--no-plugins", "plugins", path=acme).stdout
    assert "thin" not in mdc("--no-plugins", "--help", path=acme).stdout
    assert " acme " not in mdc("plugins", path=acme, MDC_LOAD_PLUGINS="").stdout
    assert " acme " in mdc("plugins", path=acme, MDC_LOAD_PLUGINS="mdc-acme").stdout


def test_a_filter_is_a_command(mdc, acme):
    lines = [
        f'{{"type":"trade","symbol":"A","ts_event":"2024-01-02T14:30:0{n}.000000000Z",'
        f'"price":1,"size":{n}}}\n'
        for n in range(4)
    ]
    done = mdc("thin", path=acme, stdin="".join(lines))
    assert done.returncode == 0, done.stderr
    sizes = [e["size"] for e in map(json.loads, done.stdout.splitlines()) if e["type"] == "trade"]
    assert sizes == [0, 2]
    assert "mdc thin: 4 in = 2 out + 0 rejected + 2 dropped\n" in done.stderr
    more = mdc("thin", "--every", "3", path=acme, stdin="".join(lines))
    sizes = [e["size"] for e in map(json.loads, more.stdout.splitlines()) if e["type"] == "trade"]
    assert sizes == [0, 3]


def test_messages_as_json_lines(mdc):
    for done in (
        mdc("--log-format", "json", "stream", "nobody"),
        mdc("stream", "nobody", MDC_LOG_FORMAT="json"),
    ):
        record = json.loads(done.stderr.splitlines()[0])
        assert list(record) == [
            "ts",
            "level",
            "stage",
            "run_id",
            "event",
            "message",
            "hint",
            "status",
        ]
        assert (record["event"], record["status"]) == ("failed", 2)
        assert record["level"] == "error" and "nobody" in record["message"]


def test_a_wrong_setting_is_78_and_named(mdc, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mdc.toml").write_text("[plugins]\njsn = true\n")
    done = mdc("plugins")
    assert done.returncode == 78
    assert "mdc.toml: [plugins] jsn: no such option: 'jsn'; did you mean" in done.stderr
    assert mdc("plugins", "--help").returncode == 0
    assert mdc("--help").returncode == 0


def test_a_wrong_variable_is_78_and_named(mdc):
    done = mdc("plugins", MDC_PLUGINS_LOAD="perhaps")
    assert done.returncode == 78
    assert "MDC_PLUGINS_LOAD (environment): 'perhaps'" in done.stderr


def shell(script, env):
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**env, "MDC": sys.executable.rpartition("/")[0] + "/mdc"},
    )


@pytest.mark.parametrize("command", ["schema doc", "--help", "completion bash", "plugins --json"])
def test_a_reader_that_goes_away_ends_it_silently_with_141(env_with_acme, command):
    # The reader is gone before mdc writes, whatever the timing: the pipe has no other end.
    script = f"""
        exec 3> >(exec 0<&-)
        wait $!
        "$MDC" {command} >&3
    """
    done = shell(script, env_with_acme)
    assert (done.returncode, done.stderr) == (141, "")


def test_head_is_satisfied_with_one_line(env_with_acme):
    done = shell('"$MDC" schema doc | head -1', env_with_acme)
    assert done.stdout == "# Data dictionary\n"
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_a_full_disk_is_73(env_with_acme):
    done = shell('"$MDC" schema doc > /dev/full', env_with_acme)
    assert done.returncode == 73
    assert done.stderr == "mdc schema doc: cannot write: No space left on device\n"


def test_closed_streams_do_no_harm(env_with_acme):
    assert shell('"$MDC" plugins >&-', env_with_acme).returncode in (0, 73)
    assert shell('"$MDC" plugins 2>&-', env_with_acme).returncode == 0


def in_process(body, env):
    """Run a verb of which this is the body, through the real entry point."""
    code = (
        "import click, os, sys\n"
        "from mdc_core import errors\n"
        "from mdc_core.cli import main as entry\n"
        "from mdc_core.cli.options import command\n"
        "@command()\n@click.pass_obj\n"
        f"def verb(session):\n    {body}\n"
        "entry.MainGroup.get_command = lambda self, ctx, name: verb\n"
        "entry.MainGroup.list_commands = lambda self, ctx: ['verb']\n"
        "sys.exit(entry.main(['verb']))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("return None", 0, ""),
        ("return 1", 1, ""),
        ("raise errors.UsageError('u', hint='try')", 2, "mdc verb: u\nhint: try\n"),
        ("raise errors.DataError('d')", 65, "mdc verb: d\n"),
        ("raise errors.UnavailableError('a')", 69, "mdc verb: a\n"),
        ("raise errors.WriteError('w')", 73, "mdc verb: w\n"),
        ("raise errors.BusyError('b')", 75, "mdc verb: b\n"),
        ("raise errors.RefusedError('r')", 77, "mdc verb: r\n"),
        ("raise errors.ConfigError('c')", 78, "mdc verb: c\n"),
        ("raise errors.ReaderGone", 141, ""),
        ("raise KeyboardInterrupt", 130, ""),
        ("click.get_current_context().exit(5)", 5, ""),
        ("raise click.UsageError('x')", 2, "mdc verb: x\nhint: mdc verb --help\n"),
        (
            "session.log.mask.add('s3cr3t'); raise errors.DataError('is s3cr3t')",
            65,
            "mdc verb: is ***\n",
        ),
    ],
)
def test_each_error_has_its_exit_status(env_with_acme, body, status, message):
    done = in_process(body, env_with_acme)
    assert (done.returncode, done.stderr, done.stdout) == (status, message, "")


@pytest.mark.parametrize(
    "body", ["1 / 0", "raise BrokenPipeError(32, 'a socket')", "assert False, 'no'"]
)
def test_a_bug_is_a_traceback_and_70(env_with_acme, body):
    done = in_process(f"session.log.mask.add('File'); {body}", env_with_acme)
    assert done.returncode == 70
    assert done.stderr.startswith("mdc verb: this is a bug in mdc 0.")
    assert "Traceback (most recent call last)" in done.stderr
    assert "File" not in done.stderr  # masked, as every secret is in a traceback


def test_schema_export(mdc, tmp_path):
    target = tmp_path / "here" / "schemas"
    dry = mdc("schema", "export", "schemas", "--dry-run")
    assert "would write schemas/trade.schema.json" in dry.stdout
    assert not target.exists()
    done = mdc("schema", "export", "schemas")
    assert done.returncode == 0 and says_nothing(done.stdout)
    shown = mdc("schema", "show", "trade", "--json-schema").stdout
    assert json.loads((target / "trade.schema.json").read_text()) == json.loads(shown)
    (tmp_path / "here" / "file").touch()
    refused = mdc("schema", "export", "file/below")
    assert refused.returncode == 73
    assert "cannot write" in refused.stderr


def test_schema_answers(mdc):
    rows = json.loads(mdc("schema", "list", "--json").stdout)
    assert {"type": "trade", "version": "1.0.0", "summary": "A trade was made."} in rows
    shown = mdc("schema", "show", "trade").stdout.splitlines()
    assert shown[0] == "trade 1.0.0: A trade was made."
    assert any(line.startswith("* price ") for line in shown)
    assert "## quote (1.0.0)" in mdc("schema", "doc").stdout


@pytest.mark.parametrize("verb", ["stream sim SPY --limit 5 then store", "store", "ls", "cat"])
def test_an_empty_root_is_not_the_working_directory(verb: str, shell, tmp_path: Path) -> None:
    """What `--root "$ROOT"` is where ROOT is not set."""
    done = shell(f"mdc {verb} --root '' < /dev/null")
    assert (done.status, list(tmp_path.glob("_mdc"))) == (2, [])
    assert "--root" in done.err and "it is empty: name a directory" in done.err


def test_a_directory_is_not_a_url(shell, tmp_path: Path) -> None:
    done = shell(f"mdc stream sim SPY --limit 5 then store --root file://{tmp_path}/d")
    assert (done.status, list(tmp_path.iterdir())) == (2, [])
    assert f"file://{tmp_path}/d: name the directory without file://" in done.err


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_standard_output_is_no_file_to_export_to(option: str, shell, tmp_path: Path) -> None:
    line = f"mdc stream sim SPY --limit 5 | mdc export --profile csv {option} -"
    done = shell(line)
    assert (done.status, list(tmp_path.iterdir())) == (2, [])
    assert "mdc export: cannot write to '-': only files are written" in done.err


@pytest.mark.parametrize(
    ("group", "summary"),
    [
        (
            "plugin",
            "new Create a package with a working plugin, its tests and its test data.",
        ),
        (
            "pack",
            "list Show what is in packs, by their manifests; data are not unpacked, nor verified.",
        ),
    ],
)
def test_a_list_of_commands_has_whole_summaries(mdc, group, summary):
    text = " ".join(mdc(group, "--help").stdout.split())
    assert summary in text and "..." not in text.partition("Commands:")[2].partition("Examples")[0]


@pytest.mark.parametrize(("name", "kind"), [("validate", "filter"), ("price", "check")])
def test_a_new_plugin_has_a_name_of_its_own(mdc, name, kind):
    done = mdc("plugin", "new", name, "--kind", kind, "--dry-run")
    assert done.returncode == 2 and says_nothing(done.stdout)
    assert f"the name {name} is taken by mdc's own" in done.stderr
