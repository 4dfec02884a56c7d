"""The completion scripts: click's, which ask `mdc` itself what fits."""

from click import Command
from click.shell_completion import ShellComplete, get_completion_class

COMPLETE = "_MDC_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
# What click's scripts do wrong: a comma ended a word and its description, a * was expanded.
MENDED = {
    "fish": {'string split "," $completion': 'string split --max 1 "," $completion'},
    "bash": {"COMPREPLY+=($value)": 'COMPREPLY+=("$value")'},
}
FILES = {"bash": "mdc.bash", "zsh": "_mdc", "fish": "mdc.fish"}


def script(shell: str, root: Command) -> str:
    """The completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    # ShellComplete's, because the one for bash runs bash to see how old it is.
    text = ShellComplete.source(kind(root, {}, "mdc", COMPLETE))
    for old, new in MENDED.get(shell, {}).items():
        assert old in text
        text = text.replace(old, new)
    return text.rstrip() + "\n"
