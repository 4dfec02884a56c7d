"""Print the script that completes commands, plugins and options on TAB.

bash: put `source <(mdc completion bash)` in ~/.bashrc. zsh: write the text to a file named
_mdc in a folder of $fpath. fish: write it to ~/.config/fish/completions/mdc.fish.
"""

import click

from mdc_core.cli.options import command as make
from mdc_core.cli.scripts import SHELLS, script

GROUP = "setup 5"
EXAMPLES = ("mdc completion bash", "mdc completion zsh > _mdc")


@make()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script for a shell."""
    click.echo(script(shell, ctx.find_root().command), nl=False)
