"""A filter's accounts are true, and events about the data go past it."""

import json

import pytest

HEAD = '"""A filter."""\nfrom mdc_core.plugin import *\nfrom mdc_core.plugin import from_rows\n'
TRADES = [
    {"type": "trade", "symbol": "A", "ts_event": f"2024-01-02T14:30:0{n}.000000000Z"}
    | {"provider": "x", "price": n + 1, "size": 1}
    for n in range(6)
]
GAP = {"type": "gap", "symbol": "A", "provider": "x", "start": "2024-01-02T14:30:01.000000000Z"}
GAP |= {"ts_event": "2024-01-02T14:30:02.500000000Z", "reason": "disconnect"}
# A blank behind the colon: the text of a row that a filter leaves alone is not made anew.
LINES = [json.dumps(event) + "\n" for event in [*TRADES[:3], GAP, *TRADES[3:]]]

BARS = """\
class F(Filter):
    derives = True

    def __init__(self, options):
        super().__init__(options)
        self.seen = 0

    def __call__(self, batch):
        assert "gap" not in batch.column("type").to_pylist()
        self.seen += batch.num_rows

    def close(self):
        return from_rows([Indicator(symbol="A", name="n", provider="x", value=self.seen,
                                    ts_event="2024-01-02T14:30:09.000000000Z")])
"""
KEEP = """\
class F(Filter):
    def __call__(self, batch):
        return Keep([row for row, price in enumerate(batch.column("price").to_pylist())
                     if price % 2])
"""
TICKING = """\
class F(Filter):
    derives = True
    told = False

    def __call__(self, batch):
        return ()

    def tick(self, now):
        if not self.told:
            self.told = True
            return [from_rows([Indicator(symbol="A", name="t", provider="x", value=now > 10**18,
                                         ts_event="2024-01-02T14:30:09.000000000Z")])]
"""


@pytest.fixture
def filtered(tmp_path, install, mdc):
    """Run a filter of this code on the lines."""

    def run(code: str, *args: str, stdin: str = "".join(LINES)):
        folder = tmp_path / "f"
        install(folder, "mdc-f", "[mdc.filter]\nff = f_filter:F\n")
        (folder / "f_filter.py").write_text(HEAD + code)
        return mdc("ff", *args, path=folder, stdin=stdin)

    return run


def types(done):
    return [json.loads(line)["type"] for line in done.stdout.splitlines()]


def test_what_a_filter_uses_up_is_used_and_what_it_makes_derived(filtered):
    done = filtered(BARS)
    assert done.returncode == 0, done.stderr
    assert types(done) == ["begin", "gap", "indicator", "end"]
    assert json.loads(done.stdout.splitlines()[2])["value"] == 6
    assert "7 in = 1 out + 0 rejected + 0 dropped + 6 used (+ 1 derived)" in done.stderr


def test_rows_that_are_kept_keep_their_text(filtered):
    done = filtered(KEEP)
    assert done.stdout.splitlines(keepends=True)[1:-1] == [LINES[n] for n in (0, 2, 3, 5)]
    assert "7 in = 4 out + 0 rejected + 3 dropped" in done.stderr


def test_time_goes_by_for_a_filter(filtered):
    done = filtered(TICKING)
    assert types(done) == ["begin", "gap", "indicator", "end"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("3", "it gives a int, not a batch of events"),
        ("['x']", "it gives a str, not a batch of events"),
        ("Keep([2, 1])", "it keeps rows that are not in order"),
        ("Keep([99])", "it keeps rows that are not in order, or not among"),
    ],
)
def test_a_wrong_result_names_the_filter(filtered, result, said):
    done = filtered(f"class F(Filter):\n    def __call__(self, batch):\n        return {result}\n")
    assert done.returncode == 70
    assert f"plugin filter:ff (mdc-f 1.2) failed: {said}" in done.stderr
    assert "bug in mdc" not in done.stderr
