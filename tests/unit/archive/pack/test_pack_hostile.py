"""Packs from strangers: names that lead out, bombs, links, lies, and damage."""

import json
import random
import stat
import struct
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import py7zr
import pytest

from mdc_core.archive.pack.containers.table import container
from mdc_core.archive.pack.digest import GZIP, seal
from mdc_core.archive.pack.import_ import import_packs
from mdc_core.archive.pack.limits import PackLimit
from mdc_core.archive.pack.verify import verify_aside
from mdc_core.archive.upkeep.recover import prepare
from mdc_core.archive.write.archive import Archive
from tests.conftest import Shell
from tests.unit.archive.pack.packs import FORMATS, LZMA, Members, changed, members_of, tar, write

FLIPS = 60
Refused = Callable[[Path], str]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, quiet_env: dict[str, str]) -> Path:
    """A directory with a pack in each format."""
    folder = tmp_path_factory.mktemp("packs")
    line = "mdc stream sim SPY --limit 400 --seed 5 | mdc store --format jsonl"
    for name in FORMATS:
        line += f" && mdc pack create pack.{name}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env=quiet_env,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def members(packed: Path) -> Members:
    return members_of(packed / "pack.zip")


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Verify and import a pack; both refuse it, and nothing is anywhere. What they say."""

    def refused(path: Path) -> str:
        (found,) = verify_aside([path], PackLimit())
        assert found.findings
        before = sorted(tmp_path.parent.glob("*"))
        archive = Archive.create(tmp_path / "inner" / "deep" / "data")
        prepare(archive)
        merged = import_packs(archive, [path], PackLimit())
        assert merged.new == []
        assert merged.findings == found.findings
        assert sorted(tmp_path.parent.glob("*")) == before
        assert not list(Path("/tmp").glob("evil*"))
        files = {p for p in (tmp_path / "inner").rglob("*") if p.is_file()}
        assert {file.parent for file in files} == {archive.state}
        assert [p for p in tmp_path.iterdir() if p.name not in ("inner", path.name)] == []
        return "\n".join(map(str, found.findings))

    return refused


def test_what_the_others_start_from(members: Members, tmp_path: Path, shell: Shell) -> None:
    """Taken apart and put together again by other tools, a pack is as good as before."""
    for name in FORMATS:
        path = write(tmp_path / f"again.{name}", changed(members, lambda manifest: None))
        done = shell(f"mdc pack verify {path.name} && mdc pack import {path.name}")
        assert done.status == 0, (name, done.out, done.err)


NAMES = [
    "data/../../evil.jsonl",
    "../evil.jsonl",
    "/tmp/evil.jsonl",
    "C:/evil.jsonl",
    "C:evil.jsonl",
    "data\\..\\..\\evil.jsonl",
    "data/./evil.jsonl",
    "data//evil.jsonl",
    "data/_mdc/evil.jsonl",
    "data/.evil.jsonl",
    "data/.x/evil.jsonl",
    "evil.jsonl",
    "data/evil.py",
    "data/CON/evil.jsonl",
    "data/nul.jsonl",
    "data/\x1b[2Jevil.jsonl",
    "data/evil.jsonl/",
    f"data/{'x' * 5000}.jsonl",
    "data/evil\0.jsonl",
    "data/ev il.jsonl",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
def test_names_that_lead_out_are_refused(
    name: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    """Manifest and container agree on the name, so nothing but the name is wrong."""

    def rename(manifest: dict[str, Any]) -> None:
        manifest["files"][0]["path"] = name

    hostile = changed(members, rename)
    old = json.loads(members[0][1])["files"][0]["path"]
    hostile = [(name if member == old else member, data) for member, data in hostile]
    for form in ("zip", "tar.zst", "7z"):
        if form == "7z" and "\0" in name:
            continue  # its names end there
        said = refused(write(tmp_path / f"hostile.{form}", hostile))
        (tmp_path / f"hostile.{form}").unlink()
        assert "\x1b" not in said
        shown = name if name.isprintable() else ascii(name)
        # py7zr takes a backslash for a slash.
        assert shown[:100] in said or (form == "7z" and shown.replace("\\", "/") in said)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("extra", ["../../evil", "/tmp/evil", "data/more.jsonl", "README.md"])
def test_members_beyond_the_manifest(
    form: str, extra: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile tells that a name comes twice
        path = write(tmp_path / f"hostile.{form}", [*members, (extra, b"evil")])
    assert f"{extra}: " in refused(path)


def test_a_name_twice_in_the_manifest(members: Members, tmp_path: Path, refused: Refused) -> None:
    def twice(manifest: dict[str, Any]) -> None:
        manifest["files"] *= 2

    path = write(tmp_path / "twice.zip", changed(members, twice))
    assert ".jsonl: the pack has this name twice" in refused(path)


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "FIFOTYPE", "DIRTYPE"])
def test_links_and_devices_in_a_tar(
    kind: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    info = tarfile.TarInfo(members[-1][0])
    info.type = getattr(tarfile, kind)
    info.linkname = "/etc/passwd" if "L" in kind or "SYM" in kind else ""
    path = tmp_path / "hostile.tar.gz"
    import gzip

    path.write_bytes(gzip.compress(tar([*members[:-1], (info, b"")])))
    with path.open("r+b") as file:
        seal(file, GZIP)
    assert f"{members[-1][0]}: not a regular file" in refused(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip(
    kind: int, members: Members, tmp_path: Path, refused: Refused
) -> None:
    path = write(tmp_path / "hostile.zip", members)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 38 : at + 42] = struct.pack("<I", (kind | 0o644) << 16)
    path.write_bytes(data)
    assert f"{members[-1][0]}: not a regular file" in refused(path)


def test_a_link_in_a_7z(members: Members, tmp_path: Path, refused: Refused) -> None:
    link = tmp_path / "link"
    link.symlink_to("manifest.json")
    (tmp_path / "manifest.json").write_bytes(members[0][1])
    path = tmp_path / "hostile.7z"
    with py7zr.SevenZipFile(path, "w", filters=LZMA) as packed:
        packed.set_encoded_header_mode(False)
        packed.write(tmp_path / "manifest.json", "manifest.json")
        packed.write(link, "README.md")
    link.unlink()
    (tmp_path / "manifest.json").unlink()
    assert "README.md: not a regular file" in refused(path)


def test_encrypted_packs(members: Members, tmp_path: Path, refused: Refused) -> None:
    path = write(tmp_path / "secret.zip", members)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "manifest.json: encrypted" in refused(path)
    path.unlink()
    path = tmp_path / "secret.7z"
    with py7zr.SevenZipFile(path, "w", password="geheim") as packed:
        packed.set_encoded_header_mode(False)
        for name, text in members:
            packed.writestr(text, name)
    assert "encrypted" in refused(path)


def declaring(members: Members, size: int) -> Members:
    """The last file is said to have so many bytes, of zeros."""
    import hashlib

    digest = hashlib.sha256()
    for _ in range(size >> 20):
        digest.update(bytes(1 << 20))

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][-1] |= {"bytes": size, "sha256": digest.hexdigest(), "frames": []}

    return changed(members, change)


@pytest.mark.parametrize("form", FORMATS)
def test_more_bytes_than_declared(
    form: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    size = len(members[-1][1])
    bomb = [*members[:-1], (members[-1][0], bytes(200 << 20))]
    said = refused(write(tmp_path / f"bomb.{form}", bomb))
    assert f"{members[-1][0]}: more than the {size:,} bytes it may have" in said


@pytest.mark.parametrize("form", ["tar.zst", "7z"])
def test_a_bomb_that_declares_itself(
    form: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    """These pack zeros more than a thousand times tighter; gzip and zip cannot."""
    size = 300 << 20
    bomb = [*declaring(members, size)[:-1], (members[-1][0], bytes(size))]
    said = refused(write(tmp_path / f"bomb.{form}", bomb))
    assert f"{members[-1][0]}: a bomb" in said


def test_a_limit_for_all_packs_together(members: Members, tmp_path: Path, shell: Shell) -> None:
    path = write(tmp_path / "large.zip", declaring(members, 5 << 40 >> 20 << 20 >> 12))
    done = shell(f"mdc pack import {path.name} --max-unpacked-size 1MB")
    assert done.status == 65
    assert "at most 1,000,000 may" in done.err
    good = write(tmp_path / "good.zip", members)
    size = sum(len(data) for _, data in members)
    assert shell(f"mdc pack verify {good.name} --max-unpacked-size {size}B").status == 0
    both = shell(f"mdc pack verify {good.name} {good.name} --max-unpacked-size {size}B")
    assert both.status == 1
    assert f"at most {size:,} may" in both.out


def test_a_manifest_without_end(tmp_path: Path, refused: Refused) -> None:
    for form in ("zip", "tar.gz"):
        path = write(tmp_path / f"bomb.{form}", [("manifest.json", b" " * (80 << 20))])
        assert "manifest.json: more than the 67,108,864 bytes" in refused(path)
        path.unlink()


def test_attributes_without_end(members: Members, tmp_path: Path, refused: Refused) -> None:
    import gzip

    info = tarfile.TarInfo("manifest.json")
    info.pax_headers = {"comment": "x" * (50 << 20)}
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(tar([(info, members[0][1])])))
    with path.open("r+b") as file:
        seal(file, GZIP)
    assert "bytes of attributes of a member" in refused(path)


def test_many_names(tmp_path: Path, refused: Refused) -> None:
    """A list of members that is larger than any pack's is not read into memory."""
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(600):
            packed.writestr(zipfile.ZipInfo(f"{number}{'x' * 65_000}"), b"")
    assert "bytes of names: more than a pack has" in refused(path)


