"""What is longer than a name of a file can be is no bug: it is told, or is no name."""

import pytest

from tests.conftest import Shell

LONG = "a" * 300


@pytest.mark.parametrize("verb", ["cat", "count", "ls", "convert", "validate", "head", "inspect"])
def test_a_file_with_a_name_that_is_too_long(verb: str, shell: Shell) -> None:
    done = shell(f"mdc {verb} {LONG}")
    assert done.status == 65 and done.err.startswith(f"mdc {verb}: "), done.err
    assert LONG in done.err and "File name too long" in done.err


def test_a_long_value_is_not_taken_for_a_file(shell: Shell) -> None:
    done = shell(f"mdc import --profile csv --map price={LONG} -", stdin=b"a,b\n1,2\n")
    assert done.status == 2 and LONG in done.err, done.err
