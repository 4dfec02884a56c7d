"""Every message begins with the command that says it, once."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mdc_core
from mdc_core.cli.complaints import ELSEWHERE
from mdc_core.installed import verb_files
from tests.conftest import Shell
from tests.kit.verbs import flags_of_verbs

SAYING = {"detail", "note", "result", "warning", "error", "warn_once", "fail", "complaint"}
KEPT = {"note", "said", "text", "told", "what"}  # variables for what is said next
CORE = Path(mdc_core.__file__).parent
EVERY = flags_of_verbs()
# What names the command at hand.
NAMES = {"ctx.command_path", "ctx.info_name", "self.stage.name", "self.verb"}


def opening(node: ast.expr) -> str | None:
    """How a text begins, `{name}` where a value does; nothing where it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        if isinstance(first, ast.FormattedValue):
            return f"{{{ast.unparse(first.value)}}}"
        return opening(first)
    if isinstance(node, ast.BinOp):
        return opening(node.left)
    return None


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """The texts that a file says: those that are said, raised, or kept to be said."""
    for node in ast.walk(ast.parse(file.read_text())):
        found: ast.expr | None = None
        if isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in SAYING or name.endswith("Error"):
                found = node.args[-1 if name in ("complaint", "fail") else 0]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in KEPT:
            found = node.value
        if found is not None and (text := opening(found)):
            yield node.lineno, text


def test_no_text_names_its_own_command() -> None:
    wrong, seen = [], 0
    words = {Path(path): verb for verb, path in verb_files().items()}
    for file in sorted(CORE.rglob("*.py")):
        verb = words.get(file)
        below = [name for name in EVERY if name.partition(" ")[0] == verb]
        for line, text in texts(file):
            seen += 1
            own = any(re.match(rf"{name}[: ]", text) for name in [verb, *below] if name)
            named = text.startswith("{") and text.strip("{}") in NAMES
            if own or named or re.match(r"mdc [a-z]+:? ", text):
                wrong.append(f"{file.relative_to(CORE)}:{line}: {text[:60]}")
    assert seen > 500 and not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.some(30)
def test_a_wrong_option_is_said_by_the_command(name: str, shell: Shell) -> None:
    # Which options `import` has is known with its profile.
    profile = " --profile csv" if name == "import" else ""
    done = shell(f"mdc {name}{profile} --no-such-option")
    first, *rest = done.err.splitlines()
    assert done.status == 2 and first.startswith("mdc ")
    is_plugin = name.startswith(("stream ", "publish ", "mock ", "providers check "))
    said = name.rpartition(" ")[0] if is_plugin else name
    assert re.match(rf"mdc {said}: (?!mdc |{name.rpartition(' ')[2]}\b)", first), first
    assert not any(line.startswith("mdc ") for line in rest)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "mdc: no such command: 'nosuch'"),
        ("--bad cat", "mdc: no such option: --bad"),
        ("stream", "mdc stream: the name of a provider is missing"),
        ("publish", "mdc publish: the name of a destination is missing"),
        ("tail -f", "mdc tail: only the last events are shown"),
        ("cat --limit", "mdc cat: --limit is without its value"),
        ("export x -o -", "mdc export: --profile NAME is missing"),
        ("export x --profile csv -o -", "mdc export: cannot write to '-'"),
        ("plugin new", "mdc plugin new: missing NAME"),
        ("plugin new x", "mdc plugin new: missing --kind (one of "),
        ("pack", "Usage: mdc pack"),
        ("pack nosuch", "mdc pack: no such command: 'nosuch'"),
        ("help nosuch", "mdc help: no such command: 'nosuch'"),
        ("config show nosuch", "mdc config show: no such command: 'nosuch'"),
        ("config show pack", "mdc config show: pack is several commands"),
        ("config show cat dog", "mdc config show: cat has no commands"),
        ("--root x schema list", "mdc schema list: takes no --root"),
        ("stream sim SPY then stream sim", "mdc stream: reads no input"),
        ("stream sim SPY then store then cat", "mdc store: writes no events"),
        ("ls then cat", "mdc ls: cannot be part of a pipeline"),
        ("validate then ls", "mdc ls: cannot be part of a pipeline"),
        ("completion tcsh", "mdc completion: SHELL: 'tcsh' is not one of 'bash'"),
        ("query 'SELECT 1' data", "mdc query: the archive comes before the statement"),
        ("cat --format xx", "mdc cat: --format: 'xx' is not one of 'jsonl'"),
    ],
)
def test_what_is_wrong_before_a_command_has_begun(line: str, said: str, shell: Shell) -> None:
    done = shell(f"mdc {line}")
    assert done.status == 2 and done.err.startswith(said), done.err
    assert "\\n" not in done.err and "\\t" not in done.err


def test_a_result_is_said_by_the_command(shell: Shell) -> None:
    assert shell("mdc stream sim SPY --limit 9 then store --root data").status == 0
    said = shell("mdc pack create data p.zip").err
    assert said.startswith("mdc pack create: 9 events in ")
    said = shell("mdc catalog rebuild --root data").err
    assert said.startswith("mdc catalog rebuild: entered ")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("convert x --to arrow", "--format"),
        ("query --wire x", "--format"),
        ("store -o x", "--root"),
        ("store --output x", "--root"),
        ("cat --channels trade", "--type"),
        ("cat --lines 3", "--limit"),
        ("cat -x", None),
        ("store -z", None),
        ("cat --symbl SPY", "--symbol"),
    ],
)
def test_an_option_of_another_command(line: str, meant: str | None, shell: Shell) -> None:
    (first, *_) = shell(f"mdc {line}").err.splitlines()
    asked = f"; did you mean {meant}?" if meant else ""
    assert first.endswith(f"no such option: {line.split()[-2 if meant else -1]}{asked}")


def test_former_names_lead_to_those_of_today() -> None:
    from tests.unit.cli.test_former_names import ALL

    for words, option, flag, _ in ALL:
        if words[0] not in ("stream", "mock", "providers") and flag != "--data":
            assert set(option.opts) & set(ELSEWHERE.get(flag, "").split()), (words, flag)
    assert all(name.startswith("-") for name in ELSEWHERE)
