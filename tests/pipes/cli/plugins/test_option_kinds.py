"""The kinds of a plugin's options: what is written, what the plugin gets, what is refused."""

import json

import pytest

HEAD = '"""A stranger\'s."""\nimport sys\nfrom decimal import Decimal\nfrom typing import *\n'
HEAD += "from msgspec import Meta\nfrom mdc_core.plugin import *\n"
FILTER = (
    HEAD
    + """
Venue = Annotated[str, Meta(pattern="^[A-Z]+$")]

class X(Filter):
    class Options(Options):
        every: Annotated[Span, Argument(), Meta(description="how often", gt=0)]
        wait: Annotated[Span, Meta(description="how long", le=3600000000000)] = parse_span("90s")
        since: Annotated[Moment | None, Meta(description="from when on")] = None
        most: Annotated[Size, Meta(description="how much")] = 1_500_000_000
        only: Annotated[Symbols, Meta(description="which")] = ()
        venues: Annotated[tuple[Venue, ...], Meta(description="where")] = ()
        level: Annotated[Literal[1, 2], Meta(description="depth")] = 1
        tick: Annotated[Decimal | None, Meta(description="grid", gt=0)] = None
        count: Annotated[int | None, Meta(description="rows", ge=1, lt=10)] = None
        name: Annotated[str, Meta(min_length=2, max_length=3)] = "ab"

    def __call__(self, batch):
        return batch

    def close(self):
        said = {name: repr(getattr(self.options, name)) for name in self.options.__struct_fields__}
        print(said, file=sys.stderr)
"""
)


@pytest.fixture
def x(tmp_path, install, mdc):
    """Run a stranger's filter `x`, or the code in its place; its options as it got them."""

    def run(*args, code=FILTER, group="filter", **env):
        folder = tmp_path / "alpha"
        if not folder.exists():
            install(folder, "alpha", f"[mdc.{group}]\nx = alpha_x:X\n")
        (folder / "alpha_x.py").write_text(code)
        return mdc(*args, path=folder, **env)

    return run


def got(done):
    assert done.returncode == 0, done.stderr
    return eval(next(line for line in done.stderr.splitlines() if line.startswith("{")))


def test_each_kind_as_a_flag(x):
    args = "--wait 1h --since 2024-01-02 --most 1.5GiB --only SPY,QQQ --only SPY --venues A,B"
    args += " --venues C --level 2 --tick 0.010 --count 9 --name abc"
    assert got(x("x", "250ms", *args.split())) == {
        "every": "250000000",
        "wait": "3600000000000",
        "since": "1704153600000000000",
        "most": "1610612736",
        "only": "('SPY', 'QQQ')",
        "venues": "('A', 'B', 'C')",
        "level": "2",
        "tick": "Decimal('0.010')",
        "count": "9",
        "name": "'abc'",
    }


def test_each_kind_in_the_environment_and_in_a_file(x, tmp_path):
    values = {"EVERY": "1s", "WAIT": "2s", "MOST": "4096B", "ONLY": "A,B", "VENUES": "C,D E"}
    said = got(x("x", **{f"MDC_X_{name}": value for name, value in values.items()}))
    assert (said["every"], said["wait"], said["most"]) == ("1000000000", "2000000000", "4096")
    assert (said["only"], said["venues"]) == ("('A', 'B')", "('C', 'D', 'E')")
    (tmp_path / "here" / "mdc.toml").write_text(
        '[x]\nevery = "1m"\nsince = 2024-01-02\nonly = "A,B"\nvenues = ["C,D", "E"]\nlevel = 2\n'
    )
    said = got(x("x"))
    assert (said["every"], said["since"]) == ("60000000000", "1704153600000000000")
    assert (said["only"], said["venues"]) == ("('A', 'B')", "('C', 'D', 'E')")
    assert (said["level"], said["wait"], said["most"]) == ("2", "90000000000", "1500000000")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", "missing EVERY"),
        ("soon", "not a length of time: 'soon'"),
        ("0s", "0s is not in the range x>0s"),
        ("1s --wait 61m", "61m is not in the range x<=1h"),
        ("1s --since soon", "not a time: 'soon'"),
        ("1s --most much", "'much' is no size"),
        ("1s --venues A,b", "'b' does not match ^[A-Z]+$"),
        ("1s --level 3", "'3' is not one of '1', '2'"),
        ("1s --tick 0", "0 is not in the range x>0"),
        ("1s --tick NaN", "not a number"),
        ("1s --count 10", "10 is not in the range 1<=x<10"),
        ("1s --name a", "'a' is shorter than 2"),
        ("1s --name abcd", "'abcd' is longer than 3"),
    ],
)
def test_what_is_refused(args, words, x):
    done = x("x", *args.split())
    assert done.returncode == 2 and words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_its_place(x, tmp_path):
    done = x("x", "1s", MDC_X_COUNT="10")
    assert done.returncode == 78
    assert "MDC_X_COUNT (environment): 10 is not in the range 1<=x<10" in done.stderr
    (tmp_path / "here" / "mdc.toml").write_text("[x]\nlevel = 3\n")
    done = x("x", "1s")
    assert done.returncode == 78 and "[x] level: '3' is not one of" in done.stderr


