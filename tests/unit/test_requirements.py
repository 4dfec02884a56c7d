"""What a distribution says of itself: its fields, and whether this mdc is the one it needs."""

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mdc_core import requirements
from mdc_core.requirements import metadata, normal, satisfies

OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
VERSIONS = ("0.1", "0.9.9", "1.2", "1.2.0", "1.2.3", "1.2.3.0", "1.2.4", "1.3", "2", "10.0")
BOUNDS = [f"{operator}{version}" for operator in OPERATORS for version in VERSIONS]
BOUNDS += [f"~={version}" for version in VERSIONS if "." in version]
BOUNDS += [f"{operator}{version}.*" for operator in ("==", "!=") for version in VERSIONS]


@pytest.mark.parametrize("here", ["0.1.0", "1.2.3", "1.2", "1.10.0", "2.0"])
def test_bounds_mean_what_they_mean_to_pip(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "__version__", here)
    found = {bound: satisfies(bound) for bound in BOUNDS}
    assert found == {bound: SpecifierSet(bound).contains(Version(here)) for bound in BOUNDS}


@pytest.mark.parametrize("bound", ["", "1.2", "===1.2", "=1.2", "<>9"])
def test_what_is_no_bound_excludes_nothing(bound: str) -> None:
    assert satisfies(bound)


def test_a_mark_of_a_pre_release_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "__version__", "1.2rc1.dev3")
    assert satisfies("==1.2")
    assert satisfies(">=1.2a1")
    assert not satisfies(">=1.3")


def test_names_that_are_the_same() -> None:
    same = {"Acme.Feed", "acme_feed", "acme-feed", "ACME_FEED"}
    assert {normal(name) for name in same} == {"acme-feed"}
    assert normal("acmefeed") != "acme-feed"


def test_the_fields_of_a_distribution(tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_bytes(
        b"Name: acme\nRequires-Dist: market-data-collector>=1\nRequires-Dist:  lz4 \n"
        b"Summary: caf\xe9\nRequires: no\n\nRequires-Dist: of the description\n"
    )
    folder = str(tmp_path)
    assert list(metadata(folder, "Requires-Dist")) == ["market-data-collector>=1", "lz4"]
    assert list(metadata(folder, "Name")) == ["acme"]
    assert list(metadata(folder, "Summary")) == ["caf\N{REPLACEMENT CHARACTER}"]
    assert list(metadata(folder, "Version")) == []
    (tmp_path / "METADATA").rename(tmp_path / "PKG-INFO")  # of an egg
    assert list(metadata(folder, "Name")) == ["acme"]
    assert list(metadata(str(tmp_path / "nowhere"), "Name")) == []
