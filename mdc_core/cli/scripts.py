"""The completion scripts: click's, which ask `mdc` itself what fits."""

from click.shell_completion import ShellComplete, get_completion_class

from mdc_core.cli.main import COMPLETE, root

SHELLS = ("bash", "zsh", "fish")
FILES = {"bash": "mdc.bash", "zsh": "_mdc", "fish": "mdc.fish"}


def script(shell: str) -> str:
    """The completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    # ShellComplete's, because the one for bash runs bash to see how old it is.
    return ShellComplete.source(kind(root, {}, "mdc", COMPLETE)).rstrip() + "\n"
