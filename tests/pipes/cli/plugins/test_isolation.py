"""A plugin that fails fails alone, by its name; mdc's own names win; stdout is the engine's."""

import json
import time

import pytest

EVENTS = "".join(
    json.dumps(
        {"type": "trade", "symbol": "A", "ts_event": f"2024-01-02T14:30:0{n}.000000000Z"}
        | {"provider": "x", "price": price, "size": 1}
    )
    + "\n"
    for n, price in enumerate([10, -1, 11])
)
HEAD = "import os, sys\nfrom decimal import Decimal\nfrom typing import Annotated\n"
HEAD += "from msgspec import Meta\nfrom mdc_core.plugin import *\n"
HEAD += "mute = lambda n: type(n, (Exception,), {'__str__': lambda self: 1 / 0})\n"
CHECK = '"""A stranger\'s check."""\n' + HEAD + "class X(Check):\n"


@pytest.fixture
def strange(tmp_path, install, mdc):
    """Run mdc beside a stranger's package with this entry point and this module."""

    def run(entry: str, code: str, *args: str, stdin: str = EVENTS, **env: str):
        folder = tmp_path / "alpha"
        install(folder, "alpha", entry, metadata="Project-URL: Home, https://alpha.example")
        (folder / "alpha_x.py").write_text(code)
        return mdc(*args, path=folder, stdin=stdin, **env)

    return run


