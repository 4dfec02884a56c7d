"""`mdc providers`: what a vendor offers and needs, for ours and for strangers' by one door."""

import json
from importlib.metadata import entry_points

import pytest

OURS = sorted({one.name for one in entry_points(group="mdc.stream")})
ZOO = '''"""A zoo's live feed."""
from mdc_core.plugin import Endpoint, Limits, Provider, Sandbox, Stream

class ZooProvider(Provider):
    vendor = "The Zoo"
    assets = ("crypto", "fx")
    venues = ("XZOO",)
    limits = Limits(symbols=50, connections=3)
    notes = ("Closed on Mondays.",)
    test_secrets = {"ZOO_KEY": "k", "ZOO_FILE": "f", "ZOO_MISSING": "m", "ZOO_MORE": "o"}
    secrets = ("ZOO_KEY", "ZOO_FILE", "ZOO_MISSING")
    optional_secrets = ("ZOO_MORE",)

class ZooSandbox(ZooProvider, Sandbox):
    subscribed = True
    def receive(self, frame):
        return ()

class Zoo(ZooProvider, Stream):
    channels = ("trade", "quote", "book")
    sandbox = ZooSandbox
    def endpoints(self):
        return [Endpoint("wss://zoo.example")]
    def receive(self, frame, now):
        return ()
'''
ENTRY = "[mdc.stream]\nzoo = zoo_feed:Zoo\n"


@pytest.fixture
def zoo(tmp_path, install, mdc):
    """Run mdc beside the zoo's package, with a change of its code."""
    folder = tmp_path / "zoo"
    install(folder, "mdc-zoo", ENTRY, version="2.5")

    def run(*args: str, change: tuple[str, str] = ("", ""), **env: str):
        (folder / "zoo_feed.py").write_text(ZOO.replace(*change))
        return mdc(*args, path=folder, **env)

    return run


