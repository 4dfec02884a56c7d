"""The verbs in groups, as `mdc --help` lists them.

A verb's file says where it belongs, `GROUP = "look 3"`: the group, and its place within.
"""

from collections.abc import Iterator

from mdc_core import registry
from mdc_core.installed import verb_files
from mdc_core.sources import constant

GROUPS = {
    "collect": "Collect",
    "check": "Check",
    "store": "Store and keep",
    "look": "Look",
    "query": "Query",
    "share": "Share",
    "setup": "Set up and extend",
    "filter": "Transform",
}
# Words of other tools, and the verbs that do the same here.
ELSEWHERE = {
    "archive": "pack store",
    "ask": "query",
    "bars": "stream import",
    "capture": "stream frames",
    "check": "validate verify",
    "clean": "retain compact",
    "collect": "stream",
    "csv": "import export",
    "decode": "frames",
    "defrag": "compact",
    "delete": "rm retain",
    "describe": "inspect schema",
    "doctor": "advise verify",
    "download": "backfill stream import",
    "dump": "cat export",
    "expire": "retain",
    "fetch": "backfill stream import",
    "filter": "cat query",
    "fsck": "verify recover",
    "gaps": "coverage",
    "get": "cat",
    "grep": "cat query",
    "import-csv": "import",
    "info": "inspect",
    "ingest": "import store",
    "lint": "validate",
    "list": "ls",
    "listen": "stream",
    "load": "import store",
    "man": "help",
    "merge": "compact",
    "optimize": "compact",
    "provenance": "lineage",
    "prune": "retain rm",
    "purge": "rm retain",
    "record": "stream",
    "remove": "rm retain",
    "repair": "recover",
    "save": "store",
    "select": "query",
    "send": "publish",
    "serve": "mock",
    "show": "cat inspect",
    "simulate": "mock stream",
    "size": "du",
    "sql": "query shell",
    "stat": "inspect",
    "stats": "count coverage",
    "status": "ctl",
    "subscribe": "ctl stream",
    "top": "ctl",
    "transform": "convert",
    "types": "schema",
    "unpack": "pack",
    "unsubscribe": "ctl",
    "vacuum": "compact",
    "vendors": "providers",
    "view": "cat",
    "watch": "stream",
    "wc": "count",
    "zip": "pack",
}


def grouped() -> Iterator[tuple[str, list[str]]]:
    """The title of each group with its verbs, those used most first; filters come last."""
    found: dict[str, list[tuple[int, str]]] = {key: [] for key in GROUPS}
    for name, file in verb_files().items():
        key, _, place = constant(file, "GROUP").partition(" ")
        found[key].append((int(place), name))
    found["filter"] = [(0, name) for name in registry.find("filter") if name not in verb_files()]
    for key, verbs in found.items():
        if verbs:
            yield GROUPS[key], [name for _, name in sorted(verbs)]