def events(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def findings(done):
    return [e for e in events(done) if e["type"] == "integrity"]


def checks_of(done):
    return sorted({e["check"] for e in findings(done)})


def test_a_stranger_cannot_take_the_name_of_a_check(strange):
    entry = "[mdc.validate]\nprice = alpha_x:X\n"
    code = CHECK + "    def __call__(self, batch):\n        return [Finding(0, 'mine', 'info')]\n"
    done = strange(entry, code, "validate", "--strict")
    assert done.returncode == 1
    assert checks_of(done) == ["alpha:price", "price"]


def test_a_name_that_is_taken_is_told_and_reached_by_a_longer_word(strange, mdc, tmp_path):
    entry = "[mdc.validate]\nprice = alpha_x:X\n[mdc.stream]\nsim = alpha_x:X\n"
    code = CHECK + "    def __call__(self, batch):\n        return [Finding(0, 'mine', 'info')]\n"
    listed = strange(entry, code, "plugins")
    assert listed.returncode == 0
    assert "validate:price (alpha 1.2): the name is taken; say alpha:price" in listed.stderr
    folder = tmp_path / "alpha"
    only = mdc("validate", "--check", "alpha:price", path=folder, stdin=EVENTS)
    assert checks_of(only) == ["alpha:price"]
    ours = mdc("validate", "--check", "price", path=folder, stdin=EVENTS)
    assert checks_of(ours) == ["price"]
    assert "validate:price (alpha 1.2) is not used" in ours.stderr
    sim = mdc("stream", "sim", "SPY", "--limit", "2", path=folder)
    assert sim.returncode == 0
    assert "stream:sim (alpha 1.2) is not used: the name is taken; say alpha:sim" in sim.stderr


def test_a_filter_named_like_a_verb_is_reached_by_a_longer_word(strange, mdc, tmp_path):
    entry = "[mdc.filter]\nvalidate = alpha_x:X\nthin = alpha_x:X\n"
    code = (
        '"""Nothing passes."""\nfrom mdc_core.plugin import Filter\n'
        "class X(Filter):\n    def __call__(self, batch):\n        return batch.slice(0, 0)\n"
    )
    listed = strange(entry, code, "plugins", "--load")
    assert listed.returncode == 0, listed.stderr
    assert "filter:validate (alpha 1.2): the name is taken; say alpha:validate" in listed.stderr
    folder = tmp_path / "alpha"
    assert "  alpha:validate " in mdc("--help", path=folder).stdout
    for line in (
        ("validate", "then", "alpha:validate", "then", "count"),
        ("alpha:validate", "then", "count"),
        ("alpha:thin", "then", "count"),
    ):
        done = mdc(*line, path=folder, stdin=EVENTS)
        assert done.returncode == 0, done.stderr
        assert " + 0 rejected + 3 dropped" in done.stderr


def test_unknown_groups_and_impossible_names_are_told(strange):
    entry = "[mdc.validater]\nx = alpha_x:X\n[mdc.validate]\nhas space = alpha_x:X\n"
    done = strange(entry, CHECK, "plugins")
    assert done.returncode == 78
    assert "no such entry-point group: 'mdc.validater'; did you mean mdc.validate" in done.stderr
    assert "'has space' cannot be the name of a plugin" in done.stderr


def test_names_that_cannot_be_used_leave_validate_alone(strange):
    done = strange("[mdc.validate]\nhas space = alpha_x:X\n", CHECK, "validate", "--help")
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def __call__(self, batch):\n        raise ValueError('boom')", "ValueError: boom"),
        ("def __call__(self, batch):\n        sys.exit(3)", "SystemExit: 3"),
        ("def __call__(self, batch):\n        raise GeneratorExit", "GeneratorExit"),
        ("def __call__(self, batch):\n        raise BaseException('b')", "BaseException: b"),
        ("def __call__(self, batch):\n        raise ValueError('\\ud800')", "ValueError: \\ud800"),
        ("def __call__(self, batch):\n        raise mute('E')()", "E: what it says cannot be"),
        ("def __call__(self, batch):\n        return [Finding(0, 'm', 'fatal')]", "TypeError"),
        ("def __call__(self, batch):\n        return [Finding(0, 5)]", "TypeError"),
        ("def __call__(self, batch):\n        return [Finding(0, '\\udc00')]", "TypeError"),
        ("def __call__(self, batch):\n        return None", "TypeError"),
        ("def __call__(self, batch):\n        return ['text']", "TypeError"),
        ("def __call__(self, batch):\n        return [Finding(99, 'far')]", "IndexError"),
        ("def __init__(self, options):\n        self.x = {}['gone']", "KeyError: 'gone'"),
    ],
)
def test_a_check_that_fails_is_one_finding_and_off(strange, body, said):
    done = strange("[mdc.validate]\nx = alpha_x:X\n", CHECK + f"    {body}\n", "validate")
    assert done.returncode == 0
    (own,) = [f for f in findings(done) if f["check"] == "x"]
    assert own["severity"] == "error"
    assert own["message"].startswith(f"plugin validate:x (alpha 1.2) failed: {said}")
    assert "price" in checks_of(done)
    assert "https://alpha.example" in done.stderr
    assert "bug in mdc" not in done.stderr
    assert events(done)[-1]["counts"] == {"integrity": len(findings(done)), "trade": 3}


RAISED = {
    "StopIteration": "StopIteration: ",
    "BaseException('b')": "BaseException: b",
    "mute('E')": "E: what it says cannot be told: ZeroDivisionError",
    "ValueError('one\\nmdc: two\\x1b[31m')": "ValueError: one\\nmdc: two\\x1b[31m",
}


@pytest.mark.parametrize(("raised", "told"), RAISED.items(), ids=RAISED)
def test_whatever_a_filter_raises_is_told_on_one_line(strange, raised, told):
    """And those behind it finish."""
    code = '"""A filter."""\n' + HEAD + "class X(Filter):\n    def __call__(self, batch):\n"
    code += f"        raise {raised}\n"
    words = ("x", "then", "count", "--json")
    done = strange("[mdc.filter]\nx = alpha_x:X\n", code, *words)
    assert json.loads(done.stdout)["total"] == 0
    first = done.stderr.splitlines()[0]
    assert first.startswith("mdc x: plugin filter:x (alpha 1.2) failed: ")
    assert told.partition(":")[0] in first and first.endswith("(alpha_x.py, line 10)"), first
    assert told.partition(": ")[2] in first and "bug in mdc" not in done.stderr
    assert done.returncode == 65


