"""Verifying packs: everything in them is read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mdc_core.archive.pack.limits import PackLimit
from mdc_core.archive.pack.manifest import Manifest
from mdc_core.archive.pack.read import NoPackError, PackFinding, Unpacked, unpack
from mdc_core.disk import writing
from mdc_core.texts import counted


def verify(
    paths: Sequence[Path], stage: Callable[[], Path], limit: PackLimit, *, keep: bool = False
) -> list[Unpacked]:
    """Read packs completely; without `keep` each data file is removed when it is checked."""
    read = [_read(path, stage, limit, keep) for path in paths]
    if len(read) > 1:
        _belong_together(read)
    return read


def verify_aside(paths: Sequence[Path], limit: PackLimit) -> list[Unpacked]:
    """Verify packs in a temporary directory, in which there is one file at a time."""
    with writing("a temporary directory", "TMPDIR names another one"):
        folder = TemporaryDirectory(prefix="mdc-pack-", ignore_cleanup_errors=True)
    with folder:
        return verify(paths, lambda: Path(folder.name, "part"), limit)


def _read(path: Path, stage: Callable[[], Path], limit: PackLimit, keep: bool) -> Unpacked:
    try:
        return unpack(path, stage, limit, keep=keep)
    except NoPackError as error:
        text = str(error).removeprefix(f"{path}: ")
        return Unpacked(path, None, [], [PackFinding(str(path), "", text)], is_pack=False)


def _belong_together(read: Sequence[Unpacked]) -> None:
    """Where parts of a pack are given, none may be missing."""
    packs: dict[tuple[str, str], list[tuple[Unpacked, Manifest]]] = {}
    for one in read:
        if one.manifest is not None:
            key = one.manifest.id, repr(one.manifest.parts)
            packs.setdefault(key, []).append((one, one.manifest))
    for (pack_id, _), parts in packs.items():
        first, manifest = parts[0]
        here = {said.part for _, said in parts}
        gone = [share.part for share in manifest.parts if share.part not in here]
        if gone:
            text = f"pack {pack_id[:12]} has {counted(len(manifest.parts), 'part')}; missing: "
            text += ", ".join(map(str, gone))
            first.findings.append(PackFinding(str(first.path), "", text))
