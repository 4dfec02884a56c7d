"""What TAB offers."""

from tests.conftest import Shell


def tab(line: str, shell: Shell, **env: str) -> list[str]:
    """What TAB offers at the end of a line."""
    words = {"_MDC_COMPLETE": "bash_complete", "COMP_WORDS": line}
    out = shell("mdc", **words, COMP_CWORD=str(line.count(" ")), **env).out
    return [word.partition(",")[2] for word in out.splitlines()]