SOURCE = "Source):\n    simulated = {}\n    def events(self):\n"
SOURCE += "        trade = Trade(symbol='A')\n        "
LIVE, PLAYED = SOURCE.format(False), SOURCE.format(True)
IMPORT = "Importer):\n    def batches(self):\n        "
SINK = "Sink):\n    def write(self, batch, token):\n        pass\n"
SINK += "    def flush(self):\n        return "
FILTER = "Filter):\n    def __call__(self, batch):\n        return "
TABLE = "yield pa.record_batch("
STREAM = "Stream):\n    def opened(self, now):\n        return [Up()]\n"
STREAM += "    def receive(self, frame, now):\n        return []\n"
ENDPOINTS = STREAM + "    def endpoints(self):\n        return "
GIVEN = [
    ("stream x A", f"{ENDPOINTS}None", "endpoints() gives a NoneType, not a list of Endpoint(...)"),
    ("stream x A", f"{ENDPOINTS}'ws://a'", "endpoints() gives a str"),
    ("stream x A", f"{ENDPOINTS}['ws://a']", "endpoints() has a str, not an Endpoint(...)"),
    ("stream x A", f"{ENDPOINTS}[Endpoint(5)]", "the url of an endpoint is a int"),
    ("stream x A", f"{ENDPOINTS}[Endpoint('ws://a', headers=5)]", "the headers of an endpoint"),
    ("stream x A", f"{ENDPOINTS}[Endpoint('ws://a', share=('A',))]", "the share of an endpoint"),
    *(("stream x A", f"{kind}yield trade", "events() gives a Trade") for kind in (LIVE, PLAYED)),
    *(("stream x A", f"{kind}yield ['x']", "gives a str in a list") for kind in (LIVE, PLAYED)),
    ("stream x A", f"{LIVE}yield None", "events() gives a NoneType, not lists of events"),
    ("import --profile x in", f"{IMPORT}return None", "batches() gives a NoneType, not batches"),
    ("import --profile x in", f"{IMPORT}yield [Trade()]", "it gives a list, not a batch of events"),
    ("import --profile x in", IMPORT + TABLE + "{'a': [1]})", "has a column `type`"),
    ("import --profile x in", IMPORT + TABLE + "{'type': ['no']})", "of no known type: 'no'"),
    ("import --profile x in", IMPORT + TABLE + "{'type': [None]})", "of no known type: None"),
    ("publish x http://a", f"{SINK}None", "flush() gives None, where 0 to 3 can be acknowledged"),
    ("publish x http://a", f"{SINK}1 << 40", "flush() gives 1099511627776, where 0 to 3"),
    ("publish x http://a", f"{SINK}-1", "flush() gives -1, where 0 to 3"),
    ("x", f"{FILTER}Keep(None)", "it keeps None, which are no rows"),
    ("x", f"{FILTER}batch.select(['price'])", "has a column `type`"),
]


@pytest.mark.parametrize(("line", "code", "told"), GIVEN, ids=[told for *_, told in GIVEN])
def test_what_gives_something_else_than_its_contract_says_is_named(
    strange, tmp_path, line, code, told
):
    (tmp_path / "in").write_text("")
    verb, *rest = line.replace(" in", f" {tmp_path / 'in'}").split()
    group = verb if rest else "filter"
    code = f'"""It gives something else."""\nimport pyarrow as pa\n{HEAD}class X({code}\n'
    done = strange(f"[mdc.{group}]\nx = alpha_x:X\n", code, verb, *rest, stdin=EVENTS)
    assert done.returncode == 70
    assert f"mdc {verb}: plugin {group}:x (alpha 1.2) failed: " in done.stderr
    assert told in done.stderr and "bug in mdc" not in done.stderr


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("channels = 5", "channels must be a tuple of words, not 5"),
        ("limits = 5", "limits must be Limits(...), not 5"),
        ("secrets = 'KEY'", "secrets must be a tuple of words, not 'KEY'"),
    ],
)
def test_a_provider_whose_facts_are_none_is_refused_when_it_is_loaded(strange, fact, told):
    code = f'"""A stream."""\n{HEAD}class X({ENDPOINTS}[Endpoint(\'ws://a\')]\n    {fact}\n'
    done = strange("[mdc.stream]\nx = alpha_x:X\n", code, "stream", "x", "A")
    assert done.returncode == 78
    assert f"mdc stream: plugin stream:x (alpha 1.2): {told}" in done.stderr