LIES: list[tuple[str, Any, str]] = [
    ("rows", 10**15, "events"),
    ("rows", 3, "events"),
    ("first", None, "the manifest says"),
    ("last", "2030-01-01T00:00:00.000000000Z", "the manifest says"),
    ("bytes", 17, "bytes"),
    ("sha256", "0" * 64, "SHA-256"),
    ("symbol", "QQQ", "an event with the symbol SPY"),
    ("type", "bar", "an event with the type"),
    ("untimed", 5, "the manifest says"),
    ("first_seq", 77, "the manifest says"),
    ("frames", [[5, 1, 2, 3]], "line 1"),
    ("in_order", False, "the manifest says"),
    ("type", "begin", "no event type begin"),
    ("type", "no", "no event type"),
    ("layout", "../x", "no layout"),
    ("period", "../../../x", "of no known form"),
    ("suffix", "l", "not the path of a part"),
    ("version", "../1", "of no known form"),
    ("run_id", "a/b", "of no known form"),
    ("codec", "a/b", "of no known form"),
    ("bytes", -1, "no size"),
    ("sha256", "../" * 21 + "x", "no hash"),
    ("first", "yesterday", "no time"),
    ("origin", "gone", "where it comes from"),
    ("in_order", "many", "not the manifest"),
    ("period", None, "not the manifest"),
]