def shown(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ours_say_what_they_offer_and_need(mdc):
    alpaca = shown(mdc("providers", "show", "alpaca", "--json", ALPACA_SECRET_KEY="s3cret-value"))
    assert alpaca["vendor"] == "Alpaca Markets"
    assert alpaca["assets"] == ["equity", "etf", "crypto", "future"]
    assert {"XNYS", "XNAS", "IEXG"} <= set(alpaca["venues"])
    assert (alpaca["connections"], alpaca["symbols_per_connection"]) == (1, None)
    assert alpaca["verbs"]["stream"]["default_channels"] == ["trade", "quote"]
    assert [(s["name"], s["set"], s["from"]) for s in alpaca["secrets"]] == [
        ("ALPACA_KEY_ID", False, None),
        ("ALPACA_SECRET_KEY", True, "environment"),
    ]
    listed = {row["name"]: row for row in shown(mdc("providers", "list", "--json"))}
    # The unit of a size, and which letters are one venue, are not in the events.
    assert "Nasdaq's two letters, T and Q, are both XNAS." in alpaca["notes"]
    assert any("round lots before 2025-11-03" in note for note in alpaca["notes"])
    assert sorted(listed) == OURS
    assert listed["sim"]["verbs"]["stream"]["simulated"] is True
    assert (listed["sim"]["secrets"], listed["sim"]["mock"]) == ([], False)


def test_a_strangers_facts_are_shown_and_its_secrets_are_not(zoo, tmp_path):
    (tmp_path / "token").write_text("from-a-file\n")
    keys = {"ZOO_KEY": "very-secret", "ZOO_FILE_FILE": str(tmp_path / "token")}
    keys["ZOO_MISSING"] = "__SET_ME__"
    row = shown(zoo("providers", "show", "zoo", "--json", **keys))
    assert row["verbs"]["stream"] == {
        "distribution": "mdc-zoo",
        "version": "2.5",
        "channels": ["trade", "quote", "book"],
        "default_channels": ["trade", "quote"],
        "simulated": False,
    }
    assert (row["summary"], row["mock"]) == ("A zoo's live feed.", True)
    found = {s["name"]: (s["required"], s["set"], s["from"]) for s in row["secrets"]}
    assert found == {
        "ZOO_KEY": (True, True, "environment"),
        "ZOO_FILE": (True, True, "file"),
        "ZOO_MISSING": (True, False, None),
        "ZOO_MORE": (False, False, None),
    }
    text = zoo("providers", "show", "zoo", **keys)
    lines = text.stdout.splitlines()
    for line in (
        "vendor       The Zoo",
        "from         mdc-zoo 2.5",
        "stream       trade, quote, book; by default trade, quote",
        "mock server  yes: mdc stream zoo SYMBOL... --mock",
        "connections  3",
        "symbols      50 a connection",
        "assets       crypto, fx",
        "venues       XZOO",
        "  ZOO_KEY      set (environment)",
        "  ZOO_FILE     set (file)",
        "  ZOO_MISSING  missing",
        "  ZOO_MORE     not set, optional",
        "  Closed on Mondays.",
    ):
        assert line in lines, text.stdout
    assert "very-secret" not in text.stdout and "from-a-file" not in text.stdout


def test_limits_are_those_that_the_driver_keeps_to(zoo):
    more = "connections=3, messages=5, per=2, message=16_000, openings=300, openings_per=90)"
    change = ("connections=3)", more)
    lines = zoo("providers", "limits", change=change).stdout.splitlines()
    assert lines[0].split() == [
        *("NAME", "CONNECTIONS", "SYMBOLS", "SUBSCRIPTIONS", "MESSAGES", "OPENINGS", "LARGEST")
    ]
    (zoos,) = [line for line in lines if line.startswith("zoo")]
    assert zoos.split() == [*("zoo", "3", "50", "-", "5", "in", "2s", "300", "in", "90s", "16KB")]
    told = shown(zoo("providers", "limits", "--json", change=change))
    rows = {row["name"]: row for row in told}
    assert [name for name in rows if name != "zoo"] == OURS
    assert rows["zoo"]["messages"] == 5 and rows["zoo"]["messages_per_seconds"] == 2
    assert rows["zoo"]["new_connections"] == 300
    assert rows["zoo"]["new_connections_per_seconds"] == 90
    binance = rows["binance"]
    assert (binance["new_connections"], binance["new_connections_per_seconds"]) == (300, 300)
    assert rows["sim"]["connections"] is None
    assert "5 in 2s" in zoo("providers", "show", "zoo", change=change).stdout


def test_a_list_says_which_are_ready(zoo):
    def states(**keys):
        done = zoo("providers", "list", **keys)
        assert done.returncode == 0, done.stderr
        return {w[0]: " ".join(w[3:]) for w in map(str.split, done.stdout.splitlines())}

    assert states()["zoo"] == "needs secrets mdc-zoo 2.5 The Zoo"
    every = dict.fromkeys(("ZOO_KEY", "ZOO_FILE", "ZOO_MISSING"), "x1")
    assert states(**every)["zoo"] == "ready mdc-zoo 2.5 The Zoo"


def test_a_secret_whose_file_cannot_be_read_is_told(zoo):
    row = shown(zoo("providers", "show", "zoo", "--json", ZOO_KEY_FILE="/nowhere/key"))
    key = row["secrets"][0]
    assert (key["set"], key["from"]) == (False, None)
    assert key["problem"] == "ZOO_KEY_FILE: no such file or directory: /nowhere/key"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('("crypto", "fx")', '("crypto", "shares")'), "no such class of assets: 'shares'"),
        (('("XZOO",)', '("XZOO")'), "venues must be a tuple of words, not 'XZOO'"),
        (("symbols=50", "symbols=0"), "limits: symbols must be a whole number above 0, not 0"),
        (("Limits(symbols=50, connections=3)", "50"), "limits must be Limits(...), not 50"),
        (('vendor = "The Zoo"', "vendor = None"), "vendor must be a name, not None"),
        (
            ('optional_secrets = ("ZOO_MORE",)', ""),
            "its mock server asks for other secrets: ZOO_KEY",
        ),
        (("class ZooProvider", "1 / 0\nclass ZooProvider"), "ZeroDivisionError"),
    ],
)
def test_facts_that_cannot_be_are_told_and_the_others_are_listed(zoo, change, said):
    listed = zoo("providers", "list", change=change)
    assert listed.returncode == 78
    assert "plugin stream:zoo (mdc-zoo 2.5)" in listed.stderr and said in listed.stderr
    names = [line.split()[0] for line in listed.stdout.splitlines() if line[:1].strip()]
    assert names == ["NAME", *sorted([*OURS, "zoo"])]
    assert "broken" in listed.stdout
    shown_alone = zoo("providers", "show", "zoo", change=change)
    assert (shown_alone.returncode, shown_alone.stdout) == (78, "")
    assert said in zoo("plugins", "--load", change=change).stderr


def test_a_wrong_name_is_told_with_the_right_one(zoo):
    done = zoo("providers", "show", "zo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such provider: 'zo'; did you mean zoo?" in done.stderr


def test_tab_completes_the_names(zoo):
    words = {"COMP_WORDS": "mdc providers show ", "COMP_CWORD": "3"}
    done = zoo(**words, _MDC_COMPLETE="bash_complete")
    names = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert names == sorted([*OURS, "zoo"])


def test_a_provider_whose_name_is_taken_has_its_longer_word(tmp_path, install, mdc):
    folder = tmp_path / "zoo"
    install(folder, "mdc-zoo", "[mdc.stream]\nsim = zoo_feed:Zoo\n", version="2.5")
    (folder / "zoo_feed.py").write_text(ZOO)
    listed = shown(mdc("providers", "list", "--json", path=folder))
    assert [row["name"] for row in listed] == sorted([*OURS, "mdc-zoo:sim"])
    assert shown(mdc("providers", "show", "sim", "--json", path=folder))["vendor"] == "mdc"
    other = shown(mdc("providers", "show", "mdc-zoo:sim", "--json", path=folder))
    assert (other["vendor"], other["verbs"]["stream"]["version"]) == ("The Zoo", "2.5")