@pytest.mark.parametrize("kind", [LIVE, PLAYED], ids=["live", "simulated"])
def test_an_event_of_a_source_that_no_line_can_hold_costs_itself(strange, kind):
    kind = kind.replace("trade = ", "flawed = Trade(symbol=5); trade = ")
    code = f'"""A source."""\n{HEAD}class X({kind}yield [trade, flawed, trade]\n'
    done = strange("[mdc.stream]\nx = alpha_x:X\n", code, "stream", "x", "A")
    assert done.returncode == 0
    assert "3 in = 2 out + 1 rejected" in done.stderr
    found = [(e["type"], e.get("symbol")) for e in events(done)]
    assert [f for f in found if f[0] in ("trade", "integrity")] == [
        ("trade", "A"),
        ("integrity", "5"),
        ("trade", "A"),
    ]


@pytest.mark.parametrize(
    "raised", ["MemoryError('1 TB')", 'RuntimeError("can\'t start new thread")']
)
def test_no_more_memory_and_no_more_threads_are_no_bug(strange, raised):
    code = '"""A filter."""\n' + HEAD + "class X(Filter):\n    def __call__(self, batch):\n"
    done = strange("[mdc.filter]\nx = alpha_x:X\n", code + f"        raise {raised}\n", "x")
    assert done.returncode == 73
    assert "mdc x: the system gives no more " in done.stderr


def test_a_failed_check_is_65_with_strict(strange):
    code = CHECK + "    def __call__(self, batch):\n        raise ValueError('boom')\n"
    entry = "[mdc.validate]\nx = alpha_x:X\n"
    done = strange(entry, code, "validate", "--strict", "--check", "x")
    assert done.returncode == 65


@pytest.mark.parametrize(
    "options",
    [
        "a: dict[str, int] = {}",
        "a: Annotated[str, Meta(description='where')]",
        "a: int = 1\n        def __post_init__(self):\n            raise ValueError('never')",
        "a: int = 1\n        def __post_init__(self):\n            sys.exit(3)",
        "a: int = 1\n        def __post_init__(self):\n            {}['gone']",
    ],
)
def test_a_check_with_impossible_options_is_left_out(strange, mdc, tmp_path, options):
    code = CHECK + f"    class Options(Options):\n        {options}\n"
    code += "    def __call__(self, batch):\n        return ()\n"
    done = strange("[mdc.validate]\nx = alpha_x:X\n", code, "validate")
    assert done.returncode == 0, done.stderr
    assert "price" in checks_of(done)
    assert "plugin validate:x (alpha 1.2)" in done.stderr
    assert "going on without it" in done.stderr
    folder = tmp_path / "alpha"
    assert mdc("validate", "--help", path=folder).returncode == 0
    named = mdc("validate", "--check", "x", path=folder, stdin=EVENTS)
    assert named.returncode in (2, 70, 78)
    assert "bug in mdc" not in named.stderr


def test_a_missing_required_option_is_told_in_the_word_of_the_option(strange):
    code = CHECK + "    class Options(Options):\n        region: str\n"
    entry = "[mdc.validate]\nx = alpha_x:X\n"
    done = strange(entry, code, "validate", "--check", "x")
    assert done.returncode == 2
    assert "missing option --x-region" in done.stderr


def test_two_options_cannot_share_a_flag(tmp_path, install, mdc):
    install(tmp_path / "b", "beta", "[mdc.validate]\nw = beta_x:W\nw-f = beta_x:V\n")
    code = CHECK.replace("X(", "W(") + "    class Options(Options):\n        f_x: int = 1\n"
    code += "class V(Check):\n    class Options(Options):\n        x: int = 1\n"
    (tmp_path / "b" / "beta_x.py").write_text(code)
    done = mdc("validate", "--check", "w", "--check", "w-f", path=tmp_path / "b", stdin=EVENTS)
    assert done.returncode == 78
    assert "there is an option --w-f-x already" in done.stderr


