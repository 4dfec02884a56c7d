"""Where secrets come from, and that they are shown nowhere."""

import io
import json
import sys
import types

import pytest

from mdc_core.errors import ConfigError
from mdc_core.logs import DETAIL, WARNING, Log, Mask
from mdc_core.secrets import is_placeholder, resolve


def find(environ, *names, ask=lambda name: None):
    return resolve(names or ("TOKEN",), environ, mask=Mask(), ask=ask)


def test_from_the_environment():
    assert find({"TOKEN": "abc", "ID": "x"}, "TOKEN", "ID") == {"TOKEN": "abc", "ID": "x"}


def test_from_a_file_without_its_line_end(tmp_path):
    (tmp_path / "token").write_text("from-file\n")
    environ = {"TOKEN_FILE": str(tmp_path / "token")}
    assert find(environ) == {"TOKEN": "from-file"}
    assert find({**environ, "TOKEN": "direct"}) == {"TOKEN": "direct"}
    assert find({**environ, "TOKEN": "__SET_ME__"}) == {"TOKEN": "from-file"}


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"TOKEN_FILE: no such file or directory: .*nothing"):
        find({"TOKEN_FILE": str(tmp_path / "nothing")})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"TOKEN_FILE: .*binary is not UTF-8"):
        find({"TOKEN_FILE": str(tmp_path / "binary")})


def test_from_a_keyring(monkeypatch):
    class KeyringError(Exception):
        pass

    stored = {("mdc", "TOKEN"): "from-keyring"}

    def get_password(service, name):
        if name == "LOCKED":
            raise KeyringError
        return stored.get((service, name))

    keyring = types.ModuleType("keyring")
    keyring.__spec__ = types.SimpleNamespace(name="keyring")
    keyring.get_password = get_password
    keyring.errors = types.SimpleNamespace(KeyringError=KeyringError)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert find({}) == {"TOKEN": "from-keyring"}
    with pytest.raises(ConfigError, match="missing secret: LOCKED"):
        find({}, "LOCKED")


def test_from_an_observer():
    assert find({}, ask=lambda name: f"asked-{name}") == {"TOKEN": "asked-TOKEN"}
    with pytest.raises(ConfigError):
        find({}, ask=lambda name: "CHANGE_ME")


def test_all_that_is_missing_is_named_and_how_to_set_it():
    with pytest.raises(ConfigError, match="missing secret: TOKEN, ID") as caught:
        find({"OTHER": "x", "ID": ""}, "TOKEN", "OTHER", "ID")
    assert caught.value.exit_status == 78
    assert "export TOKEN=" in caught.value.hint and "TOKEN_FILE" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "unset"),
    [
        ("", True),
        ("  ", True),
        ("__SET_ME__", True),
        ("CHANGE_ME", True),
        ("changeme", True),
        ("<your key>", True),
        ("your-api-key", True),
        ("xxx", True),
        ("PKXXX123", False),
        ("set_me_up", False),
        ("a", False),
    ],
)
def test_placeholders_are_as_good_as_nothing(value, unset):
    assert is_placeholder(value) is unset


def test_a_secret_is_masked_in_every_form():
    mask = Mask()
    resolve(("TOKEN", "LONGER"), {"TOKEN": 'p/w"d', "LONGER": 'p/w"d and more'}, mask=mask)
    text = 'p/w"d p%2Fw%22d {"t":"p/w\\"d"} p/w"d and more'
    assert mask(text) == '*** *** {"t":"***"} ***'
    mask.add("ab")
    assert mask("able") == "able"


def test_messages_are_lines_with_secrets_masked():
    out = io.StringIO()
    log = Log(file=out)
    log.mask.add("hunter22")
    log.detail("unheard")
    log.note("token hunter22")
    log.threshold = WARNING
    log.note("unheard")
    log.warning("w")
    log.threshold = DETAIL
    log.detail("d")
    assert out.getvalue() == "mdc: token ***\nmdc: w\nmdc: d\n"


def test_messages_as_json():
    out = io.StringIO()
    log = Log(style="json", file=out)
    log.stage, log.run_id = "validate", lambda: "r1"
    log.mask.add('a"b"c')
    log.error('no "a"b"c"\nsecond line', hint='not a"b"c', event="refused", file='/a"b"c', count=2)
    line = json.loads(out.getvalue())
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "error",
        "stage": "validate",
        "run_id": "r1",
        "event": "refused",
        "message": 'no "***"\nsecond line',
        "hint": "not ***",
        "file": "/***",
        "count": 2,
    }
    assert out.getvalue().count("\n") == 1


def test_nobody_listening_is_no_reason_to_stop():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    Log(file=Gone()).error("x")
