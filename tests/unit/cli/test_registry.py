"""Plugins are found without being imported, and a broken one is reported by name."""

import re
import sys
from importlib.metadata import entry_points

import pytest

from mdc_core import installed, registry, sources
from mdc_core.errors import ConfigError, UsageError

pytestmark = pytest.mark.usefixtures("clean_env")


@pytest.fixture
def third_party(acme, monkeypatch):
    monkeypatch.syspath_prepend(acme)
    yield acme
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]


def test_the_scan_finds_what_importlib_finds():
    for verb in installed.VERBS:
        ours = {(r.name, f"{r.module}:{r.attribute}") for r in registry.find(verb).values()}
        theirs = {(e.name, e.value) for e in entry_points(group=f"mdc.{verb}")}
        assert ours == theirs


def test_a_plugin_is_found_with_its_origin(third_party):
    ref = registry.find("stream")["acme"]
    assert ref[:6] == ("stream", "acme", "acme_feed", "Acme", "mdc-acme", "1.2")
    assert registry.find("filter")["thin"].attribute == "Thin"


def test_names_are_in_order_and_ours_are_among_them(third_party):
    names = list(registry.find("stream"))
    assert names == sorted(names)
    assert {"acme", "sim"} <= set(names)


def test_a_summary_is_read_without_an_import(third_party):
    found = registry.find("stream")
    assert registry.summary(found["acme"]) == "Acme's feed, for tests."
    assert registry.summary(found["broken"]) == "Broken on purpose."
    assert registry.summary(found["gone"]) == ""
    assert not [name for name in sys.modules if name.startswith("acme_")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"""One line."""', "One line."),
        ('#!/bin/x\n# -*- coding\n\n"""\n  Indented.\n\nMore."""', "Indented."),
        ("r'''Raw.'''", "Raw."),
        ('"Short."\n', "Short."),
        ("import os\n", ""),
        ("", ""),
        ('"""never closed', "never closed"),
    ],
)
def test_the_first_line_of_a_docstring(tmp_path, text, line):
    file = tmp_path / "module.py"
    file.write_text(text)
    assert sources.first_line(str(file)) == line


def test_a_file_that_is_not_text_has_a_summary_nevertheless(tmp_path):
    file = tmp_path / "module.py"
    file.write_bytes(b'"""\xff\xfe."""')
    assert sources.first_line(str(file)) == "\ufffd\ufffd."


def test_loading_returns_the_class(third_party):
    assert registry.load("stream", "acme").__name__ == "Acme"


def test_an_unknown_name_is_told_with_what_it_may_mean(third_party):
    with pytest.raises(UsageError, match=r"'acne'; did you mean acme") as caught:
        registry.load("stream", "acne")
    assert "sim" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("broken", r"stream:broken \(mdc-acme 1\.2\).*SystemExit: boom", "acme_broken"),
        ("extra", r"needs the Python module 'no_such_lib'", r"pip install 'mdc-acme\[fast\]'"),
        ("gone", r"needs the Python module 'acme_gone'", "reinstall or uninstall mdc-acme"),
        ("notone", r"stream:notone.* is not a Stream or Source", "mdc_core.plugin.Stream"),
    ],
)
def test_a_broken_plugin_is_named(third_party, name, message, hint):
    with pytest.raises(ConfigError, match=message) as caught:
        registry.load("stream", name)
    assert re.search(hint, caught.value.hint)


def test_an_installation_that_is_older_than_its_source():
    ref = registry.get("stream", "sim")
    for moved in (ref._replace(attribute="Gone"), ref._replace(module="mdc_providers.gone")):
        with pytest.raises(ConfigError, match="stream:sim") as caught:
            registry.import_plugin(moved)
        assert caught.value.hint.endswith("install mdc again (in a checkout: python3 run.py setup)")


def test_a_class_that_the_module_does_not_have(tmp_path, install, monkeypatch):
    install(tmp_path / "x", "mdc-x", "[mdc.store]\nx = json:NoSuchClass\n")
    monkeypatch.syspath_prepend(tmp_path / "x")
    with pytest.raises(ConfigError, match=r"store:x.*AttributeError.*NoSuchClass"):
        registry.load("store", "x")


def test_a_required_module_that_is_missing(tmp_path, install, monkeypatch):
    install(tmp_path / "x", "mdc-x", "[mdc.validate]\nx = needy_check:Needy\n")
    (tmp_path / "x" / "needy_check.py").write_text(
        "from mdc_core.plugin import Check\n"
        "class Needy(Check):\n    requires = ('no_such_module.part',)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "x")
    with pytest.raises(ConfigError, match=r"validate:x.*'no_such_module.part'") as caught:
        registry.load("validate", "x")
    assert caught.value.hint == "pip install no-such-module"


def test_two_distributions_with_one_name_conflict_when_it_is_used(
    third_party, tmp_path, install, monkeypatch
):
    install(tmp_path / "y", "mdc-other", "[mdc.stream]\nacme = other:Other\n", version="9")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "y")])
    with pytest.raises(ConfigError, match="several distributions provide stream:acme") as caught:
        registry.load("stream", "acme")
    assert "mdc-acme:acme or mdc-other:acme" in caught.value.hint
    assert registry.load("stream", "mdc-acme:acme").__name__ == "Acme"
    monkeypatch.setenv(installed.LIMIT, "mdc_acme")
    assert registry.load("stream", "acme").__name__ == "Acme"


def test_the_first_distribution_of_a_name_hides_later_ones(
    third_party, tmp_path, install, monkeypatch
):
    install(tmp_path / "old", "MDC.Acme", "[mdc.stream]\nold = acme_feed:Acme\n", version="0.9")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "old")])
    assert "old" not in registry.find("stream")


@pytest.mark.parametrize(
    ("limit", "found"), [(None, True), ("", False), ("other", False), ("a, Mdc_Acme", True)]
)
def test_loading_can_be_limited(third_party, monkeypatch, limit, found):
    if limit is not None:
        monkeypatch.setenv(installed.LIMIT, limit)
    assert ("acme" in registry.find("stream")) is found
    assert "sim" in registry.find("stream")


def test_an_egg_info_of_an_editable_install(tmp_path, monkeypatch):
    info = tmp_path / "mdc_egg.egg-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[mdc.store]\negg=egg:Egg\n")
    (info / "PKG-INFO").write_text("Name: mdc-egg\nVersion: 3.1\n")
    monkeypatch.syspath_prepend(tmp_path)
    ref = registry.find("store")["egg"]
    assert (ref.distribution, ref.version) == ("mdc-egg", "3.1")


def test_unreadable_places_and_nonsense_are_passed_over(tmp_path, install, monkeypatch):
    install(tmp_path / "z", "mdc-z", "nonsense\n[other]\na = b\n[mdc.store]\nno target\n; c = d\n")
    (tmp_path / "archive.zip").write_bytes(b"not a folder")
    for path in ("z", "archive.zip", "missing"):
        monkeypatch.syspath_prepend(tmp_path / path)
    assert not [ref for ref in registry.find_all() if ref.distribution == "mdc-z"]