@pytest.mark.parametrize("failing", ["raise ValueError('boom')", "sys.exit(3)"])
def test_an_error_of_a_filter_names_it(strange, failing):
    code = HEAD + f"class X(Filter):\n    def __call__(self, batch):\n        {failing}\n"
    done = strange("[mdc.filter]\nxf = alpha_x:X\n", code, "xf")
    assert done.returncode == 70
    assert "plugin filter:xf (alpha 1.2) failed: " in done.stderr
    assert "Traceback" not in done.stderr and "bug in mdc" not in done.stderr


def test_what_a_plugin_prints_goes_to_stderr(strange):
    noise = "print('printed')\nos.write(1, b'written\\n')\n"
    code = CHECK.replace("class X", noise + "class X")
    code += "    def __init__(self, options):\n        print('made')\n"
    code += "    def __call__(self, batch):\n        print('called')\n"
    code += "        os.write(1, b'low\\n')\n        return ()\n"
    entry = "[mdc.validate]\nx = alpha_x:X\n"
    done = strange(entry, code, "validate", "--check", "x")
    assert [e["type"] for e in events(done)] == ["begin", "trade", "trade", "trade", "end"]
    assert all(word in done.stderr for word in ("printed", "written", "made", "called", "low"))


WORKING = CHECK + "    def __call__(self, batch):\n        return ()\n"
ENTRY = "[mdc.validate]\nx = alpha_x:X\n"


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        (">=0.1,<0.2", True),
        ("~=0.1", True),
        ("==0.1.*", True),
        ("(>=0.1)", True),
        ("[all]>=0.1", True),
        ("", True),
        (">=99", False),
        ("<0.1", False),
        ("!=0.1.*", False),
        ("[all]>=99", False),
        ("~=0.2.0", False),
    ],
)
def test_a_plugin_for_another_mdc_is_refused(tmp_path, install, mdc, needs, fits):
    needed = f"Requires-Dist: market-data-collector{needs}"
    install(tmp_path / "a", "alpha", ENTRY, metadata=needed)
    (tmp_path / "a" / "alpha_x.py").write_text(WORKING)
    done = mdc("validate", "--check", "x", path=tmp_path / "a", stdin=EVENTS)
    assert done.returncode == (0 if fits else 78), done.stderr
    assert fits or "plugin validate:x (alpha 1.2) is for mdc " in done.stderr


def test_a_plugin_for_another_contract_is_refused(strange):
    code = CHECK + "    contract = 2\n"
    done = strange(ENTRY, code, "validate", "--check", "x")
    assert done.returncode == 78
    assert "validate:x (alpha 1.2) is for contract 2; that of mdc" in done.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "__call__() is missing"),
        ("def __call__(self):\n        return ()", "__call__() must take (self, batch)"),
        (
            "def __init__(self):\n        pass\n    def __call__(self, b): pass",
            "__init__() must take",
        ),
        (
            "def __call__(self, b): pass\n    class Options(Options):\n        a: dict = {}",
            "has a type that cannot be an option",
        ),
        (
            "def __call__(self, b): pass\n    class Options(Options):\n        a: str",
            "option a of a check has no default",
        ),
    ],
)
def test_what_a_plugin_lacks_is_told_by_check(strange, body, said):
    done = strange(ENTRY, CHECK + f"    {body}\n", "plugins", "--load")
    assert done.returncode == 78
    assert f"plugin validate:x (alpha 1.2): {said}" in done.stderr or said in done.stderr


def test_all_plugins_of_mdc_keep_the_contract(strange):
    assert strange(ENTRY, WORKING, "plugins", "--load").returncode == 0