def test_help_shows_kinds_bounds_and_defaults(x):
    done = x("x", "--help")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Usage: mdc x [OPTIONS] EVERY [PATH]..." in text
    assert "EVERY how often [x>0s; required]" in text
    assert "--wait TIME SPAN how long [x<=1h] [default: 90s]" in text
    assert "--most SIZE how much [default: 1500MB]" in text
    assert "--only SYMBOL,... which" in text and "--venues TEXT,... where" in text
    assert "--count INTEGER rows [1<=x<10]" in text
    assert "--level [1|2] depth [default: 1]" in text


def test_a_missing_option_is_told_by_its_name(x):
    code = HEAD + "class X(Check):\n    class Options(Options):\n        region: str\n"
    code += "    def __call__(self, batch):\n        return ()\n"
    done = x("validate", "--check", "x", code=code, group="validate")
    assert done.returncode == 2
    assert "missing option --x-region" in done.stderr and "MDC_VALIDATE_X_REGION" in done.stderr


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("help: str = ''", "--help is mdc's own: rename the field"),
        ("a: Annotated[int, Argument()] = 1", "only a filter has an Argument(): a"),
        ("a: dict[str, int] = {}", "option a has a type that cannot be an option"),
        ("a: int | str = 1", "option a has a type that cannot be an option"),
        ("a: 'Nowhere' = 1", "its Options cannot be used: name 'Nowhere' is not defined"),
    ],
)
def test_what_cannot_be_an_option(field, words, x):
    code = HEAD + f"class X(Stream):\n    class Options(Options):\n        {field}\n"
    code += "    def endpoints(self): ...\n    def receive(self, frame, now): ...\n"
    done = x("stream", "x", "A", code=code, group="stream")
    assert done.returncode == 78 and words in done.stderr
    checked = x("plugins", "--load", code=code, group="stream")
    assert checked.returncode == 78 and words in checked.stderr


def test_lists_of_mdc_itself_have_commas_too(mdc, tmp_path):
    done = mdc("stream", "sim", "SPY", "QQQ", "IBM", "--limit", "30", "--type", "trade,quote")
    (tmp_path / "here" / "x.jsonl").write_text(done.stdout)
    assert mdc("store", "--root", "data", stdin=done.stdout).returncode == 0
    for args in (("--symbol", "SPY,QQQ"), ("--symbol", "SPY", "--symbol", "QQQ")):
        cat = mdc("cat", "--root", "data", *args, "--type", "trade,quote")
        assert {json.loads(line)["symbol"] for line in cat.stdout.splitlines()[1:-1]} == {
            "SPY",
            "QQQ",
        }
    checks = mdc("validate", "--check", "price,crossed", "x.jsonl", MDC_VALIDATE_SKIP="crossed")
    assert checks.returncode == 0
    wrong = mdc("validate", "--check", "price,nosuch", "x.jsonl")
    assert wrong.returncode == 2 and "nosuch" in wrong.stderr