@pytest.mark.parametrize(("field", "value", "said"), LIES, ids=lambda v: str(v)[:24])
def test_lies_of_the_manifest(
    field: str, value: Any, said: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    def lie(manifest: dict[str, Any]) -> None:
        manifest["files"][0][field] = value

    found = refused(write(tmp_path / "lie.zip", changed(members, lie)))
    assert said in found
    if value is not None and "manifest" not in said[:16]:
        assert json.loads(members[0][1])["files"][0]["path"] in found


def test_totals_and_parts_have_to_be_true(
    members: Members, tmp_path: Path, refused: Refused
) -> None:
    for key, value in (("rows", 1), ("symbols", ["QQQ"]), ("last", None)):
        manifest = json.loads(members[0][1])
        manifest["totals"][key] = value
        data = json.dumps(manifest).encode()
        path = write(tmp_path / "lie.zip", [("manifest.json", data), *members[1:]])
        assert "its totals are not those of its files" in refused(path)
        path.unlink()
    manifest = json.loads(members[0][1]) | {"part": 2}
    path = write(tmp_path / "lie.zip", [("manifest.json", json.dumps(manifest).encode())])
    assert "part 2 of 1" in refused(path)


def test_a_newer_format(members: Members, tmp_path: Path, shell: Shell) -> None:
    newer = json.dumps({"mdc_pack": 2, "other": []}).encode()
    path = write(tmp_path / "newer.zip", [("manifest.json", newer)])
    done = shell(f"mdc pack list {path.name}")
    assert (done.status, "format 2, known is 1" in done.err) == (65, True)


@pytest.mark.parametrize("form", FORMATS)
def test_missing_and_damaged_files_are_named(
    form: str, members: Members, tmp_path: Path, refused: Refused
) -> None:
    gone = members[-1][0]
    assert f"{gone}: missing" in refused(write(tmp_path / f"short.{form}", members[:-1]))
    (tmp_path / f"short.{form}").unlink()
    data = bytearray(members[3][1])
    data[100] ^= 1
    other = [*members[:3], (members[3][0], bytes(data)), *members[4:]]
    said = refused(write(tmp_path / f"bad.{form}", other))
    assert f"{members[3][0]}: damaged: its SHA-256" in said


@pytest.mark.parametrize("form", FORMATS)
def test_a_flipped_bit_is_found_wherever_it_is(form: str, packed: Path, tmp_path: Path) -> None:
    good = (packed / f"pack.{form}").read_bytes()
    path = tmp_path / f"pack.{form}"
    path.write_bytes(good)
    assert verify_aside([path], PackLimit())[0].findings == []
    rng = random.Random(7)
    ends = [*range(120), *range(len(good) - 220, len(good)), *[32] * 8 * (form == "7z")]
    at_start = list(
        range(8)
    )  # each bit of the first packed byte of 7z, of no checksum of the format
    named = 0
    for at in [*rng.choices(range(len(good)), k=FLIPS), *ends]:
        bad = bytearray(good)
        bit = at_start.pop() if at == 32 and at_start else rng.randrange(8)
        bad[at] ^= 1 << bit
        path.write_bytes(bad)
        (found,) = verify_aside([path], PackLimit())
        assert found.findings, f"byte {at} of {len(good)}"
        assert all(finding.pack == str(path) for finding in found.findings)
        named += any(finding.file for finding in found.findings)
    assert named > FLIPS // 4


@pytest.mark.parametrize("form", FORMATS)
def test_cut_off_and_added_to(form: str, packed: Path, tmp_path: Path) -> None:
    good = (packed / f"pack.{form}").read_bytes()
    path = tmp_path / f"pack.{form}"
    cuts = [good[:-1], good[: len(good) // 2], good[:40], good + b"\0", b"\0" + good, b""]
    for data in cuts:
        path.write_bytes(data)
        (found,) = verify_aside([path], PackLimit())
        assert found.findings, len(data)


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_pack_on_the_command_line(
    form: str, packed: Path, tmp_path: Path, shell: Shell
) -> None:
    data = bytearray((packed / f"pack.{form}").read_bytes())
    data[len(data) * 2 // 3] ^= 4
    (tmp_path / f"bad.{form}").write_bytes(data)
    done = shell(f"mdc pack verify bad.{form}")
    assert (done.status, done.err) == (1, "")
    assert all(line.startswith(f"bad.{form}: ") for line in done.out.splitlines())
    found = json.loads(shell(f"mdc pack verify --json bad.{form}").out)
    assert {finding["pack"] for finding in found} == {f"bad.{form}"}
    assert len(found) == len(done.out.splitlines())
    for more in ("", " --dry-run"):
        imported = shell(f"mdc pack import bad.{form} --root copy{more}")
        assert (imported.status, imported.out) == (65, "")
        assert f"bad.{form}: " in imported.err
    assert not list(tmp_path.glob("copy/**/*.jsonl"))


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b\x08\0", b"7z\xbc\xaf\x27\x1c", b"\0" * 999],
)
def test_no_pack_at_all(data: bytes, tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "none.zip").write_bytes(data)
    for verb in ("verify", "list", "import"):
        done = shell(f"mdc pack {verb} none.zip")
        assert done.status == 65, done.err
        assert "none.zip" in done.out + done.err
    assert [path.name for path in tmp_path.iterdir()] == ["none.zip"]


def test_a_seal_that_is_not_there(members: Members, tmp_path: Path, refused: Refused) -> None:
    for form in FORMATS:
        if container(form).seal is not None:
            path = write(tmp_path / f"open.{form}", members, sealed=False)
            assert "does not end as a pack does" in refused(path)
            path.unlink()
