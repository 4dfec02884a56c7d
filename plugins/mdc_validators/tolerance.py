"""How far a time may be off before it is a finding."""

from mdc_core.plugin import DataError, UsageError, parse_span


def nanoseconds(check: str, text: str) -> int:
    """The tolerance of a check in nanoseconds; raises UsageError where it is no span."""
    try:
        return parse_span(text)
    except DataError as error:
        raise UsageError(f"{check} tolerance: {error}") from None
