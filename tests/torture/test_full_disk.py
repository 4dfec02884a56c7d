"""A full disk: status 73, nothing acknowledged is lost, and with room all is well again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Shell
from tests.kit.deadline import DEADLINE
from tests.torture.harness import Store, check_clean, events_of, numbers_of

SIZE = 6 << 20


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, left: int) -> None:
        """Use it up but for so many bytes."""
        with self._filler.open("ab", buffering=0) as file:
            block = 1 << 16
            while block >= 512:
                try:
                    file.write(b"x" * block)
                except OSError:
                    block //= 2
        with self._filler.open("r+b") as file:
            file.truncate(max(self._filler.stat().st_size - left, 0))

    def clear(self) -> None:
        """Give the room back, and more."""
        self._filler.unlink()
        subprocess.run(["mount", "-o", f"remount,size={10 * SIZE}", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(path)]
    made = subprocess.run(mount, capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no small file system can be made here: {made.stderr.decode().strip()}")
    yield Disk(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


def failed(store: Store) -> bytes:
    """What a store said that must have ended with status 73."""
    assert store.process.wait(DEADLINE) == 73
    assert store.process.stderr is not None
    errors = store.process.stderr.read()
    store.finish()
    return errors


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
@pytest.mark.parametrize("seal", ["60KB", "1GB"])
def test_a_store_that_fills_the_disk(
    disk: Disk, quiet_env: dict[str, str], form: str, seal: str
) -> None:
    root = disk.path / "data"
    disk.fill(5 << 20)
    options = ("--format", form, "--seal-size", seal, "--min-free", "0")
    store = Store(root, quiet_env, "a", *options)
    errors = failed(store)
    assert b"cannot write" in errors and b" full\n" in errors.replace(b"left on device", b"full"), (
        errors
    )
    assert store.acknowledged > 1000
    # What is safe can be read although nothing can be written.
    numbers = numbers_of(events_of(root, quiet_env), "a")
    assert numbers == list(range(len(numbers))) and len(numbers) >= store.acknowledged
    disk.clear()
    again = numbers_of(events_of(root, quiet_env, recover=True), "a")
    assert again == numbers
    check_clean(root, quiet_env)


def test_it_stops_before_the_disk_is_full(disk: Disk, quiet_env: dict[str, str]) -> None:
    root = disk.path / "data"
    store = Store(root, quiet_env, "a", "--seal-size", "1GB", "--min-free", "40%")
    errors = failed(store)
    assert b"nearly full" in errors and b"--min-free" in errors, errors
    # Everything is sealed: there was room for it.
    assert not list((root / "_mdc" / "journal").iterdir())
    numbers = numbers_of(events_of(root, quiet_env), "a")
    assert numbers == list(range(len(numbers))) and len(numbers) >= store.acknowledged > 1000
    check_clean(root, quiet_env)


@pytest.mark.parametrize("left", [0, 8 << 10, 40 << 10, 100 << 10, 200 << 10])
@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_no_room_to_seal(disk: Disk, quiet_env: dict[str, str], form: str, left: int) -> None:
    root = disk.path / "data"
    options = ("--format", form, "--seal-size", "1GB", "--min-free", "0")
    store = Store(root, quiet_env, "a", *options, limit=3000)
    store.wait_for(3000)
    disk.fill(left)
    store.end_input()
    status = store.process.wait(DEADLINE)
    store.finish()
    assert status in (0, 73)
    assert status == 73 or left
    lines = events_of(root, quiet_env)
    assert numbers_of(lines, "a") == list(range(3000))
    disk.clear()
    assert events_of(root, quiet_env, recover=True) == lines
    check_clean(root, quiet_env)


REWRITES = {
    "compact": "mdc compact --root disk/data",
    "tier": "mdc tier migrate --root disk/data --now 2024-03-01",
    "pack create": "mdc pack create disk/out.zip --root disk/data --force",
    "pack import": "mdc pack import given.zip --root disk/data",
    "rebuild": "mdc catalog rebuild --root disk/data",
    "recover": "mdc recover --root disk/data",
    "migrate": "mdc schema migrate --root disk/data",
    "retain": "mdc retain --yes --by event --root disk/data --keep 1d --now 2024-01-05 --symbol b1",
}


@pytest.mark.parametrize("name", REWRITES)
def test_rewriting_on_a_full_disk(
    disk: Disk, shell: Shell, quiet_env: dict[str, str], tmp_path: Path, name: str
) -> None:
    from tests.torture.harness import trade

    for writer, options in (("a", ""), ("b", "--format jsonl"), ("c", "")):
        lines = b"".join(trade(writer, number) for number in range(4000))
        assert shell(f"mdc store --root disk/data {options}", stdin=lines).status == 0
    other = b"".join(trade("z", number) for number in range(4000))
    assert shell("mdc store --root given", stdin=other).status == 0
    assert shell("mdc pack create given.zip --root given").status == 0
    root = disk.path / "data"
    before = events_of(root, quiet_env)
    refused = 0
    for left in (0, 10 << 10, 40 << 10, 90 << 10, 150 << 10):
        disk.fill(left)
        done = shell(REWRITES[name])
        assert done.status in (0, 73), done
        if done.status == 73:
            refused += 1
            assert "cannot write" in done.err
            assert events_of(root, quiet_env) == before
        disk.clear()
        if done.status == 0:
            break
    assert refused or name in ("recover", "retain", "migrate")
    assert shell(REWRITES[name]).status == 0
    check_clean(root, quiet_env)
    after = set(events_of(root, quiet_env))
    if name != "retain":
        assert after.issuperset(before)
    assert len(after) == len(before) + (4000 if name == "pack import" else 0) or name == "retain"