def test_begin_and_the_lineage_have_the_versions_of_plugins(strange, mdc, tmp_path):
    done = strange(ENTRY, WORKING, "validate")
    assert events(done)[0]["request"]["plugins"] == {"validate:x": "alpha 1.2"}
    without = mdc("validate", stdin=EVENTS)
    assert "plugins" not in events(without)[0]["request"]
    next_stage = mdc("validate", stdin=done.stdout)
    assert events(next_stage)[0]["origin"]["request"]["plugins"] == {"validate:x": "alpha 1.2"}


def test_a_finding_has_numbers_and_they_are_exact(strange, mdc, tmp_path):
    code = CHECK + "    def __call__(self, batch):\n"
    code += "        return [Finding(1, 'far', values={'n': 3, 'spread': Decimal('0.10')})]\n"
    done = strange(ENTRY, code, "validate", "--check", "x")
    assert '"extra":{"values":{"n":3,"spread":0.10}}' in done.stdout
    wrong = code.replace("Decimal('0.10')", "0.1")
    (tmp_path / "alpha" / "alpha_x.py").write_text(wrong)
    done = mdc("validate", "--check", "x", path=tmp_path / "alpha", stdin=EVENTS)
    assert "spread of a finding is no whole number or Decimal: 0.1" in done.stderr
    assert "the check is off from here on" in findings(done)[0]["message"]


def test_a_check_is_told_of_the_time_and_what_it_took(strange):
    code = CHECK + "    def __call__(self, batch):\n        return ()\n"
    code += "    def tick(self, now):\n"
    code += "        return [Finding(None, 'late', values={'now': now})]\n"
    before = time.time_ns()
    done = strange(ENTRY, code, "-v", "validate", "--check", "x")
    found = findings(done)[0]
    assert before < found["extra"]["values"]["now"] < time.time_ns()
    assert "mdc validate: time: x 0." in done.stderr


def test_a_check_finds_something_about_no_row_and_at_the_end(strange):
    code = CHECK + "    rows = 0\n    def __call__(self, batch):\n"
    code += "        self.rows += batch.num_rows\n        return [Finding(None, 'here', 'info')]\n"
    code += "    def close(self):\n        return [Finding(None, f'{self.rows} rows')]\n"
    done = strange(ENTRY, code, "validate", "--check", "x", "--strict")
    assert done.returncode == 1
    said = [(f["severity"], f["message"], "symbol" in f) for f in findings(done)]
    assert said == [("info", "here", False), ("warning", "3 rows", False)]
    assert "3 in = 3 out + 0 rejected + 0 dropped (+ 2 derived)" in done.stderr


SEVERAL = "A stranger's plugins, several in one module."
SEVERAL_CODE = (
    f"{SEVERAL!r}\n"
    + HEAD
    + (
        "class Base:\n    def fail(self):\n        raise RuntimeError('boom')\n"
        "class Quiet(Check):\n    def __call__(self, batch):\n        return ()\n"
        "class Loud(Base, Filter):\n    def __call__(self, batch):\n        self.fail()\n"
        "class Feed(Base, Source):\n    def events(self):\n        helped(self)\n"
        "class Late(Filter):\n    def __call__(self, batch):\n        return batch\n"
        "def helped(feed):\n    sys.exit(3)\n"
    )
)


def test_of_several_plugins_in_one_module_the_one_that_failed_is_named(strange, mdc, tmp_path):
    entry = "[mdc.filter]\nloud = alpha_x:Loud\nzlate = alpha_x:Late\n"
    entry += "[mdc.validate]\nquiet = alpha_x:Quiet\n[mdc.stream]\nfeed = alpha_x:Feed\n"
    done = strange(entry, SEVERAL_CODE, "loud")
    assert done.returncode == 70
    assert "plugin filter:loud (alpha 1.2) failed: RuntimeError: boom" in done.stderr
    done = mdc("stream", "feed", "A", path=tmp_path / "alpha")
    assert done.returncode == 70
    assert "plugin stream:feed (alpha 1.2) failed: SystemExit: 3" in done.stderr
