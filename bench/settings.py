"""Where the bench works, how much of it is done, and in what environment."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from feeds import SECRETS
from work import HERE, Group


class Bench(NamedTuple):
    """Where it is done, and how much of it."""

    out: Path
    events: int
    repeat: int
    only: Sequence[str]
    quick: bool

    @property
    def corpus_symbols(self) -> int:
        """How many symbols the corpus has; each is two files of what is stored."""
        return 4 if self.quick else 200

    @property
    def jsonl(self) -> Path:
        """The corpus, kept from one time to the next."""
        return self.out / f"x-{self.events}-{self.corpus_symbols}.jsonl"

    @property
    def arrows(self) -> Path:
        """The corpus as an Arrow stream."""
        return self.jsonl.with_suffix(".arrows")

    @property
    def symbols(self) -> int:
        """How many symbols the archive has in which one is found."""
        return 5 if self.quick else 1_000

    @property
    def stream_events(self) -> int:
        """How many events are streamed: three for ten of the corpus, in whole frames."""
        return max(self.events * 3 // 100 * 10, 10)

    @property
    def environment(self) -> dict[str, str]:
        """Our own environment without anybody's settings for mdc."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("MDC_")}
        places = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(self.out))
        return env | dict.fromkeys(SECRETS, "bench") | places

    def wants(self, group: Group) -> Group:
        """The group with only the work that was asked for."""
        if not self.only or group.name in self.only:
            return group
        return group._replace(works=[work for work in group.works if work.name in self.only])


def parse(description: str, groups: Sequence[Group]) -> Bench:
    """The command line."""
    names = dict.fromkeys(work.name for group in groups for work in group.works)
    names |= dict.fromkeys(group.name for group in groups)
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--events", type=int, default=1_000_000, help="size of the corpus")
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument(
        "--only",
        choices=list(names),
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help=f"work, or groups of it, of {', '.join(names)}",
    )
    parser.add_argument("--out", type=Path, default=HERE / "out", help="for the results")
    parser.add_argument("--quick", action="store_true", help="once each: whether it works")
    given = parser.parse_args()
    if given.events < 1 or given.repeat < 1:
        parser.error("--events and --repeat are at least 1")
    given.out.mkdir(parents=True, exist_ok=True)
    repeat = 1 if given.quick else given.repeat
    return Bench(given.out.resolve(), given.events, repeat, given.only, given.quick)
